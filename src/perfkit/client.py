"""Who the client is, and who may see internals.

A header can say anything. `ClientTrust` believes what the proxies say that the settings name, and nobody else: with no
settings, the client is the other end of the connection.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from perfkit._address import Address, Networks, network, parse
from perfkit._client_options import UNIX, ClientOptions, InternalOptions
from perfkit._forwarded import Hop, hops_of_forwarded, hops_of_lists
from perfkit.exchange import SCHEMES, Exchange, HeaderName

__all__ = ["ClientOptions", "ClientTrust", "InternalOptions"]

logger = logging.getLogger("perfkit")

AUTHORIZATION: Final = HeaderName("Authorization")
FORWARDED: Final = HeaderName("Forwarded")
X_FORWARDED_FOR: Final = HeaderName("X-Forwarded-For")
X_FORWARDED_PROTO: Final = HeaderName("X-Forwarded-Proto")

# Headers that a reverse proxy adds and a client does not: where one of them is, the peer is not the client. Proxies
# that add others, such as CF-Connecting-IP or X-Forwarded-Port, add one of these as well.
ADDED_BY_PROXIES: Final = (
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    FORWARDED,
    *map(HeaderName, ("X-Real-IP", "X-Forwarded-Host", "Via")),
)

# What servers give for a peer on a unix socket, which has no address: "" gunicorn, "localhost" waitress.
UNIX_PEERS: Final = (None, "", "localhost")

# How many requests are searched for a proxy that the settings do not name. One that is there shows in the first few;
# later such headers are forgeries, and the search costs time.
SEARCHED_REQUESTS: Final = 1000


class Client(NamedTuple):
    """What is known of the client of one request.

    Attributes:
        address: as text; None for a peer without one.
        parsed: the same, None also where the text is no address (Starlette's test client is ``"testclient"``).
        scheme: ``"http"`` or ``"https"``.
        vouched: trusted proxies say that this is the client, and nothing they say was unreadable.
    """

    address: str | None
    parsed: Address | None
    scheme: str
    vouched: bool = False


class ClientTrust:
    """Who may speak for a client, and who may see internals: the `Trust` of the settings.

    With trusted proxies, the hops in the header are read from the nearest outwards for as long as the one who speaks
    is trusted: the client is the first that is not, or the last where all are. At an entry that is no address
    (``unknown``, an obfuscated ``_name``, garbage) the reading ends, and the last trusted hop stands for the client.

    Args:
        client: the ``client`` section.
        internal: the ``internal`` section.
    """

    def __init__(self, client: ClientOptions | None = None, internal: InternalOptions | None = None) -> None:
        client = client or ClientOptions()
        internal = internal or InternalOptions()
        self.direct = not client.trusted_proxies
        self._trusts_unix = UNIX in client.trusted_proxies
        self._proxies = Networks(network(entry) for entry in client.trusted_proxies if entry != UNIX)
        self._header = HeaderName(client.header)
        self._added_by_proxies = (*ADDED_BY_PROXIES, self._header)
        self._networks = Networks(network(entry) for entry in internal.networks)
        self._token = None if internal.token is None else internal.token.encode("ascii")
        self._to_search = SEARCHED_REQUESTS

    def address(self, exchange: Exchange) -> str | None:
        """The client's address in canonical form: no port, no zone, IPv4 where it is IPv4 written as IPv6.

        None for a unix socket. A peer that is no address is given as it is (Starlette's test client: ``"testclient"``).
        """
        if not self.direct:
            return self._client(exchange).address
        if self._to_search > 0:
            self._search_for_proxy(exchange)
        peer = exchange.peer
        return _peer_address(peer, parse(peer or ""))

    def scheme(self, exchange: Exchange) -> str:
        """``"http"`` or ``"https"``, as the client used it."""
        return SCHEMES.get(exchange.peer_scheme, "http") if self.direct else self._client(exchange).scheme

    def internal(self, exchange: Exchange) -> bool:
        """Whether this request may see internals: see `InternalOptions`."""
        vouched = False
        parsed = parse(exchange.peer or "")
        if not self.direct:
            _, parsed, _, vouched = self._client(exchange)
        if parsed is not None and parsed in self._networks and (vouched or not self._came_through_proxy(exchange)):
            return True
        return self._token is not None and _bears(exchange, self._token)

    def _client(self, exchange: Exchange) -> Client:
        """The client as trusted proxies tell it, found once for each exchange."""
        client: Client | None = exchange.state.get(self)
        if client is None:
            client = exchange.state[self] = self._find_client(exchange)
        return client

    def _find_client(self, exchange: Exchange) -> Client:
        peer = exchange.peer
        parsed = parse(peer or "")
        proxy = Client(_peer_address(peer, parsed), parsed, SCHEMES.get(exchange.peer_scheme, "http"))
        trusted = self._trusts_unix and peer in UNIX_PEERS if parsed is None else parsed in self._proxies
        return self._behind(proxy, self._hops(exchange)) if trusted else proxy

    def _behind(self, proxy: Client, hops: list[Hop]) -> Client:
        """The client behind this proxy, which is trusted."""
        client = proxy
        for written, scheme_written in hops:
            parsed = parse(written)
            scheme = SCHEMES.get(scheme_written.lower(), proxy.scheme)
            if parsed is None:
                # What the nearest proxy says of the scheme counts even where it does not say the address.
                return Client(client.address, client.parsed, scheme if client is proxy else client.scheme)
            client = Client(parsed.text, parsed, scheme, vouched=True)
            if parsed not in self._proxies:
                break
        return client

    def _hops(self, exchange: Exchange) -> list[Hop]:
        """What the header says that is believed; the others are not even looked at."""
        value = exchange.request_header(self._header)
        if self._header.lower == FORWARDED.lower:
            return hops_of_forwarded(value)
        hops = hops_of_lists(value, exchange.request_header(X_FORWARDED_PROTO))
        return hops if self._header.lower == X_FORWARDED_FOR.lower else hops[:1]

    def _came_through_proxy(self, exchange: Exchange) -> bool:
        for name in self._added_by_proxies:  # noqa: SIM110 - any() takes twice as long
            if exchange.request_header(name) is not None:
                return True
        return False

    def _search_for_proxy(self, exchange: Exchange) -> None:
        self._to_search -= 1
        told = exchange.request_header(X_FORWARDED_FOR) or exchange.request_header(FORWARDED)
        # Where the peer is in there, the server has read the header itself (uvicorn --proxy-headers).
        if told and not (exchange.peer and exchange.peer in told):
            self._to_search = 0
            logger.warning(
                "A request brings the address of its client in a header, but no proxy is trusted: the header is ignored"
                " and the address is that of the connection. If the request came through your proxy, set"
                " client.trusted_proxies to the address of the proxy; if not, a client made the header up and all is"
                " well. (Said once.)"
            )


def _peer_address(peer: str | None, parsed: Address | None) -> str | None:
    if parsed is not None:
        return parsed.text
    return None if peer in UNIX_PEERS else peer


def _bears(exchange: Exchange, token: bytes) -> bool:
    """Whether the request brings this bearer token (RFC 6750 section 2.1)."""
    # Imported late: it loads the whole of OpenSSL.
    from hmac import compare_digest

    scheme, _, given = (exchange.request_header(AUTHORIZATION) or "").partition(" ")
    # Compared in a time that does not tell how much of it is right.
    return scheme.lower() == "bearer" and compare_digest(given.strip().encode("utf-8", "backslashreplace"), token)
