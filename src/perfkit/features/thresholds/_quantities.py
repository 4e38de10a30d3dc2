"""Durations and shares as people write and read them: ``"300ms"``, ``"5%"``."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from perfkit.options import BadOption

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|min|m|h)")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_UNITS: Final = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "min": Fraction(60),
    "h": Fraction(3600),
}


def seconds(option: str, value: str | float, *, least: float, most: float) -> float:
    """A duration in seconds: a number of them, or a text with a unit.

    Args:
        option: its name, for the error.
        value: ``"300ms"``, ``"1.5s"``, ``"5m"``, ``"1h"``, or seconds.
        least: the shortest that is allowed, in seconds.
        most: the longest.

    Raises:
        BadOption: it is none, or out of range.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise BadOption(option, f"{value!r} is not a duration", "write for example '300ms', '1.5s' or '5m'")
        number = float(Fraction(match[1]) * _UNITS[match[2]])
    else:
        number = float(value)
    if not least <= number <= most:  # nan too
        mend = f"write one from {duration_text(least)} to {duration_text(most)}"
        raise BadOption(option, f"{value!r} is out of range", mend)
    return number


def share(option: str, value: str | float) -> Fraction:
    """A share, exactly: a text in percent, or a number from 0 to below 1.

    Raises:
        BadOption: it is none. All of them cannot be exceeded, so that 100 % is none either.
    """
    found: Fraction | None = None
    if isinstance(value, str):
        match = _SHARE.fullmatch(value.strip())
        found = None if match is None else Fraction(match[1]) / 100
    elif 0 <= value < 1:
        found = Fraction(str(value))  # as it is written, not as floats have it
    if found is None or found >= 1:
        raise BadOption(option, f"{value!r} is not a share below 100 %", "write for example '5%'")
    return found


def duration_text(seconds: float) -> str:
    """A duration for people, in three digits: ``"512 ms"``, ``"2.31 s"``, ``"5 min"``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def share_text(share: float) -> str:
    """A share for people: ``"5.2 %"``."""
    return f"{share * 100:.3g} %"
