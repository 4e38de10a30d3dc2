"""The exchange: one request and its response, as a feature sees it.

No I/O and no framework types here. Each host has a subclass of `Exchange` that reads and writes headers in the form
its protocol uses, so that no header is ever converted which no feature asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, Protocol

from perfkit._encoder import ChainedEncoder, Encoder
from perfkit._headers import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    SET_COOKIE,
    HeaderBlock,
    HeaderName,
    HeaderSet,
    check_header_value,
    is_event_stream,
    is_token,
    join,
)
from perfkit._reply import Reply, has_no_content
from perfkit._shared import CSP_NONCE, Shared

__all__ = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "CONTENT_TYPE_FACT",
    "CSP_NONCE",
    "FAILURE",
    "PATH_CHARACTERS",
    "SCHEMES",
    "SET_COOKIE",
    "ChainedEncoder",
    "Encoder",
    "Exchange",
    "HeaderBlock",
    "HeaderName",
    "HeaderSet",
    "Reply",
    "Shared",
    "Trust",
    "check_header_value",
    "has_no_content",
    "is_event_stream",
    "is_token",
    "join",
]

# From this status on, the end of an exchange waits for the application's call to end, not only for the last byte, so
# that the exception an error handler answered, and raised again, is known to `Feature.on_end`.
FAILURE: Final = 500

# A WebSocket handshake is an HTTP request; servers, and some proxies (Traefik), give it schemes of its own.
SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

# Stands for `Exchange.shared` where no feature shares: nothing is ever put there.
NEVER_SHARED: Final = Shared()

# The fact that keeps the Content-Type of what a feature made a 304 of: those further out go by it.
CONTENT_TYPE_FACT: Final = "content_type"

# What stays as it is in the path of a URL beside letters, digits and "-._~": the rest of pchar (RFC 3986 section 3.3).
PATH_CHARACTERS: Final = "/:@!$&'()*+,;="


class Trust(Protocol):
    """Who may speak for a client, and who may see internals. Implemented in `perfkit.client`.

    Attributes:
        direct: nobody may speak for a client, so that its scheme is the connection's.
    """

    @property
    def direct(self) -> bool: ...
    def address(self, exchange: Exchange) -> str | None: ...
    def scheme(self, exchange: Exchange) -> str: ...
    def internal(self, exchange: Exchange) -> bool: ...


class Exchange:
    """One request and its response.

    A feature reads the request, and from `on_response` on it may change the response: its status, its headers through
    the methods below, its body where that is whole, or an encoder where it streams. Content-Length belongs to the
    host, which writes it anew when a body changed.

    Attributes:
        method: the request's method, as sent: ``"GET"``.
        peer: address of the other end of the connection, as the server gives it; None for a unix socket. Use
            `client` unless the proxy itself is meant.
        peer_scheme: scheme of that connection. Use `scheme` unless the proxy itself is meant.
        started: when the host saw the request, in seconds of `time.perf_counter`.
        status: status of the response; 0 until it is known.
        body: the whole body once it is known to be whole, else None: no request seen yet, or a stream. Assigning bytes
            replaces the body, and also a whole stream, whose chunks are then dropped.
        streamed: the body is whole, but the application sent it in pieces: see `Feature.hold`.
        sendfile: the server sends the body from a file by itself, so that no encoder can be set.
        route: fact: template of the matched route with a leading slash (``"/books/{id}"``), from `on_response` on, in
            Django from `on_view` on. None where nothing matched, or where the framework does not tell.
        state: what a feature keeps from one hook to the next, keyed by the feature itself.
        facts: what one feature tells another, by name: ``facts["compression"]``.
        timings: names and seconds of what features took, for those who tell them on: see `add_timing`.
        websocket: whether this is the handshake of a WebSocket.
        sent: bytes of the response's body that the server was given, as they go over the wire; 0 for HEAD.
        received: bytes of the request's body that the application took. Counted, as the following are, only where a
            feature of the stack `meters`.
        disconnected: whether the client was seen gone before all of the response was sent.
        messages_sent: how many messages went to the client over a WebSocket.
        messages_received: how many came from it.
        close_code: the code a WebSocket was closed with (RFC 6455 section 7.4), by either side; None if it just broke.
        asks_views: whether `Feature.on_view` will be called, if the framework finds a view.
        shared: what features give to the application by name, and it to them: the application finds it as
            ``scope["perfkit"]``, ``environ["perfkit"]`` or, in Django, ``request.perfkit``. Only where a feature of the
            stack says that it `shares`.
    """

    method: str
    peer: str | None
    peer_scheme: str
    started: float
    status: int = 0
    body: bytes | None = None
    streamed: bool = False
    sendfile: bool = False
    route: str | None = None
    sent: int = 0
    received: int = 0
    disconnected: bool = False
    messages_sent: int = 0
    messages_received: int = 0
    close_code: int | None = None
    state: dict[object, Any]
    facts: dict[str, Any]
    timings: tuple[tuple[str, float], ...] = ()
    websocket: bool = False
    asks_views: bool = False
    shared: Shared = NEVER_SHARED

    _trust: Trust
    _unique = False
    _unwind: Any = None  # the stack's own: the hooks that still have to run
    _encoder: Encoder | None = None

    def __init__(self, trust: Trust) -> None:
        self.started = perf_counter()
        self._trust = trust
        self.state = {}
        self.facts = {}

    # The request

    @property
    def path(self) -> str:
        """The path the client asked for, decoded, with the prefix the application is mounted at; no query."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        """Path and query as the client sent them, percent-encoded: what a redirect to the same resource repeats."""
        raise NotImplementedError

    def request_header(self, name: HeaderName) -> str | None:
        """The value of a request header, several field lines joined with commas (RFC 9110 section 5.3)."""
        raise NotImplementedError

    def request_header_lines(self, name: HeaderName) -> list[str]:
        """The values of the field lines of a request header, as far as the protocol keeps them apart: ASGI does."""
        value = self.request_header(name)
        return [] if value is None else [value]

    def has_request_headers(self, names: HeaderSet) -> bool:
        """Whether the request has any of these headers, though maybe empty: the quickest way to know of most."""
        return any(self.request_header(name) is not None for name in names)

    def set_request_header(self, name: HeaderName, value: str | None) -> None:
        """Change what the application sees of its request, and features further in; None removes the header.

        For use in `on_request` only.

        Raises:
            ValueError: the value cannot stand in a header.
        """
        raise NotImplementedError

    def add_timing(self, name: str, seconds: float) -> None:
        """Tell what a piece of this feature's work took; the name is a token, as Server-Timing has them."""
        self.timings = (*self.timings, (name, seconds))

    @property
    def client(self) -> str | None:
        """The client's address, through trusted proxies; None where there is none (a unix socket)."""
        return self._trust.address(self)

    @property
    def scheme(self) -> str:
        """``"http"`` or ``"https"`` as the client used it, through trusted proxies."""
        trust = self._trust
        return SCHEMES.get(self.peer_scheme, "http") if trust.direct else trust.scheme(self)

    @property
    def user(self) -> str | None:
        """Fact: who has signed in, as far as the host knows by now; None for nobody.

        Django: the primary key, from `Feature.on_view` on. ASGI: who ``scope["user"]`` is, which a middleware further
        out has set. WSGI: REMOTE_USER, likewise.
        """
        return None

    @property
    def debug(self) -> bool:
        """Whether the framework is in its debug mode; False also where the host cannot tell."""
        return False

    @property
    def internal(self) -> bool:
        """Whether this request may see internals: see the ``internal`` section of the settings."""
        return self._trust.internal(self)

    # The response

    @property
    def unique(self) -> bool:
        """Fact: this body will never repeat, so that a validator for it is of no use. May be set to True."""
        return self._unique or self.shared.unique

    @unique.setter
    def unique(self, unique: bool) -> None:
        self._unique = unique

    def response_header_lines(self, name: HeaderName) -> list[str]:
        """The values of the field lines of a response header, in their order; empty where it is absent."""
        raise NotImplementedError

    def has_response_header(self, name: HeaderName) -> bool:
        """Whether the response has this header."""
        return bool(self.response_header_lines(name))

    def has_response_headers(self, names: HeaderSet) -> bool:
        """Whether the response has any of these headers."""
        return any(map(self.has_response_header, names))

    def response_header(self, name: HeaderName) -> str | None:
        """The value of a response header, several field lines joined with commas."""
        return join(self.response_header_lines(name))

    def set_header_lines(self, name: HeaderName, values: Sequence[str]) -> None:
        """Set a response header to these field lines. Needed for Set-Cookie only, whose lines cannot be joined.

        Raises:
            ValueError: a value cannot stand in a header; nothing has been changed then.
        """
        for value in values:
            check_header_value(value)
        self.remove_header(name)
        for value in values:
            self.append_header(name, value)

    def set_header(self, name: HeaderName, value: str) -> None:
        """Set a response header, replacing what is there.

        Raises:
            ValueError: the value cannot stand in a header.
        """
        raise NotImplementedError

    def append_header(self, name: HeaderName, value: str) -> None:
        """Add members to a response header whose value is a list, keeping those that are there.

        Raises:
            ValueError: the value cannot stand in a header.
        """
        raise NotImplementedError

    def remove_header(self, name: HeaderName) -> None:
        """Remove a response header, all its field lines; nothing happens where it is absent."""
        raise NotImplementedError

    def remove_headers(self, names: HeaderSet) -> None:
        """Remove all of these response headers."""
        for name in names:
            self.remove_header(name)

    def add_headers(self, block: HeaderBlock) -> bool:
        """Add the headers of the block if the response has none of them; gives whether it did."""
        if any(map(self.has_response_header, block.names)):
            return False
        self.set_default_headers(block)
        return True

    def set_default_headers(self, block: HeaderBlock) -> None:
        """Add those headers of the block that the response does not have."""
        raise NotImplementedError

    @property
    def encoder(self) -> Encoder | None:
        """What the chunks of a streamed body go through.

        Assigning a second one puts it after the first. The host then removes Content-Length.

        Raises:
            ValueError: on assigning, where the body is whole (assign `body`) or sent from a file (see `sendfile`).
        """
        return self._encoder

    @encoder.setter
    def encoder(self, encoder: Encoder) -> None:
        if self.body is not None:
            raise ValueError("the body is whole: assign exchange.body instead of an encoder")
        if self.sendfile:
            raise ValueError("the server sends this body from a file: look at exchange.sendfile first")
        self._encoder = encoder if self._encoder is None else ChainedEncoder(self._encoder, encoder)

    # For hosts

    def frame(self, status: int, body: bytes | None) -> None:
        """Write Content-Length anew where features changed the response from this status and body.

        What no feature changed keeps the framing the application gave it. A response without content gets none (RFC
        9110 section 8.6), and neither does a stream that is encoded, whose length nobody knows.
        """
        if self.body is not None:
            self._encoder = None  # of a stream that was then replaced
        if self.status == status and self.body is body and self._encoder is None:
            return
        if self._encoder is not None or has_no_content(self.status):
            self.remove_header(CONTENT_LENGTH)
        elif self.body is not body and self.body is not None:
            self.set_header(CONTENT_LENGTH, str(len(self.body)))

    def encode(self, chunk: bytes) -> bytes:
        """One chunk of a stream, through the encoder if there is one."""
        encoder = self._encoder
        return chunk if encoder is None or not chunk else encoder.feed(chunk) + encoder.flush()

    def encode_end(self) -> bytes:
        """What the encoder still holds when the stream is over."""
        return b"" if self._encoder is None else self._encoder.finish()
