"""The way from http to https."""

from __future__ import annotations

import re
from typing import Final

from perfkit._paths import Paths
from perfkit.exchange import CONTENT_TYPE, Exchange, HeaderName, Reply
from perfkit.features.security_headers._options import HttpsRedirect

HOST: Final = HeaderName("Host")
LOCATION: Final = HeaderName("Location")

# Certificates are fetched over http (RFC 8555 section 8.3).
_ACME: Final = "/.well-known/acme-challenge/*"
# What may stand in a URL without leading elsewhere.
_HOST: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?", re.ASCII)


class Redirect:
    """Sends requests over http on to https.

    Args:
        options: as the settings have them.
    """

    __slots__ = ("_exempt", "_host")

    def __init__(self, options: HttpsRedirect) -> None:
        self._exempt = Paths((_ACME, *options.exempt))
        self._host = options.host

    def reply(self, exchange: Exchange, fields: tuple[tuple[str, str], ...]) -> Reply | None:
        """The answer that leads to https; None where the request is to be answered as it is.

        That is so for a Host that no URL can hold, or none, and for a target that is no path, as in ``OPTIONS *`` or
        ``GET .evil.example/``, which would become part of the host: there is nowhere to lead to.

        Args:
            exchange: a request over http.
            fields: what to send beside the location.
        """
        if self._exempt.find(exchange.path) is not None:
            return None
        host = self._host or _https_host(exchange.request_header(HOST))
        target = exchange.target
        if host is None or (target and not target.startswith(("/", "?"))):
            return None
        headers = {HeaderName(name): value for name, value in fields}
        headers[LOCATION] = f"https://{host}{target}"
        headers[CONTENT_TYPE] = "text/plain; charset=utf-8"  # PEP 3333's validator wants one, of an empty body too
        # 301 lets a client turn POST into GET (RFC 9110 section 15.4.2), but every client knows it.
        return Reply(301 if exchange.method in ("GET", "HEAD") else 308, headers)


def _https_host(host: str | None) -> str | None:
    match = _HOST.fullmatch(host or "")
    if match is None:
        return None
    # Port 80 speaks http; another may have been chosen for both.
    return match["name"] if match["port"] in (None, ":80") else match[0]
