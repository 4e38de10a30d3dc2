"""Which responses count: the option ``count_when``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from perfkit.exchange import Exchange
from perfkit.options import BadOption

STATUSES: Final = range(100, 600)
# What a request counts as whose application failed before it answered.
NO_RESPONSE: Final = 500

_COMPARISON: Final = re.compile(r"(?:status)?\s*(>=|<=|==|!=|>|<)\s*([1-5][0-9]{2})", re.ASCII)
_RANGE: Final = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?", re.ASCII)
_KIND: Final = re.compile(r"([1-5])xx", re.ASCII | re.IGNORECASE)
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    ">=": int.__ge__,
    "<=": int.__le__,
    "==": int.__eq__,
    "!=": int.__ne__,
    ">": int.__gt__,
    "<": int.__lt__,
}
_MEND: Final = "write for example 'status>=400', '401, 403', '5xx', '400-499', or a list of statuses"


def counting(when: Any) -> Callable[[Exchange], Any]:
    """Says of an exchange, whose response is known, whether it counts.

    Args:
        when: the option: a text, a list or range of statuses, or a function that is given the exchange.

    Raises:
        BadOption: it is none of these.
    """
    if callable(when):
        return when  # type: ignore[no-any-return]
    statuses = _statuses(when)
    return lambda exchange: exchange.status in statuses


def _statuses(when: Any) -> frozenset[int]:
    if isinstance(when, str):
        found = frozenset[int]().union(*(_of_text(part.strip()) for part in when.split(",")))
    elif isinstance(when, list | tuple | range | set | frozenset):
        if not all(type(status) is int and status in STATUSES for status in when):
            raise BadOption("count_when", f"{when!r} is not a list of statuses", _MEND)
        found = frozenset(when)
    else:
        raise BadOption("count_when", f"{when!r} says nothing of statuses", _MEND)
    if not found:
        raise BadOption("count_when", f"{when!r} fits no status at all", _MEND)
    return found


def _of_text(text: str) -> frozenset[int]:
    if comparison := _COMPARISON.fullmatch(text):
        compare, bound = _COMPARE[comparison[1]], int(comparison[2])
        return frozenset(status for status in STATUSES if compare(status, bound))
    if kind := _KIND.fullmatch(text):
        return frozenset(range(int(kind[1]) * 100, int(kind[1]) * 100 + 100))
    if found := _RANGE.fullmatch(text):
        return frozenset(range(int(found[1]), int(found[2] or found[1]) + 1))
    raise BadOption("count_when", f"{text!r} says nothing of statuses", _MEND)
