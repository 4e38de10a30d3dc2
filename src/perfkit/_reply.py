"""What a feature answers by itself. Public through `perfkit.exchange`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from perfkit._headers import CONTENT_LENGTH, HeaderName, check_header_value


class Reply(NamedTuple):
    """A whole response a feature gives instead of the application.

    The host adds Content-Length and leaves the body out where the method is HEAD.
    """

    status: int
    headers: Mapping[HeaderName, str] = {}
    body: bytes = b""

    def fields(self) -> list[tuple[HeaderName, str]]:
        """The headers as a host sends them, checked, with Content-Length."""
        fields = [(name, check_header_value(value)) for name, value in self.headers.items()]
        if not has_no_content(self.status):
            fields.append((CONTENT_LENGTH, str(len(self.body))))
        return fields


def has_no_content(status: int) -> bool:
    """Whether a response of this status has no body and needs no Content-Length (RFC 9110 section 6.4.1)."""
    return status < 200 or status in (204, 304)
