"""Who is counted: the option ``key`` of a rule, and what it makes of a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from perfkit.exchange import Exchange, HeaderName, is_token
from perfkit.features.rate_limit._keys import MAX_ADDRESS_LENGTH, AddressPrefixes, Keys, Part
from perfkit.features.rate_limit._steps import Steps, result_of
from perfkit.options import BadOption

COOKIE: Final = HeaderName("Cookie")

# Addresses whose keys a rule remembers: 0.2 MB when it is full.
CACHED_NUMBERS: Final = 1024

_NAMES: Final = ("ip", "user", "global")
_KINDS: Final = ("header", "cookie")
_MEND: Final = "write 'ip', 'user', 'global', 'header:X-Api-Key', 'cookie:session', a function, or a list of these"

# What Python's http.cookies and Werkzeug read: a character by its octal number, or any other as itself.
_ESCAPED: Final = re.compile(r"\\(?:([0-3][0-7]{2})|(.))", re.DOTALL)

# Reads one part of the key; may give an awaitable where it is the application's own function.
Read: TypeAlias = Callable[[Exchange], Any]


def checked_parts(key: Any) -> tuple[str | Read, ...]:
    """The parts of a key.

    Raises:
        BadOption: it is none.
    """
    parts = tuple(key) if isinstance(key, list | tuple) else (key,)
    if not parts:
        raise BadOption("key", "there is none", _MEND)
    for index, part in enumerate(parts):
        if not callable(part):
            _check(part, f"key[{index}]" if isinstance(key, list | tuple) else "key")
        if part in parts[:index]:
            raise BadOption(f"key[{index}]", f"{part!r} is there twice", "remove one of them")
    if "global" in parts and len(parts) > 1:
        raise BadOption("key", "'global' counts all together", "leave it out, or the rest")
    return parts


def _check(part: Any, option: str) -> None:
    if part in _NAMES:
        return
    if isinstance(part, str):
        kind, colon, name = part.partition(":")
        if colon and kind in _KINDS:
            if is_token(name):
                return
            raise BadOption(option, f"{name!r} is not the name of a {kind}", f"write for example '{kind}:X-Api-Key'")
    from perfkit._wording import did_you_mean

    mend = did_you_mean(part, [*_NAMES, *(f"{kind}:" for kind in _KINDS)]) if isinstance(part, str) else None
    raise BadOption(option, f"{part!r} is not a key", mend or _MEND)


class Partition:
    """Makes the keys of one rule.

    Attributes:
        by_user: whether the user is a part of it, whom some hosts know only when a view is chosen.
        plain: whether no function of the application has to be called.
        number: the key of an exchange as a number; only where it is plain.
    """

    __slots__ = ("_keys", "_of_address", "_prefixes", "_reads", "by_user", "number", "plain")

    def __init__(self, key: Any, keys: Keys, prefixes: AddressPrefixes) -> None:
        parts = checked_parts(key)
        self._keys = keys
        self._prefixes = prefixes
        self._of_address = lru_cache(CACHED_NUMBERS)(self._new_of_address)
        self._reads = tuple(self._read(part) for part in parts)
        self.by_user = "user" in parts
        self.plain = not any(callable(part) for part in parts)
        if parts == ("ip",):
            self.number = self.address_number
        elif parts == ("global",):
            everybody = keys.number_of(None)
            self.number = lambda exchange: everybody
        else:
            self.number = self._plain_number

    def address_number(self, exchange: Exchange) -> int:
        """The key of the client's address, which stands in for what is not there."""
        address = exchange.client
        if address is not None and len(address) > MAX_ADDRESS_LENGTH:  # which is none, and would fill the memory
            return self._new_of_address(address)
        return self._of_address(address)

    def _new_of_address(self, address: str | None) -> int:
        return self._keys.number_of(self._prefixes.partition(address))

    def ask(self, exchange: Exchange) -> Steps[int | None]:
        """The key where functions of the application have a say; None where one of them gives None."""
        found: list[Any] = []
        for read, own in self._reads:
            part = yield from result_of(read(exchange))
            if part is None and own:
                return None
            found.append(part)
        return self._number_of(exchange, found)

    def _plain_number(self, exchange: Exchange) -> int:
        return self._number_of(exchange, [read(exchange) for read, _ in self._reads])

    def _number_of(self, exchange: Exchange, found: list[Any]) -> int:
        if None in found:
            # Whoever leaves a header out is one client by the address, not one with all others who do.
            found.append(self._prefixes.partition(exchange.client))
        return self._keys.number_of(*map(_part, found))

    def _read(self, part: str | Read) -> tuple[Read, bool]:
        """What reads a part, and whether that is the application's own function."""
        if not isinstance(part, str):
            return part, True
        if part == "ip":
            partition = self._prefixes.partition
            return lambda exchange: partition(exchange.client), False
        if part == "user":
            return lambda exchange: exchange.user, False
        if part == "global":
            return lambda exchange: "", False
        kind, _, name = part.partition(":")
        if kind == "cookie":
            return lambda exchange: _cookie(exchange, name), False
        header = HeaderName(name)
        return lambda exchange: _header(exchange, header), False


def _part(found: Any) -> Part:
    return found if isinstance(found, str | bytes | int) or found is None else str(found)


def _header(exchange: Exchange, name: HeaderName) -> str | None:
    """The value of a header; None where it comes in several lines, as frameworks may read one and ignore the others."""
    value = exchange.request_header(name)
    if value and ", " in value and len(exchange.request_header_lines(name)) > 1:
        return None
    return value or None


def _cookie(exchange: Exchange, name: str) -> str | None:
    """The value of a cookie; None where it comes with several, of which some frameworks read the first, some the last.

    Whoever could send one that counts beside one that is read would have as many quotas as there are values.
    """
    found: str | None = None
    for line in exchange.request_header_lines(COOKIE):
        if name not in line:
            continue
        for pair in line.split(";"):
            key, equals, value = pair.partition("=")
            if equals and key.strip() == name:
                value = _unquoted(value.strip())
                if found is not None and value != found:
                    return None
                found = value
    return found or None


def _unquoted(value: str) -> str:
    """The value without quotes and escapes, which frameworks take away: each of its spellings is the same."""
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)) if match[1] else match[2], value[1:-1])
