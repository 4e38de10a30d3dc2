"""What changes in the head of a response when its body is encoded, and what a choice of codings adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from perfkit.exchange import Exchange, HeaderName, HeaderSet
from perfkit.features.compression._etags import suffixed, weakened

EtagMode: TypeAlias = Literal["suffix", "weak", "keep", "drop"]

CONTENT_ENCODING: Final = HeaderName("Content-Encoding")
ETAG: Final = HeaderName("ETag")
VARY: Final = HeaderName("Vary")
ACCEPT_ENCODING: Final = HeaderName("Accept-Encoding")

# True of the bytes that are not sent. The ranges an application serves are those of its own bytes (RFC 9110 section
# 14.3); the others are digests of them (RFC 9530, RFC 3230, RFC 1864).
_OF_IDENTITY: Final = HeaderSet("Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5")


def describe_encoded(exchange: Exchange, coding: str, etag: EtagMode) -> None:
    """Make the head one of the encoded representation (RFC 9110 section 8); Content-Length is the host's."""
    exchange.set_header(CONTENT_ENCODING, coding)
    add_vary(exchange)
    exchange.remove_headers(_OF_IDENTITY)
    if etag == "keep":
        return
    tag = exchange.response_header(ETAG)
    if tag is None:
        return
    if etag == "drop":
        exchange.remove_header(ETAG)
        return
    changed = suffixed(tag, coding) if etag == "suffix" else weakened(tag)
    if changed != tag:
        exchange.set_header(ETAG, changed)


def add_vary(exchange: Exchange) -> None:
    """Say that the response depends on Accept-Encoding (RFC 9110 section 12.5.5)."""
    lines = exchange.response_header_lines(VARY)
    if not lines:
        return exchange.append_header(VARY, ACCEPT_ENCODING.title)
    merged = merged_vary(lines)
    if merged is not None and lines != [merged]:
        exchange.set_header(VARY, merged)


def merged_vary(lines: Iterable[str]) -> str | None:
    """The members of Vary, each once, with Accept-Encoding; None where ``*`` says more than all of them."""
    members: dict[str, str] = {}
    for line in lines:
        for member in line.split(","):
            if member := member.strip(" \t"):
                members.setdefault(member.lower(), member)
    if "*" in members:
        return None
    members.setdefault(ACCEPT_ENCODING.lower, ACCEPT_ENCODING.title)
    return ", ".join(members.values())
