"""Responses to leave alone, whoever asks for them."""

from __future__ import annotations

import re
from typing import Final

from perfkit._paths import Paths
from perfkit.exchange import Exchange, HeaderName, HeaderSet
from perfkit.features.compression._metadata import CONTENT_ENCODING
from perfkit.features.compression._options import CompressionOptions

CACHE_CONTROL: Final = HeaderName("Cache-Control")
CONTENT_RANGE: Final = HeaderName("Content-Range")
# By these a proxy sends a file in place of the body: Apache, lighttpd and others; nginx.
FILE_HEADERS: Final = HeaderSet("X-Sendfile", "X-Accel-Redirect")
# What may speak against compression; most responses have none of them.
LOOKED_AT: Final = HeaderSet("Content-Encoding", "Cache-Control", "X-Sendfile", "X-Accel-Redirect", "Content-Range")

NO_TRANSFORM: Final = "no-transform"
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


class Guards:
    """Says which responses to leave alone.

    Args:
        options: checked options.
    """

    def __init__(self, options: CompressionOptions) -> None:
        self._excluded = Paths(options.exclude) if options.exclude else None
        self._skip_if = options.skip_if
        self._honor_no_transform = options.honor_no_transform

    def excludes(self, exchange: Exchange) -> bool:
        """Whether the path is one to leave alone."""
        return self._excluded is not None and self._excluded.find(exchange.path) is not None

    def reason(self, exchange: Exchange) -> str | None:
        """Why to leave a response alone, as an `Outcome` names it; None where nothing is against it.

        A range comes last: as what it is a part of may be compressed.
        """
        if exchange.method == "CONNECT":
            return "status"  # of success opens a tunnel (RFC 9110 section 9.3.6)
        if exchange.has_response_headers(LOOKED_AT):
            reason = self._reason_of_headers(exchange)
            if reason is not None:
                return reason
        if exchange.sendfile:
            return "file"
        return self._reason_of_settings(exchange) or ("range" if exchange.has_response_header(CONTENT_RANGE) else None)

    def _reason_of_headers(self, exchange: Exchange) -> str | None:
        coding = exchange.response_header(CONTENT_ENCODING)
        if coding is not None:
            if coding.strip(" \t").lower() != "identity":
                return "encoded"
            exchange.remove_header(CONTENT_ENCODING)  # not to be sent (RFC 9110 section 8.4.1)
            return "opted_out"
        if self._honor_no_transform and forbids_transforming(exchange.response_header(CACHE_CONTROL)):
            return "no_transform"
        return "file" if exchange.has_response_headers(FILE_HEADERS) else None

    def _reason_of_settings(self, exchange: Exchange) -> str | None:
        if self.excludes(exchange):
            return "path"
        return "predicate" if self._skip_if is not None and self._skip_if(exchange) else None


def forbids_transforming(cache_control: str | None) -> bool:
    """Whether no-transform is among the directives (RFC 9111 section 5.2.2.6); case does not matter."""
    if cache_control is None or NO_TRANSFORM not in (lower := cache_control.lower()):
        return False
    directives = _QUOTED.sub("", lower).split(",")
    return any(directive.strip(" \t") == NO_TRANSFORM for directive in directives)
