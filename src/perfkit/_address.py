"""Addresses as servers and headers write them, and the networks they are in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

# The longest sensible text: an IPv6 address of 45 characters, brackets, a zone and a port. Longer ones are not parsed,
# which also bounds what the cache holds.
MAX_LENGTH: Final = 80

# Parsing takes 5 to 15 us, finding it again 0.1 us. Clients choose their addresses, so the cache has a bound: 1.5 MB
# when it is full, shared by all stacks of the process.
CACHED_ADDRESSES: Final = 4096

# The port may be a name that hides the number (RFC 7239 section 6).
_WITH_PORT: Final = re.compile(r"(?:\[([^]]*)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[\w.-]+))?", re.ASCII)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class Address(NamedTuple):
    """One address.

    Attributes:
        text: the canonical form (RFC 5952 for IPv6), without port, brackets and zone. An IPv4 address written as IPv6
            (RFC 4291 section 2.5.5.2) is the IPv4 address, in whichever notation.
        version: 4 or 6.
        number: the address as a number.
    """

    text: str
    version: int
    number: int


def parse(text: str) -> Address | None:
    """The address that a server or a header gives; None where it is none.

    Takes ports and brackets (``192.0.2.1:80``, ``[2001:db8::1]:443``) and drops zones (``fe80::1%eth0``). Refuses
    numbers with leading zeros, which some programs read as octal.
    """
    return _parse(text) if len(text) <= MAX_LENGTH else None


@lru_cache(CACHED_ADDRESSES)
def _parse(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address(match[1] or match[2] if match else text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))  # the number has no zone
    return Address(str(address), address.version, int(address))


class Networks:
    """Some networks, and which addresses are in them.

    Looks up once per prefix length, not once per network: the published ranges of a content delivery network are
    hundreds of networks of ten lengths.

    Args:
        networks: as `network` makes them.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for each in networks:
            host_bits = each.max_prefixlen - each.prefixlen
            of_length = prefixes[each.version].setdefault(host_bits, set())
            of_length.add(int(each.network_address) >> host_bits)
        self._prefixes = {version: tuple(by_length.items()) for version, by_length in prefixes.items()}

    def __contains__(self, address: Address) -> bool:
        _, version, number = address
        for host_bits, prefixes in self._prefixes[version]:  # noqa: SIM110 - any() takes twice as long
            if number >> host_bits in prefixes:
                return True
        return False


def network(text: str) -> IPv4Network | IPv6Network:
    """The network that a setting names: ``"10.0.0.0/8"``, or an address for a network of one.

    Raises:
        ValueError: it is none, or the address has bits beyond the prefix, so that it is not clear which is meant.
    """
    found = ip_network(text)
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        return IPv4Network((int(found.network_address) & 0xFFFF_FFFF, found.prefixlen - _MAPPED.prefixlen))
    return found
