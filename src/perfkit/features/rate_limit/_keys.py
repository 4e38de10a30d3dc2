"""Keys: who is counted, as numbers of a fixed size.

What a client sends never becomes a key itself. It is hashed with its length before it (``"a", "b"`` and ``"a/b"`` stay
apart) and with a secret, so that nobody can look for two clients with one key.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from hashlib import blake2b
from os import urandom
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final, TypeAlias

from perfkit.options import BadOption

logger = logging.getLogger("perfkit")

# Text may hold anything, lone surrogates too.
Part: TypeAlias = str | bytes | int | None

# Stands for the address of a client that has none: all that come over a unix socket are one client.
NO_ADDRESS: Final = b"-"
# Addresses are found again in 0.1 us. Clients choose theirs, so there is a bound: 1 MB when it is full.
CACHED_ADDRESSES: Final = 4096
MAX_ADDRESS_LENGTH: Final = 80

# ::ffff:0:0/96: an IPv4 address written as IPv6, in whichever notation (RFC 4291 section 2.5.5.2).
_MAPPED: Final = bytes(10) + b"\xff\xff"
_DIGEST_SIZE: Final = 16
_NUMBER_SIZE: Final = 8
# Numbers below are the store's own.
_LOWEST: Final = 1 << 63


class Keys:
    """Makes the keys of one policy.

    Args:
        namespace: of the application, for stores that several use.
        policy: name of the policy.
        secret: makes the keys unpredictable. Stores that processes share need the same in all of them; by default each
            process has its own.
    """

    __slots__ = ("_digests", "_numbers")

    def __init__(self, namespace: str, policy: str, secret: bytes | None = None) -> None:
        start = b"".join(_framed(each) for each in (_SECRET if secret is None else secret, namespace, policy))
        # Copying one that has begun is faster than beginning.
        self._digests = blake2b(start, digest_size=_DIGEST_SIZE)
        self._numbers = blake2b(start, digest_size=_NUMBER_SIZE)

    def number_of(self, *parts: Part) -> int:
        """The key as a number of 64 bits, for stores in this process."""
        state = self._numbers.copy()
        for part in parts:
            state.update(_framed(part))
        return int.from_bytes(state.digest()) | _LOWEST

    def digest(self, *parts: Part) -> bytes:
        """The key as 16 bytes, for stores that are shared, and for the partition key of a header."""
        state = self._digests.copy()
        for part in parts:
            state.update(_framed(part))
        return state.digest()


class AddressPrefixes:
    """Makes partitions of addresses: whoever has a whole network is one client.

    Args:
        ipv4: length of the prefix that is one client.
        ipv6: likewise. 64 by default: the smallest that a site gets (RFC 6177), whose owner can use any of its 2^64
            addresses.

    Raises:
        BadOption: a length is not one.
    """

    __slots__ = ("_warned", "partition")

    def __init__(self, ipv4: int = 32, ipv6: int = 64) -> None:
        for option, length, bits in (("ipv4_prefix", ipv4, 32), ("ipv6_prefix", ipv6, 128)):
            if not 1 <= length <= bits:
                raise BadOption(option, f"{length} is not the length of a prefix", f"write 1 to {bits}")
        masks = _mask(ipv4, 32), _mask(ipv6, 128)
        self._warned = False

        @lru_cache(CACHED_ADDRESSES)
        def found(address: str) -> bytes:
            return _prefix(address, *masks)

        def partition(address: str | None) -> bytes:
            if address is None:
                return self._nobody()
            # Longer ones are no addresses, and would make the bound of the cache none.
            return found(address) if len(address) <= MAX_ADDRESS_LENGTH else _named(address)

        self.partition = partition

    def _nobody(self) -> bytes:
        if not self._warned:
            self._warned = True
            logger.warning(
                "rate_limit: a request has no address, as through a unix socket, and all such clients count as one. If"
                " your proxy is at the other end, add 'unix' to client.trusted_proxies. (Said once.)"
            )
        return NO_ADDRESS


def _mask(length: int, bits: int) -> int:
    return (1 << bits) - (1 << bits - length)


def _prefix(address: str, ipv4_mask: int, ipv6_mask: int) -> bytes:
    """The network of an address; for what is none (``"testclient"``), its text."""
    text = address.partition("%")[0]  # a zone is a name on one machine, not a part of the address (RFC 4007)
    try:
        packed = inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):  # ValueError: a NUL, or a lone surrogate
        return _named(address)
    if packed[:12] == _MAPPED:
        packed = packed[12:]
    mask = ipv4_mask if len(packed) == 4 else ipv6_mask
    return b"@" + (int.from_bytes(packed) & mask).to_bytes(len(packed))


def _named(address: str) -> bytes:
    return b"=" + _bytes(address)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _framed(part: Part) -> bytes:
    """A part as bytes that no other part begins with: its type, its length, itself."""
    if isinstance(part, str):
        data = part.encode("utf-8", "surrogatepass")
        return b"s%d:%b" % (len(data), data)
    if isinstance(part, bytes):
        return b"b%d:%b" % (len(part), part)
    return b"n" if part is None else b"i%x:" % part


_SECRET: Final = urandom(16)
