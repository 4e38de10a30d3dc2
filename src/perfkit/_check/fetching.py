"""Fetches what ``perfkit check`` looks at: one page, the redirects to it, and what it answers when asked again.

With the standard library, so that the command needs no extra, and with every redirect in sight. What a server sends is
bounded in bytes and in time.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from socket import SHUT_RDWR, gaierror, socket
from threading import Event, Timer
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

MAX_BODY: Final = 1024 * 1024
MAX_REDIRECTS: Final = 10  # as the Observatory has it
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# An origin that no site has a reason to allow.
STRANGER: Final = "https://stranger.example"
_HEADERS: Final = {
    "User-Agent": "perfkit-check",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "identity",
}


class CheckError(Exception):
    """The page cannot be checked; the message says why, for a user to read."""


class Response(NamedTuple):
    """What came back for one request.

    Attributes:
        url: what was asked for.
        status: status of the answer.
        headers: header fields as they came, names in lower case.
        body: the first megabyte of the body.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """The values of all field lines of that name."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: str) -> str | None:
        """The value of the first field line of that name."""
        return next(iter(self.all(name)), None)

    @property
    def secure(self) -> bool:
        """Whether it came over https."""
        return self.url.lower().startswith("https:")


class Responses(NamedTuple):
    """All that is known of a page.

    Attributes:
        page: the page, after all redirects.
        route: the answers from the http URL to the last one, that one included; empty where nothing answers on http,
            or the URL has a port, of which nobody knows the one for http.
        again: the page, asked for once more.
        unchanged: the answer to a conditional request for it; None where it has no validator.
        stranger: the answer to a CORS preflight from a foreign origin.
    """

    page: Response
    route: tuple[Response, ...] = ()
    again: Response | None = None
    unchanged: Response | None = None
    stranger: Response | None = None

    @property
    def local(self) -> bool:
        """Whether it was asked for over plain http on this machine, where there is no https to judge."""
        return not self.page.secure and is_loopback(urlsplit(self.page.url).hostname or "")


def fetch(url: str, timeout: float) -> Responses:
    """Fetch a page and what is needed to judge it.

    Args:
        url: address of the page.
        timeout: seconds one request may take, its body included.

    Raises:
        CheckError: it is not a URL, or nothing that is HTTP answers.
    """
    parsed = parse(url)
    chain = _follow(parsed.geturl(), timeout)
    page = chain[-1]
    stranger = {"Origin": STRANGER, "Access-Control-Request-Method": "GET"}
    return Responses(
        page,
        chain if parsed.scheme == "http" else _route_from_http(parsed, timeout),
        _try(page.url, timeout),
        _revalidate(page, timeout),
        _try(page.url, timeout, "OPTIONS", stranger),
    )


def parse(url: str) -> SplitResult:
    """An http or https URL, its path and query encoded as they are sent.

    Raises:
        CheckError: it is none.
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError as error:  # UnicodeError is one
        raise CheckError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise CheckError(f"{url!r} is not the URL of a page: write for example https://shop.example/")
    name = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]")
    return SplitResult(parts.scheme, name if port is None else f"{name}:{port}", path, query, "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3


def _follow(url: str, timeout: float) -> tuple[Response, ...]:
    """The answers from a URL through its redirects; the last is the page."""
    answers = [_ask(url, timeout)]
    while answers[-1].status in REDIRECTS and (location := answers[-1].first("location")):
        if len(answers) > MAX_REDIRECTS:
            raise CheckError(f"{url} redirects more than {MAX_REDIRECTS} times")
        answers.append(_ask(_target(answers[-1].url, location), timeout))
    return tuple(answers)


def _target(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:
        return parse(urljoin(url, location)).geturl()
    except ValueError as error:
        raise CheckError(f"{url} redirects to {location!r}, which is not a URL: {error}") from None


def _route_from_http(parsed: SplitResult, timeout: float) -> tuple[Response, ...]:
    if parsed.port is not None:
        return ()
    with suppress(CheckError):
        return _follow(parsed._replace(scheme="http").geturl(), timeout)
    return ()


def _revalidate(page: Response, timeout: float) -> Response | None:
    """The answer to a request with the page's validators (RFC 9110 section 13.1)."""
    given = {"If-None-Match": page.first("etag"), "If-Modified-Since": page.first("last-modified")}
    validators = {name: value for name, value in given.items() if value}
    return _try(page.url, timeout, "GET", validators) if validators else None


def _try(url: str, timeout: float, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response | None:
    """The answer to a request that only adds to the picture."""
    try:
        return _ask(url, timeout, method, headers)
    except CheckError:
        return None


def _ask(url: str, timeout: float, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    late = Event()
    watchdog = Timer(timeout, lambda: _cut(sock, late))
    watchdog.daemon = True
    try:
        connection.connect()
        # The timeout of a socket starts anew with every byte: the watchdog's does not. It needs the socket itself, as
        # a connection forgets it when the answer has begun.
        sock = connection.sock
        watchdog.start()
        connection.request(
            method, parts._replace(scheme="", netloc="").geturl(), headers={**_HEADERS, **(headers or {})}
        )
        response = connection.getresponse()
        if late.is_set():  # the head ends where the watchdog cut it
            raise TimeoutError
        return Response(url, response.status, _fields(url, response), _body(response))
    except ssl.SSLCertVerificationError as error:
        raise CheckError(f"{url}: the certificate is not valid: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise CheckError(f"{url}: TLS failed: {error.reason or error}") from None
    except gaierror:
        raise CheckError(f"{url}: there is no host {parts.hostname!r}") from None
    except (OSError, HTTPException) as error:
        slow = isinstance(error, TimeoutError) or late.is_set()
        raise CheckError(f"{url}: {f'no answer in {timeout:g} s' if slow else _reason(error)}") from None
    except ValueError as error:
        raise CheckError(f"{url}: {error}") from None
    finally:
        watchdog.cancel()
        connection.close()


def _cut(sock: socket, late: Event) -> None:
    """End a connection, so that whoever waits for it goes on."""
    late.set()  # first, for the other thread goes on at once
    with suppress(OSError):  # it has ended meanwhile
        sock.shutdown(SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPException):
        return f"the answer is not HTTP ({type(error).__name__}: {str(error)[:100]!r})"
    return getattr(error, "strerror", None) or str(error)


def _fields(url: str, response: HTTPResponse) -> tuple[tuple[str, str], ...]:
    """The header fields.

    Raises:
        CheckError: one is malformed; what follows it would be taken for the body.
    """
    fields = tuple((name.lower(), str(value).strip(" \t")) for name, value in response.headers.items())
    if response.headers.defects:
        raise CheckError(f"{url}: the answer has a line among its headers that is none (RFC 9112 section 5)")
    for name, value in fields:
        if any((char < " " and char != "\t") or "\x7f" <= char <= "\x9f" for char in value):
            raise CheckError(f"{url}: the header {name} has a control character in its value: {value[:100]!r}")
    return fields


def _body(response: HTTPResponse) -> bytes:
    """The first megabyte of a body; what there is of one that ends early, or not in time."""
    body = bytearray()
    with suppress(OSError, HTTPException, ValueError):
        while len(body) < MAX_BODY and (data := response.read1(min(65536, MAX_BODY - len(body)))):
            body += data
    return bytes(body)
