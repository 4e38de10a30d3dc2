"""Which content types are worth compressing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from perfkit.exchange import is_event_stream, is_token

EVENT_STREAM: Final = "text/event-stream"

# Text, and binary data that is not compressed by itself: an allow-list, since most binary types are.
_SUFFIXES: Final = ("+cbor", "+json", "+text", "+xml", "+yaml")
_TYPES: Final = frozenset(
    f"application/{subtype}"
    for subtype in (
        "cbor ecmascript graphql javascript json json-seq json5 jsonl ld-javascript msgpack ndjson openmetrics-text "
        "postscript protobuf rtf sql tar toml vnd.apache.arrow.file vnd.apache.arrow.stream vnd.google.protobuf "
        "vnd.mapbox-vector-tile vnd.ms-fontobject vnd.msgpack wasm x-ecmascript x-font-otf x-font-ttf x-httpd-php "
        "x-javascript x-jsonlines x-msgpack x-ndjson x-protobuf x-sh x-tar x-www-form-urlencoded x-yaml xml xml-dtd "
        "yaml"
    ).split()
) | frozenset(
    "font/collection font/otf font/sfnt font/ttf image/bmp image/vnd.microsoft.icon image/x-icon image/x-ms-bmp "
    "image/x-portable-anymap image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap "
    "model/gltf-binary model/obj model/stl".split()
)
# It has compression of its own, whatever its messages are: application/grpc+json.
_GRPC: Final = "application/grpc"

# Different values that are remembered, and how long one may be for that: an application can make any number of them.
_REMEMBERED: Final = 256
_MAX_REMEMBERED_LENGTH: Final = 128


class Kind(NamedTuple):
    """What a compressible response is.

    Attributes:
        live: its stream may stay open long.
        events: it is made of server-sent events.
    """

    live: bool
    events: bool


class Kinds:
    """Tells what a response is by its content type.

    Args:
        more: types to compress too, such as ``"application/x-book"`` or ``"font/*"``.
        less: types not to compress; they count more.
    """

    def __init__(self, more: Sequence[str], less: Sequence[str]) -> None:
        self._more = frozenset(kind.lower() for kind in more)
        self._less = frozenset(kind.lower() for kind in less)
        self._remembered = lru_cache(_REMEMBERED)(self._kind)

    def __call__(self, content_type: str | None) -> Kind | None:
        """What it is; None for what is not compressed, as it has no type or an unfit one."""
        if content_type is None:
            return None
        if len(content_type) > _MAX_REMEMBERED_LENGTH:
            return self._kind(content_type)
        return self._remembered(content_type)

    def _kind(self, content_type: str) -> Kind | None:
        essence = content_type.partition(";")[0].strip(" \t").lower()
        if _among(essence, self._less):
            return None
        if not (_shrinks(essence) or _among(essence, self._more)):
            return None
        return Kind(is_event_stream(essence), essence == EVENT_STREAM)


def _shrinks(essence: str) -> bool:
    if essence.startswith("text/") or essence in _TYPES:
        return True
    return essence.endswith(_SUFFIXES) and not essence.startswith(_GRPC)


def _among(essence: str, kinds: frozenset[str]) -> bool:
    return essence in kinds or f"{essence.partition('/')[0]}/*" in kinds


def is_media_type(text: str) -> bool:
    """Whether the text is a media type without parameters, or all those of a kind: ``"font/*"``."""
    kind, slash, subtype = text.partition("/")
    return bool(slash) and is_token(kind) and "*" not in kind and (subtype == "*" or is_token(subtype))
