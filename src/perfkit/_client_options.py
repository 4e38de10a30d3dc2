"""The options of the sections ``client`` and ``internal``."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_interface
from typing import Annotated, Final

from msgspec import Meta

from perfkit._address import network
from perfkit.exchange import is_token
from perfkit.options import BadOption, Options

UNIX: Final = "unix"
LISTS_OF_HOPS: Final = ("x-forwarded-for", "forwarded")

# Headers in which a proxy names one client, and who writes them.
SINGLE_ADDRESS: Final = (
    "x-real-ip",  # nginx, Traefik
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "cf-connecting-ip",  # Cloudflare
    "true-client-ip",  # Akamai, Cloudflare
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",  # DigitalOcean
    "x-azure-clientip",
    "x-appengine-user-ip",
)


class ClientOptions(Options, frozen=True, kw_only=True):
    """The ``client`` section: whose word counts for the client's address and scheme.

    Attributes:
        trusted_proxies: addresses and networks of your reverse proxies, ``"10.0.0.7"`` or ``"10.0.0.0/8"``, and
            ``"unix"`` for a proxy that connects through a unix socket. Default: none; the client is the peer.
        header: the one header, with its companion, that your proxies write and that is believed; no other is looked at.
            ``"x-forwarded-for"`` (default) with X-Forwarded-Proto for the scheme; ``"forwarded"`` (RFC 7239) with its
            ``proto``; or a header that names one client, such as ``"cf-connecting-ip"``, with X-Forwarded-Proto. The
            proxies must overwrite the last kind, or a client can write it.

    Raises:
        BadOption: an entry that is no network, networks of all addresses with a header that lists hops (any client
            could then make up its address), or a header that cannot be one or is misspelt.
    """

    trusted_proxies: tuple[str, ...] = ()
    header: str = "x-forwarded-for"

    def __post_init__(self) -> None:
        self._check_header()
        for index, entry in enumerate(self.trusted_proxies):
            if entry != UNIX:
                self._check_proxy(f"trusted_proxies[{index}]", entry)

    def _check_proxy(self, option: str, entry: str) -> None:
        found = _checked(option, entry, f"'10.0.0.0/8', or '{UNIX}' for a proxy on a unix socket")
        if found.prefixlen == 0 and self.header.lower() in LISTS_OF_HOPS:
            raise BadOption(
                option,
                f"{entry!r} trusts every address, so that any client can make up its own",
                "write the networks of your proxies, for example '10.0.0.0/8'; or, where only proxies can connect, set"
                " client.header to a header they overwrite, for example 'cf-connecting-ip'",
            )

    def _check_header(self) -> None:
        name = self.header.lower()
        if not is_token(name):
            raise BadOption("header", f"{self.header!r} is not the name of a header", "write for example 'forwarded'")
        known = (*LISTS_OF_HOPS, *SINGLE_ADDRESS)
        if name not in known:
            from perfkit._wording import closest

            # A misspelt header never comes from the proxy, which then also lets pass what a client writes there.
            close = closest(name, known, cutoff=0.9)
            if close is not None:
                raise BadOption("header", f"{self.header!r} looks like a slip", f"did you mean {close!r}?")


class InternalOptions(Options, frozen=True, kw_only=True):
    """The ``internal`` section: who may see internals, such as timing details.

    Either is enough: an address of these networks, or the token. An address counts where it is the client's without
    doubt: the peer's in a request without any header that a proxy adds, or what trusted proxies say.

    Attributes:
        networks: addresses and networks. Default: loopback. Empty: nobody without the token.
        token: what may stand in ``Authorization: Bearer ...`` instead (RFC 6750 section 2.1): at least 16 characters.
            Default: none. Best set as PERFKIT_INTERNAL__TOKEN.

    Raises:
        BadOption: an entry that is no network, or a token of characters that cannot stand in a header.
    """

    secrets = frozenset({"token"})

    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    # Fewer than 16 characters can be tried out from outside.
    token: Annotated[str, Meta(min_length=16)] | None = None

    def __post_init__(self) -> None:
        for index, entry in enumerate(self.networks):
            _checked(f"networks[{index}]", entry, "'10.0.0.0/8'")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise BadOption("token", "it has a character that no token can have", "write letters, digits and -._~+/=")


def _checked(option: str, entry: str, example: str) -> IPv4Network | IPv6Network:
    try:
        return network(entry)
    except ValueError:
        pass
    try:
        meant = ip_interface(entry)
    except ValueError:
        raise BadOption(option, f"{entry!r} is no address and no network", f"write for example {example}") from None
    raise BadOption(
        option, f"{entry!r} is between an address and a network", f"write '{meant.network}' or '{meant.ip}'"
    )
