"""What an exchange on any ASGI connection has in common: the scope, and headers as pairs of bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from perfkit.exchange import (
    PATH_CHARACTERS,
    Exchange,
    HeaderBlock,
    HeaderName,
    Reply,
    check_header_value,
)
from perfkit.feature import Pending
from perfkit.stack import Stack

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


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


async def outlive(pending: Pending[None]) -> None:
    """Finish an `on_end` hook that waits, and those after it, also when the request is cancelled meanwhile.

    Servers and frameworks cancel what sends a response as soon as the client is gone.
    """
    await asyncio.shield(asyncio.ensure_future(pending.run_async()))


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
