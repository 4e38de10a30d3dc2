"""The exchange over HTTP on ASGI: the way of a response's messages to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import Final

from perfkit._asgi import ConnectionExchange, Message, Receive, outlive, reply_headers
from perfkit._encoder import Encoder, offload_size
from perfkit._raised_by import raised_by
from perfkit._threads import on_thread
from perfkit.errors import IncompleteResponseError
from perfkit.exchange import CONTENT_LENGTH, CONTENT_TYPE, FAILURE, Reply, has_no_content, is_event_stream
from perfkit.feature import Pending

# Messages by which the server sends the body from a file: the path-send and zero-copy-send extensions.
FILE_MESSAGES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
# What belongs to a body that a feature replaced, beside its chunks.
BODY_MESSAGES: Final = FILE_MESSAGES | {"http.response.trailers"}

NOTHING: Final[Message] = {}

# How long the head of a stream waits for the first of its body: not so long that a client waits for the head.
HOLD_SECONDS: Final = 0.02


class HttpExchange(ConnectionExchange):
    """An exchange over HTTP. Its `send` is what the application gets as its own.

    Attributes:
        _receive: that of the server, where what the application takes is counted.
        _start: the application's message with the head of the response, while it is held back.
        _message: the same from then on.
        _sent: whether the head has been sent.
        _plain: whether the application's chunks go out as they come.
        _replaced: whether they are dropped, because a feature put a body in place of the stream.
        _complete: whether all of the response has been sent.
        _timer: lets go of what is held back of a stream, unless the rest comes before.
        _release: sends it then.
        _held: the chunks held back with the head.
        _bytes: of the body, given to the server.
        _given: whether that was all of it.
        open: whether there is still something to do when the application returns.
    """

    _receive: Receive
    _start: Message | None = None
    _message: Message = NOTHING
    _sent = False
    _plain = False
    _replaced = False
    _complete = False
    _timer: asyncio.TimerHandle | None = None
    _release: asyncio.Task[None] | None = None
    _held = b""
    _bytes = 0
    _given = False
    open = True

    @property
    def sent(self) -> int:  # type: ignore[override]
        return 0 if self.scope["method"] == "HEAD" or has_no_content(self.status) else self._bytes

    def metered(self, receive: Receive) -> Receive:
        """What the application is to get as its `receive`, so that what it takes is counted."""
        self._receive = receive
        return self._counting

    async def _counting(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        elif not self._given:
            self.disconnected = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Take one message of the application."""
        if self._plain and message.get("more_body"):
            self._bytes += len(message.get("body", b""))
            return self._send(message)  # a chunk, or what else has to go out as it is
        kind = message["type"]
        if kind == "http.response.body":
            return self._take_body(message)
        if kind == "http.response.start" and self._start is None and not self._sent:
            self._start = message
            self.status = message["status"]
            self.accept_headers(message)
            if CONTENT_LENGTH.raw in self._fields:
                return _held_back()
            if self._is_event_stream():
                return self._send_start()
            self._hold()
            return _held_back()
        return self._take_other(message)

    def _hold(self) -> None:
        """Hold back the head of what may be a stream, but not for long."""
        with suppress(RuntimeError):  # on trio, which has no timers: it waits for the first of the body
            self._timer = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._let_go)

    def _let_go(self) -> None:
        self._timer = None
        self._release = asyncio.ensure_future(self._send_held())

    async def _send_held(self) -> None:
        """Send what is held back of a stream."""
        await self._send_start()
        held, self._held = self._held, b""
        if held and not self._replaced:
            await self._send_body({"type": "http.response.body", "body": self.encode(held), "more_body": True})

    async def _released(self) -> None:
        """Wait until what was held back is on its way, in front of what comes now."""
        release, self._release = self._release, None
        if release is not None:
            await release
            self._plain = self._encoder is None and not self._replaced

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_event_stream(self) -> bool:
        return is_event_stream(self.response_header(CONTENT_TYPE) or "")

    async def _take_body(self, message: Message) -> None:
        if self._timer is not None or self._release is not None:
            joined = await self._joined(message)
            if joined is None:
                return
            message = joined
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self._start is not None:
            whole = not more or self.response_header(CONTENT_LENGTH) == str(len(body))
            if (pending := self._respond(body if whole else None)) is not None:
                await pending.run_async()
            await self._send(self._head())
            if self._replaced:
                return await self._send_replacement()
            if whole and self.body is not body:
                message = {**message, "body": self.body}
        elif self._replaced:
            return
        if self._encoder is not None:
            message = {**message, "body": await self._encoded(self._encoder, body, more=more)}
        await self._send_body(message)
        if not more and not self._message.get("trailers") and (pending := self._completed()) is not None:
            await outlive(pending)

    async def _joined(self, message: Message) -> Message | None:
        """The message with what was held back before it; None where it is held back too."""
        if self._release is not None:
            await self._released()
            return message
        body: bytes = message.get("body", b"")
        if message.get("more_body") and len(self._held) + len(body) < self._stack.hold:
            self._held += body
            return None
        self._stop_timer()
        if not self._held:
            return message
        self.streamed = True
        held, self._held = self._held, b""
        return {**message, "body": held + body}

    async def _encoded(self, encoder: Encoder, body: bytes, *, more: bool) -> bytes:
        large = len(body) >= offload_size(encoder)
        data = await on_thread(partial(self.encode, body)) if large else self.encode(body)
        return data if more else data + self.encode_end()

    def _send_body(self, message: Message) -> Awaitable[None]:
        self._bytes += len(message.get("body", b""))
        # From here on a server may say that the client is gone, as hypercorn does while it sends the end.
        self._given = not message.get("more_body")
        return self._send(message)

    async def _take_other(self, message: Message) -> None:
        kind = message["type"]
        from_file = kind in FILE_MESSAGES
        if self._release is not None:
            await self._released()
        if self._start is not None:
            self._stop_timer()
            self.sendfile = from_file
            await self._send_held()
        if self._replaced and kind in BODY_MESSAGES:
            return
        await self._send(message)
        if kind == "http.response.trailers":
            over = not message.get("more_trailers")
        else:
            over = from_file and not message.get("more_body") and not self._message.get("trailers")
        if from_file:
            self._given = True
            self._bytes += _length(message.get("count") or self.response_header(CONTENT_LENGTH))
        if over and (pending := self._completed()) is not None:
            await outlive(pending)

    async def _send_start(self) -> None:
        """Send the head of a stream."""
        if (pending := self._respond(None)) is not None:
            await pending.run_async()
        await self._send(self._head())
        if self._replaced:
            await self._send_replacement()

    async def _send_replacement(self) -> None:
        """Send a feature's body in place of the stream."""
        await self._send_body({"type": "http.response.body", "body": self.body})
        if (pending := self._completed()) is not None:
            await outlive(pending)

    def _respond(self, body: bytes | None) -> Pending[None] | None:
        """Let the features see the response."""
        assert self._start is not None
        self._message, self._start = self._start, None
        self.body = self._original = body
        return self._stack.respond(self)

    def _head(self) -> Message:
        """The head of the response, as the features want it."""
        message, original = self._message, self._original
        changed = self.body is not original
        if changed or self._encoder is not None or self.status != message["status"]:
            self._replaced = changed and original is None
            self.frame(message["status"], original)
            if self._replaced:
                message = {"type": message["type"]}  # whatever else it said, of trailers for example, was of the stream
            elif message.get("trailers"):
                self.remove_header(CONTENT_LENGTH)  # they need a body in chunks (RFC 9112 section 7.1.2)
        self._sent = True
        if original is None:  # what is held back goes first
            self._plain = self._encoder is None and not self._replaced and self._release is None
        return {**message, "status": self.status, "headers": self.headers}

    def _completed(self) -> Pending[None] | None:
        """All of the response is sent; which ends the exchange, unless it tells of a failure."""
        self._complete = True
        if self.status >= FAILURE:
            return None
        self.open = False
        return self._stack.end(self, None)

    async def answer(self, reply: Reply) -> None:
        """Send a feature's reply in place of the application's response."""
        self.accept_headers({"headers": reply_headers(reply)})
        self._start = {"type": "http.response.start", "status": reply.status}
        self.status = reply.status
        if (pending := self._respond(reply.body)) is not None:
            await pending.run_async()
        await self._send(self._head())
        await self._send_body({"type": "http.response.body", "body": b"" if self.method == "HEAD" else self.body})
        if (pending := self._completed()) is not None:
            await outlive(pending)

    async def close(self) -> None:
        """The application returned."""
        self._stop_timer()
        await self._released()
        if self._start is not None:
            await self._send_held()
        await self._finish(None if self._complete else IncompleteResponseError())

    async def fail(self, error: BaseException) -> None:
        """The application, or a feature, raised."""
        self._stop_timer()
        with suppress(Exception):  # the first error is the one to report
            await self._released()
            if self._start is not None and isinstance(error, Exception):
                await self._send_held()
        if not self.disconnected:
            self.disconnected = raised_by(self._send, error)
        await self._finish(error)

    async def _finish(self, error: BaseException | None) -> None:
        if not self._sent:
            self.status = 0  # what the application said was held back, and nobody has seen it
        await self.finish(error)


def _length(announced: int | str | None) -> int:
    """How long what the server sends from a file is, as the application announced it."""
    return int(announced) if announced is not None and str(announced).isdecimal() else 0


async def _held_back() -> None:
    """What the application awaits while the head of its response waits for the body.

    A coroutine, as servers give one, since an application may make a task of it.
    """
