"""Header names, header values, and blocks of constant headers. Public through `perfkit.exchange`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Final


class HeaderName:
    """A header name with the spellings the hosts need, computed once.

    ``HeaderName("Accept-Encoding")`` gives the same object every time, so keep yours in a module constant.

    Attributes:
        title: ``Accept-Encoding``, as WSGI and Django write it.
        lower: ``accept-encoding``, for comparison: names are case-insensitive (RFC 9110 section 5.1).
        raw: ``b"accept-encoding"``, as ASGI writes it.
        environ: ``HTTP_ACCEPT_ENCODING``, as WSGI and Django give a request's header.

    Raises:
        ValueError: the text is not a token (RFC 9110 section 5.6.2).
    """

    __slots__ = ("environ", "lower", "raw", "title")
    _interned: ClassVar[dict[str, HeaderName]] = {}
    title: str
    lower: str
    raw: bytes
    environ: str

    def __new__(cls, title: str) -> HeaderName:  # noqa: PYI034 - no subclasses: interned
        known = cls._interned.get(title)
        if known is not None:
            return known
        if not is_token(title):
            raise ValueError(f"{title!r} is not a header name: use letters, digits and hyphens")
        name = super().__new__(cls)
        name.title = title
        name.lower = title.lower()
        name.raw = name.lower.encode("ascii")
        plain = title.upper().replace("-", "_")
        name.environ = plain if plain in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{plain}"
        return cls._interned.setdefault(title, name)

    def __repr__(self) -> str:
        return f"HeaderName({self.title!r})"


_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def is_token(text: str) -> bool:
    """Whether the text is a token: a non-empty run of ``tchar`` (RFC 9110 section 5.6.2)."""
    return bool(text) and _TOKEN.issuperset(text)


def check_header_value(value: str) -> str:
    """Give the value back if it can stand in a header field on every host.

    Raises:
        ValueError: a line break or another control character, which would let the value end the header (RFC 9110
            section 5.5), or a character outside latin-1, which no host can send.
    """
    if value.isascii() and value.isprintable():
        return value
    bad = next((char for char in value if (char < " " and char != "\t") or char == "\x7f" or char > "\xff"), None)
    if bad is None:
        return value
    raise ValueError(f"{bad!r} cannot stand in a header value: remove it or encode it")


CONTENT_LENGTH: Final = HeaderName("Content-Length")
CONTENT_TYPE: Final = HeaderName("Content-Type")
SET_COOKIE: Final = HeaderName("Set-Cookie")

# Content types whose first bytes may be a long time coming: a host sends the head of such a response at once.
EVENT_STREAMS: Final = (
    "text/event-stream",
    "application/x-ndjson",
    "application/jsonl",
    "application/json-seq",
    "multipart/x-mixed-replace",
    "application/grpc-web",
)


class HeaderBlock:
    """Constant header fields, spelled out once for every host.

    Args:
        fields: names and values, each name once.

    Raises:
        ValueError: a name or a value that cannot be sent.
    """

    __slots__ = ("by_lower", "fields", "lower", "names", "raw", "raw_names")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.names = tuple(HeaderName(name) for name in fields)
        values = [check_header_value(value) for value in fields.values()]
        self.fields = tuple((name.title, value) for name, value in zip(self.names, values, strict=True))
        self.by_lower = {name.lower(): (name, value) for name, value in self.fields}
        self.lower = frozenset(self.by_lower)
        self.raw = tuple((name.raw, value.encode("latin-1")) for name, value in zip(self.names, values, strict=True))
        self.raw_names = frozenset(name.raw for name in self.names)


class HeaderSet:
    """Some header names that are looked for together, spelled out once for every host.

    Args:
        names: each as `HeaderName` takes it.
    """

    __slots__ = ("names", "raw")

    def __init__(self, *names: str) -> None:
        self.names = tuple(map(HeaderName, names))
        self.raw = frozenset(name.raw for name in self.names)

    def __iter__(self) -> Iterator[HeaderName]:
        return iter(self.names)


def is_event_stream(content_type: str) -> bool:
    """Whether the first bytes of such a body may be a long time coming."""
    return content_type.lower().startswith(EVENT_STREAMS)


def join(values: Iterable[str]) -> str | None:
    """Several field lines of one name as one value; None for no line."""
    lines = list(values)
    return ", ".join(lines) if lines else None
