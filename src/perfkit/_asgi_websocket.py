"""WebSocket connections on ASGI, for the features that ask for them."""

from __future__ import annotations

from perfkit._asgi import ConnectionExchange, Message, Receive, reply_headers
from perfkit.exchange import Reply

# What an application closes with that names no code, and what a client's close without one counts as (RFC 6455 section
# 7.4.1).
NORMAL = 1000
NO_CODE = 1005

# "Message violates policy" (RFC 6455 section 7.4.1). Before the handshake is answered, servers turn it into a 403.
POLICY_VIOLATION = 1008


class WebSocketExchange(ConnectionExchange):
    """An exchange that is a WebSocket connection: the handshake is its request, the answer to it its response."""

    websocket = True
    sendfile = True  # no message of a connection goes through an encoder

    def metered(self, receive: Receive) -> Receive:
        """What the application is to get as its `receive`, so that what it takes is counted."""

        async def counting() -> Message:
            message = await receive()
            kind = message["type"]
            if kind == "websocket.receive":
                self.messages_received += 1
            elif kind == "websocket.disconnect" and self.close_code is None:
                self.disconnected = True
                self.close_code = message.get("code", NO_CODE)
            return message

        return counting

    async def send(self, message: Message) -> None:
        """Take one message of the application."""
        kind = message["type"]
        if kind == "websocket.send":
            self.messages_sent += 1
        elif kind == "websocket.close" and self.close_code is None:
            self.close_code = message.get("code", NORMAL)
        if self.status == 0:
            if kind == "websocket.accept":
                message = await self._answered(message, 101)
            elif kind == "websocket.http.response.start":
                message = await self._answered(message, message["status"])
                message["status"] = self.status
            elif kind == "websocket.close":
                await self._answered(message, 403)
        try:
            await self._send(message)
        except OSError:  # the client is gone (ASGI's WebSocket message format 2.4)
            self.disconnected = True
            raise

    async def _answered(self, message: Message, status: int) -> Message:
        self.status = status
        self.accept_headers(message)
        pending = self._stack.respond(self)
        if pending is not None:
            await pending.run_async()
        return {**message, "headers": self.headers}

    async def refuse(self, reply: Reply, receive: Receive) -> None:
        """Refuse the handshake with a feature's reply, or with a plain close where the server cannot send one."""
        await receive()  # the client's connect, which an application takes before it answers
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            return await self.send({"type": "websocket.close", "code": POLICY_VIOLATION})
        start = {"type": "websocket.http.response.start", "status": reply.status, "headers": reply_headers(reply)}
        await self.send(start)
        await self.send({"type": "websocket.http.response.body", "body": reply.body})
