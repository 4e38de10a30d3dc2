"""What an exchange is on ASGI: headers as pairs of bytes, and the way of a response's messages to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from perfkit.errors import IncompleteResponseError
from perfkit.exchange import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    FAILURE,
    PATH_CHARACTERS,
    Exchange,
    HeaderBlock,
    HeaderName,
    Reply,
    check_header_value,
    is_event_stream,
)
from perfkit.feature import Pending
from perfkit.stack import Stack

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

# Messages by which the server sends the body from a file: the path-send and zero-copy-send extensions.
FILE_MESSAGES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
# What belongs to a body that a feature replaced, beside its chunks.
BODY_MESSAGES: Final = FILE_MESSAGES | {"http.response.trailers"}

NOTHING: Final[Message] = {}


class ConnectionExchange(Exchange):
    """An exchange on an ASGI connection: reads the scope, and keeps response headers as ASGI has them."""

    headers: RawHeaders
    _names: list[bytes]  # of the headers, so that it is soon known what is absent
    _request_headers: dict[bytes, bytes] | None = None

    def __init__(self, scope: Scope, send: Send, stack: Stack) -> None:
        Exchange.__init__(self, stack.trust)  # super() takes longer
        self.headers = []
        self._names = []
        self._scope = scope
        self._send = send
        self._stack = stack
        if stack.shares:
            # In the very scope, since frameworks write what they find out into it; several stacks share one.
            self.shared = scope.setdefault("perfkit", {})

    @property
    def method(self) -> str:  # type: ignore[override]
        return str(self._scope.get("method", "GET"))  # a WebSocket handshake is a GET (RFC 6455 section 4.1)

    @property
    def peer_scheme(self) -> str:  # type: ignore[override]
        return self._scope.get("scheme", "http")  # type: ignore[no-any-return]

    @property
    def peer(self) -> str | None:  # type: ignore[override]
        client = self._scope.get("client")
        return client[0] if client else None

    @property
    def path(self) -> str:
        return str(self._scope["path"])

    @property
    def target(self) -> str:
        raw_path: bytes | None = self._scope.get("raw_path")  # optional in ASGI
        path = quote(self.path, PATH_CHARACTERS) if raw_path is None else raw_path.decode("latin-1")
        query: bytes = self._scope.get("query_string", b"")
        return f"{path}?{query.decode('latin-1')}" if query else path

    def request_header(self, name: HeaderName) -> str | None:
        headers = self._request_headers
        if headers is None:
            headers = self._request_headers = _by_name(self._scope["headers"])
        value = headers.get(name.raw)
        return None if value is None else value.decode("latin-1")

    def accept_headers(self, message: Message) -> None:
        """Take the headers of an application's message; its own list stays as it is.

        Names are put in lower case where they are not, as ASGI demands, so that they can be compared.
        """
        headers = self.headers = list(message.get("headers") or ())
        names = self._names = [name for name, _ in headers]
        if names and not b"".join(names).islower():
            self.headers = [(name.lower(), value) for name, value in headers]
            self._names = [name for name, _ in self.headers]

    def has_response_header(self, name: HeaderName) -> bool:
        return name.raw in self._names

    def response_header(self, name: HeaderName) -> str | None:
        raw = name.raw
        if raw not in self._names:
            return None
        return b", ".join([value for key, value in self.headers if key == raw]).decode("latin-1")

    def response_header_lines(self, name: HeaderName) -> list[str]:
        raw = name.raw
        if raw not in self._names:
            return []
        return [value.decode("latin-1") for key, value in self.headers if key == raw]

    def set_header(self, name: HeaderName, value: str) -> None:
        check_header_value(value)
        self.remove_header(name)
        self.append_header(name, value)

    def append_header(self, name: HeaderName, value: str) -> None:
        self.headers.append((name.raw, check_header_value(value).encode("latin-1")))
        self._names.append(name.raw)

    def remove_header(self, name: HeaderName) -> None:
        raw = name.raw
        if raw in self._names:
            self.headers = [field for field in self.headers if field[0] != raw]
            self._names = [key for key, _ in self.headers]

    def set_default_headers(self, block: HeaderBlock) -> None:
        if block.raw_names.isdisjoint(self._names):
            self.headers += block.raw
            self._names += block.raw_names
        else:
            absent = [field for field in block.raw if field[0] not in self._names]
            self.headers += absent
            self._names += [raw for raw, _ in absent]

    async def finish(self, error: BaseException | None) -> None:
        """End the exchange; only the first call counts."""
        if (pending := self._stack.end(self, error)) is not None:
            await outlive(pending)


class HttpExchange(ConnectionExchange):
    """An exchange over HTTP. Its `send` is what the application gets as its own.

    Attributes:
        _start: the application's message with the head of the response, while it is held back.
        _message: the same from then on.
        _sent: whether the head has been sent.
        _plain: whether the application's chunks go out as they come.
        _replaced: whether they are dropped, because a feature put a body in place of the stream.
        _complete: whether all of the response has been sent.
        open: whether there is still something to do when the application returns.
    """

    _start: Message | None = None
    _message: Message = NOTHING
    _sent = False
    _plain = False
    _replaced = False
    _complete = False
    open = True

    def send(self, message: Message) -> Awaitable[None]:
        """Take one message of the application."""
        if self._plain and message.get("more_body"):
            return self._send(message)  # a chunk, or what else has to go out as it is
        kind = message["type"]
        if kind == "http.response.body":
            return self._take_body(message)
        if kind == "http.response.start" and self._start is None and not self._sent:
            self._start = message
            self.status = message["status"]
            self.accept_headers(message)
            if CONTENT_LENGTH.raw in self._names or not self._is_event_stream():
                return _held_back()
            return self._send_start()
        return self._take_other(message)

    def _is_event_stream(self) -> bool:
        return is_event_stream(self.response_header(CONTENT_TYPE) or "")

    async def _take_body(self, message: Message) -> None:
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
            data = self.encode(body)
            message = {**message, "body": data if more else data + self.encode_end()}
        await self._send(message)
        if not more and not self._message.get("trailers") and (pending := self._completed()) is not None:
            await outlive(pending)

    async def _take_other(self, message: Message) -> None:
        kind = message["type"]
        from_file = kind in FILE_MESSAGES
        if self._start is not None:
            self.sendfile = from_file
            await self._send_start()
        if self._replaced and kind in BODY_MESSAGES:
            return
        await self._send(message)
        if kind == "http.response.trailers":
            over = not message.get("more_trailers")
        else:
            over = from_file and not message.get("more_body") and not self._message.get("trailers")
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
        await self._send({"type": "http.response.body", "body": self.body})
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
        message = self._message
        if self._encoder is not None or self.body is not self._original or self.status != message["status"]:
            self.frame(message["status"], self._original)
        self._sent = True
        self._replaced = self._original is None and self.body is not None
        self._plain = self._encoder is None and not self._replaced
        if self._replaced:
            message = {"type": message["type"]}  # whatever else it said, of trailers for example, was of the stream
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
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else self.body})
        if (pending := self._completed()) is not None:
            await outlive(pending)

    async def close(self) -> None:
        """The application returned."""
        if self._start is not None:
            await self._send_start()
        await self.finish(None if self._complete else IncompleteResponseError())

    async def fail(self, error: BaseException) -> None:
        """The application, or a feature, raised."""
        if self._start is not None and isinstance(error, Exception):
            with suppress(Exception):  # the first error is the one to report
                await self._send_start()
        await self.finish(error)


async def outlive(pending: Pending[None]) -> None:
    """Finish an `on_end` hook that waits, and those after it, also when the request is cancelled meanwhile.

    Servers and frameworks cancel what sends a response as soon as the client is gone.
    """
    await asyncio.shield(asyncio.ensure_future(pending.run_async()))


async def _held_back() -> None:
    """What the application awaits while the head of its response waits for the body.

    A coroutine, as servers give one, since an application may make a task of it.
    """


def reply_headers(reply: Reply) -> RawHeaders:
    """A feature's headers in ASGI's form, with the Content-Length the reply has to have."""
    return [(name.raw, value.encode("latin-1")) for name, value in reply.fields()]


def _by_name(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Request headers by name, which servers give in lower case, several lines of one name joined."""
    fields = list(fields)
    by_name = dict(fields)
    if len(by_name) < len(fields):
        by_name = {}
        for name, value in fields:
            by_name[name] = by_name[name] + b", " + value if name in by_name else value
    return by_name
