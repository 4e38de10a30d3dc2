"""Entity tags as Django has them, and what it takes to make them match again."""

from __future__ import annotations

import re
import sys
from typing import Final

from perfkit._preconditions import ETAG, IF_MATCH, IF_NONE_MATCH
from perfkit._validators import holds_strongly, read_tags
from perfkit.exchange import Exchange
from perfkit.feature import Feature, Position
from perfkit.features.compression._metadata import CONTENT_ENCODING
from perfkit.features.conditional_get import ConditionalGet, made_tag

NOT_MODIFIED: Final = 304

# How a body begins that a GZipMiddleware further in has compressed, ours or Django's: ten bytes, which tell whether
# there is a name (RFC 1952 section 2.3), and the name, which is another one each time.
_HEADER: Final = re.compile(rb"\x1f\x8b\x08(?:\x00.{6}|\x08.{6}a*+\x00)", re.DOTALL)


class WeakTags(Feature):
    """Takes back what weakening does to the tags of an application.

    A strong tag of the application's went out weak with a body that was compressed. As such it would match no If-Match
    ever again (RFC 9110 section 8.8.3.2), and on a 304, which nobody compresses, it would be strong, so that caches
    would not find what they have stored by it (RFC 9111 section 4.3.4).
    """

    position = Position.COMPRESSION

    def on_request(self, exchange: Exchange) -> None:
        field = exchange.request_header(IF_MATCH)
        if field is None or 'W/"' not in field:
            return
        tags = read_tags(field)
        if tags:
            exchange.set_request_header(IF_MATCH, ", ".join(tag.removeprefix("W/") for tag in tags))

    def on_response(self, exchange: Exchange) -> None:
        if exchange.status != NOT_MODIFIED:
            return
        tag = exchange.response_header(ETAG)
        sent = exchange.request_header(IF_NONE_MATCH)
        if tag is None or sent is None or not tag.startswith('"') or holds_strongly(sent, tag):
            return
        if f"W/{tag}" in (read_tags(sent) or ()):
            exchange.set_header(ETAG, f"W/{tag}")


class HashedBody(ConditionalGet):
    """`perfkit.ConditionalGet` with strong tags, for bodies of any size, whatever else the response says."""

    def __init__(self) -> None:
        super().__init__(minimum_size=1, maximum_size=sys.maxsize)

    def _reason_of_headers(self, exchange: Exchange) -> str | None:
        return "unique" if exchange.unique else None

    def _tag(self, exchange: Exchange, tag: str) -> None:
        body = exchange.body or b""
        header = _HEADER.match(body) if exchange.response_header(CONTENT_ENCODING) == "gzip" else None
        super()._tag(exchange, tag.removeprefix("W/") if header is None else made_tag(body[header.end() :]))
