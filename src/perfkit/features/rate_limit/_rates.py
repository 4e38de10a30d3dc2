"""Limits as settings write them: ``"10/second, 100 per 5 minutes"``, ``"2 concurrent"``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from perfkit.options import BadOption

# An Integer of a header has at most 15 digits (RFC 9651 section 3.3.1); the RateLimit fields carry quota and window.
MAX_QUOTA: Final = 999_999_999_999_999

_DAY: Final = 24 * 60 * 60
# A year is 365 days; there is no month, since nobody can say how long it is.
_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60 * 60),
    **dict.fromkeys(("d", "day", "days"), _DAY),
    **dict.fromkeys(("w", "week", "weeks"), 7 * _DAY),
    **dict.fromkeys(("y", "year", "years"), 365 * _DAY),
}
# Longer ones would be below what floats can tell apart: see `perfkit.features.rate_limit._decision.AHEAD`.
MAX_WINDOW: Final = 10 * _UNITS["year"]

_RATE: Final = re.compile(r"([0-9]+)\s*(?:/|\bper\b)\s*(?:([0-9]+)\s*)?([a-z]+)", re.ASCII | re.IGNORECASE)
_CONCURRENT: Final = re.compile(r"([0-9]+)\s*concurrent", re.ASCII | re.IGNORECASE)
_MEND: Final = "write for example '10/minute'"
# What a message shows of a text that may be of any length.
_SHOWN: Final = 60


class Rate(NamedTuple):
    """So many units in a window.

    Attributes:
        quota: units, at least 1.
        window: seconds, at least 1.
    """

    quota: int
    window: int


class Concurrency(NamedTuple):
    """So many units at the same time.

    Attributes:
        quota: units, at least 1.
    """

    quota: int


Limit: TypeAlias = Rate | Concurrency


def parse_limits(text: str, option: str = "limits") -> tuple[Limit, ...]:
    """The limits of a text, in its order.

    Each is ``10/minute``, ``10 per 5 minutes`` or ``2 concurrent``, in any case; commas or semicolons are between them.
    Units are seconds, minutes, hours, days, weeks and years (of 365 days), also short (``10/s``, ``10/min``, ``1/d``).

    Args:
        text: the limits.
        option: what an error names.

    Raises:
        BadOption: one of them is no limit, or is none that can be kept: 0, or more than 15 digits or 10 years; or two
            are for the same window.
    """
    limits = tuple(_limit(part.strip(), option) for part in re.split("[,;]", text))
    windows = [limit.window if isinstance(limit, Rate) else None for limit in limits]
    for window in windows:
        if windows.count(window) > 1:
            which = "concurrent requests" if window is None else f"{window} seconds"
            raise BadOption(option, f"{_shown(text)} has two limits for {which}", "keep the lower one")
    return limits


def _limit(text: str, option: str) -> Limit:
    if concurrent := _CONCURRENT.fullmatch(text):
        return Concurrency(_number(concurrent[1], MAX_QUOTA, text, option))
    rate = _RATE.fullmatch(text)
    unit = rate and _UNITS.get(rate[3].lower())
    if not rate or not unit:
        raise BadOption(option, f"{_shown(text)} is not a rate", _mend(text))
    number = _number(rate[2] or "1", MAX_WINDOW // unit, text, option)
    return Rate(_number(rate[1], MAX_QUOTA, text, option), number * unit)


def _number(digits: str, most: int, text: str, option: str) -> int:
    # The length first: int() takes no text of any length.
    number = int(digits) if len(digits.lstrip("0")) <= len(str(MAX_QUOTA)) else most + 1
    if number == 0:
        raise BadOption(option, f"{_shown(text)} allows nothing at all", "write a number from 1 up, as in '10/minute'")
    if number > most:
        raise BadOption(option, f"{_shown(text)} is more than can be counted", f"write at most {most}")
    return number


def _mend(text: str) -> str:
    if "month" in text.lower():
        return "months differ in length, so write for example '1000 per 30 days'"
    return _MEND


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
