"""What an exchange on any ASGI connection has in common: the scope, and headers as pairs of bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from perfkit._asgi_route import PASSED_ON, route_template
from perfkit._threads import on_asyncio
from perfkit.exchange import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    PATH_CHARACTERS,
    Exchange,
    HeaderBlock,
    HeaderName,
    HeaderSet,
    Reply,
    Shared,
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

# Names of headers known to be in lower case: to find them here is quicker than to look at their letters.
LOWER: Final[set[bytes]] = {CONTENT_LENGTH.raw, CONTENT_TYPE.raw}
# Names may come from a request that an application forwards.
MAX_LOWER: Final = 1024
MAX_LENGTH: Final = 64


class ConnectionExchange(Exchange):
    """An exchange on an ASGI connection: reads the scope, and keeps response headers as ASGI has them.

    Attributes:
        scope: what the application is to get as its own.
    """

    # Before there is a response.
    headers: RawHeaders = ()  # type: ignore[assignment]
    _fields: dict[bytes, bytes] = MappingProxyType({})  # type: ignore[assignment] # by name, but for those of `_block`
    _block: HeaderBlock | None = None  # added last, and seldom looked at again
    _request_headers: dict[bytes, bytes] | None = None

    def __init__(self, scope: Scope, send: Send, stack: Stack) -> None:
        # What Exchange.__init__ does, without the call.
        self.started = perf_counter()
        self._trust = stack.trust
        self.state = {}
        self.facts = {}
        self.scope = scope
        self._send = send
        self._stack = stack
        if stack.shares:
            # In the very scope, since frameworks write what they find out into it; several stacks share one.
            present = scope.get("perfkit")
            offers = stack.offers
            self.shared = scope["perfkit"] = Shared(offers) if present is None else Shared.joined(present, offers)

    @property
    def method(self) -> str:  # type: ignore[override]
        # A WebSocket handshake is a GET (RFC 6455 section 4.1).
        return self.scope.get("method", "GET")  # type: ignore[no-any-return]

    @property
    def peer_scheme(self) -> str:  # type: ignore[override]
        return self.scope.get("scheme", "http")  # type: ignore[no-any-return]

    @property
    def peer(self) -> str | None:  # type: ignore[override]
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def path(self) -> str:
        return self.scope["path"]  # type: ignore[no-any-return]

    @property
    def target(self) -> str:
        raw_path: bytes | None = self.scope.get("raw_path")  # optional in ASGI
        path = quote(self.path, PATH_CHARACTERS) if raw_path is None else raw_path.decode("latin-1")
        query: bytes = self.scope.get("query_string", b"")
        return f"{path}?{query.decode('latin-1')}" if query else path

    @property
    def route(self) -> str | None:  # type: ignore[override]
        return route_template(self.scope)

    @property
    def user(self) -> str | None:
        return _identity(self.scope.get("user"))

    @property
    def debug(self) -> bool:
        return getattr(self.scope.get("app"), "debug", False) is True  # Starlette and those built on it

    def request_header(self, name: HeaderName) -> str | None:
        headers = self._request_headers
        if headers is None:
            headers = self._request_headers = by_name(self.scope["headers"])
        value = headers.get(name.raw)
        return None if value is None else value.decode("latin-1")

    def request_header_lines(self, name: HeaderName) -> list[str]:
        raw = name.raw
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == raw]

    def has_request_headers(self, names: HeaderSet) -> bool:
        headers = self._request_headers
        if headers is None:
            headers = self._request_headers = by_name(self.scope["headers"])
        return not names.raw.isdisjoint(headers)

    def set_request_header(self, name: HeaderName, value: str | None) -> None:
        fields: list[tuple[bytes, bytes]] = [field for field in self.scope["headers"] if field[0] != name.raw]
        if value is not None:
            fields.append((name.raw, check_header_value(value).encode("latin-1")))
        # A copy: the server's own, which it may read again, stays as it is.
        copy = {**self.scope, "headers": fields}
        self.scope[PASSED_ON] = copy
        self.scope = copy
        self._request_headers = None

    def accept_headers(self, message: Message) -> None:
        """Take the headers of an application's message; its own list stays as it is.

        Names are put in lower case where they are not, as ASGI demands, so that they can be compared.
        """
        self._block = None
        headers = self.headers = list(message.get("headers") or ())
        fields = self._fields = dict(headers)
        if not LOWER.issuperset(fields) and not lower(fields):
            headers = self.headers = [(name.lower(), value) for name, value in headers]
            fields = self._fields = dict(headers)
        if len(fields) < len(headers):
            self._fields = by_name(headers)

    def _settled(self) -> dict[bytes, bytes]:
        """All headers by name."""
        if self._block is not None:
            self._fields.update(self._block.raw)
            self._block = None
        return self._fields

    def has_response_header(self, name: HeaderName) -> bool:
        return name.raw in self._fields or (self._block is not None and name.raw in self._block.raw_names)

    def has_response_headers(self, names: HeaderSet) -> bool:
        return not names.raw.isdisjoint(self._settled())

    def response_header(self, name: HeaderName) -> str | None:
        value = self._fields.get(name.raw) if self._block is None else self._settled().get(name.raw)
        return None if value is None else value.decode("latin-1")

    def response_header_lines(self, name: HeaderName) -> list[str]:
        raw = name.raw
        if raw not in self._settled():
            return []
        return [value.decode("latin-1") for key, value in self.headers if key == raw]

    def set_header(self, name: HeaderName, value: str) -> None:
        check_header_value(value)
        if self.has_response_header(name):
            self.remove_header(name)
        self.append_header(name, value)

    def append_header(self, name: HeaderName, value: str) -> None:
        raw = name.raw
        coded = check_header_value(value).encode("latin-1")
        self.headers.append((raw, coded))
        block = self._block
        fields = self._fields if block is None or raw not in block.raw_names else self._settled()
        fields[raw] = fields[raw] + b", " + coded if raw in fields else coded

    def remove_header(self, name: HeaderName) -> None:
        if self._settled().pop(name.raw, None) is not None:
            raw = name.raw
            self.headers = [field for field in self.headers if field[0] != raw]

    def remove_headers(self, names: HeaderSet) -> None:
        fields = self._settled()
        if not names.raw.isdisjoint(fields):
            self.headers = [field for field in self.headers if field[0] not in names.raw]
            self._fields = {name: value for name, value in fields.items() if name not in names.raw}

    def add_headers(self, block: HeaderBlock) -> bool:
        fields = self._fields if self._block is None else self._settled()
        if not block.raw_names.isdisjoint(fields):
            return False
        self.headers += block.raw
        self._block = block
        return True

    def set_default_headers(self, block: HeaderBlock) -> None:
        if not self.add_headers(block):
            fields = self._fields
            absent = [field for field in block.raw if field[0] not in fields]
            self.headers += absent
            fields.update(absent)

    async def finish(self, error: BaseException | None) -> None:
        """End the exchange; only the first call counts."""
        if (pending := self._stack.end(self, error)) is not None:
            await outlive(pending)


async def outlive(pending: Pending[None]) -> None:
    """Finish an `on_end` hook that waits, and those after it, also when the request is cancelled meanwhile.

    Servers and frameworks cancel what sends a response as soon as the client is gone.
    """
    if on_asyncio():
        return await asyncio.shield(asyncio.ensure_future(pending.run_async()))
    import trio

    with trio.CancelScope(shield=True):
        await pending.run_async()


def _identity(user: Any) -> str | None:
    """What names a user of Starlette's AuthenticationMiddleware, or of one like it, if it has signed in."""
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    for name in ("identity", "pk", "id", "username", "display_name"):
        with suppress(NotImplementedError, AttributeError):  # Starlette's base class has an identity that raises
            identity = getattr(user, name)
            if identity is not None:
                return str(identity)
    return None


def reply_headers(reply: Reply) -> RawHeaders:
    """A feature's headers in ASGI's form, with the Content-Length the reply has to have."""
    return [(name.raw, value.encode("latin-1")) for name, value in reply.fields()]


def by_name(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name, which is in lower case, several lines of one name joined."""
    fields = list(fields)
    by_name = dict(fields)
    if len(by_name) < len(fields):
        by_name = {}
        for name, value in fields:
            by_name[name] = by_name[name] + b", " + value if name in by_name else value
    return by_name


def lower(names: Iterable[bytes]) -> bool:
    """Whether the names of headers are in lower case; those seen are remembered."""
    if any(name != name.lower() for name in names):
        return False
    if len(LOWER) < MAX_LOWER:
        LOWER.update(name for name in names if len(name) <= MAX_LENGTH)
    return True
