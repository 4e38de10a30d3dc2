"""Entity tags and HTTP dates: reading, writing and comparing them (RFC 9110 sections 5.6.7 and 8.8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

# entity-tag of RFC 9110 section 8.8.3. A comma may stand in a tag, a quote may not; the rest of latin-1 is obs-text.
# Possessive here and below, as a client may send 100 KB of what nearly is a list.
_TAG: Final = r'(?:W/)?"[!#-~\x80-\xff]*+"'
_ENTITY_TAG: Final = re.compile(_TAG)
# #entity-tag: empty members and blanks count for nothing (section 5.6.1.2).
_LIST: Final = re.compile(rf"[ \t,]*+(?:{_TAG}[ \t]*+(?:,[ \t,]*+|\Z))*+")
_OPAQUE: Final = re.compile(r'"[!#-~\x80-\xff]*+"')
_WEAK: Final = "W/"

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = f"(?:{'|'.join(_DAYS)})"
_LONG_DAY: Final = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
# IMF-fixdate, which alone may be sent, and the two of RFC 850 and of C, which have to be understood (section 5.6.7).
_DATES: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>\d\d| \d) {_TIME} (?P<year>\d{{4}})",
    )
)
_LONGEST_DATE: Final = len("Wednesday, 09-Nov-94 08:49:37 GMT")


def is_entity_tag(text: str) -> bool:
    """Whether the text is one entity tag, weak or strong, with its quotes."""
    return _ENTITY_TAG.fullmatch(text) is not None


def entity_tag(text: str) -> str:
    """The text as an entity tag: as it is if it is one, else in quotes.

    Raises:
        ValueError: it holds a character that no tag may have, as a quote or a blank.
    """
    tag = text if is_entity_tag(text) else f'"{text}"'
    if not is_entity_tag(tag):
        raise ValueError(f"{text!r} cannot be an entity tag: leave out blanks, quotes and what is not in latin-1")
    return tag


def read_tags(value: str) -> list[str] | None:
    """The entity tags of If-Match and If-None-Match; None for what is no list of them, ``*`` among that."""
    return _ENTITY_TAG.findall(value) if _LIST.fullmatch(value) else None


def holds_strongly(value: str, tag: str) -> bool:
    """Whether the list names this tag by the strong comparison: the same, and neither weak (section 8.8.3.2)."""
    if tag.startswith(_WEAK):
        return False
    tags = read_tags(value)
    return tags is not None and tag in tags


def holds_weakly(value: str, tag: str) -> bool:
    """Whether the list names this tag by the weak comparison, which looks at what is in the quotes only."""
    if value == tag:  # most that match
        return True
    return _LIST.fullmatch(value) is not None and tag.removeprefix(_WEAK) in _OPAQUE.findall(value)


def read_date(value: str) -> int | None:
    """An HTTP date in any of its three formats, in seconds since 1970; None for what is none."""
    if len(value) > _LONGEST_DATE:
        return None
    for pattern in _DATES:
        match = pattern.fullmatch(value)
        if match is not None:
            return _seconds(match)
    return None


def _seconds(match: re.Match[str]) -> int | None:
    day, hour, minute, second = (int(match[name]) for name in ("day", "hour", "minute", "second"))
    leap = second == 60
    try:
        month = _MONTHS.index(match["month"]) + 1
        moment = datetime(_year(match["year"]), month, day, hour, minute, second - leap, tzinfo=UTC)
    except ValueError:  # as the 30th of February
        return None
    return int(moment.timestamp()) + leap


def _year(digits: str) -> int:
    """The year; of two digits, not more than 50 years in the future (section 5.6.7)."""
    if len(digits) == 4:
        return int(digits)
    now = datetime.now(UTC).year
    year = now - now % 100 + int(digits)
    return year - 100 if year > now + 50 else year


def seconds_of(moment: datetime | float) -> int:
    """A moment in whole seconds since 1970, as HTTP dates have them; one without a time zone is in UTC."""
    if isinstance(moment, datetime):
        # Not timestamp(), which takes a naive moment for local time, and gives fractions that floats cannot hold.
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(seconds=1)
    return int(moment // 1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def http_date(moment: datetime | float) -> str:
    """A moment as ``Last-Modified`` and other headers have it: ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Args:
        moment: a datetime, in UTC where it names no time zone, or seconds since 1970 as of `os.stat`. A fraction of a
            second is dropped.

    Raises:
        OverflowError: a moment before the year 1 or after the year 9999.
    """
    utc = _EPOCH + timedelta(seconds=seconds_of(moment))
    # Not strftime, whose names of days and months are those of the locale.
    return f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} {utc:%H:%M:%S} GMT"
