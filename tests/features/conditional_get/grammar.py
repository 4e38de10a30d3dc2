"""A slow reader of what the If-* headers hold, written from the grammar of RFC 9110, for comparison."""

from datetime import UTC, datetime

ETAGC = {0x21, *range(0x23, 0x7F), *range(0x80, 0x100)}
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
LONG_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def entity_tag(text: str) -> tuple[bool, str] | None:
    """``entity-tag = [ weak ] opaque-tag``: whether it is weak, and what is in the quotes (section 8.8.3)."""
    weak = text.startswith("W/")
    opaque = text[2:] if weak else text
    if len(opaque) < 2 or opaque[0] != '"' or opaque[-1] != '"':
        return None
    inner = opaque[1:-1]
    return (weak, inner) if all(ord(char) in ETAGC for char in inner) else None


def entity_tags(value: str) -> list[tuple[bool, str]] | None:
    """``#entity-tag``: commas between members, blanks around them, empty members allowed (section 5.6.1.2)."""
    members, member, in_quotes = [], "", False
    for char in value:
        if char == "," and not in_quotes:
            members.append(member)
            member = ""
            continue
        if char == '"':
            in_quotes = not in_quotes
        member += char
    members.append(member)
    tags = [entity_tag(member.strip(" \t")) for member in members if member.strip(" \t")]
    return None if None in tags else [tag for tag in tags if tag]


def strongly_equal(a: tuple[bool, str], b: tuple[bool, str]) -> bool:
    """The table of section 8.8.3.2."""
    return not a[0] and not b[0] and a[1] == b[1]


def weakly_equal(a: tuple[bool, str], b: tuple[bool, str]) -> bool:
    return a[1] == b[1]


def http_date(text: str) -> datetime | None:
    """``HTTP-date = IMF-fixdate / rfc850-date / asctime-date`` (section 5.6.7)."""
    words = text.split(" ")
    try:
        if len(words) == 6 and words[0].endswith(",") and words[5] == "GMT":
            return moment(DAYS, words[0][:-1], words[1], words[2], words[3], words[4], 4)
        if len(words) == 4 and words[0].endswith(",") and words[3] == "GMT":
            day, month, year = words[1].split("-")
            return moment(LONG_DAYS, words[0][:-1], day, month, year, words[2], 2)
        if len(words) == 6 and words[2] == "" and len(words[3]) == 1:  # asctime pads the day with a blank
            return moment(DAYS, words[0], f"0{words[3]}", words[1], words[5], words[4], 4)
        if len(words) == 5:
            return moment(DAYS, words[0], words[2], words[1], words[4], words[3], 4)
    except ValueError:
        pass
    return None


def moment(days: list[str], weekday: str, day: str, month: str, year: str, time: str, digits: int) -> datetime:
    if weekday not in days or month not in MONTHS or len(year) != digits:
        raise ValueError
    hour, minute, second = time.split(":")
    parts = [day, year, hour, minute, second]
    if any(not part.isdecimal() or not part.isascii() for part in parts):
        raise ValueError
    if any(len(part) != 2 for part in (day, hour, minute, second)):
        raise ValueError
    number = int(year)
    if digits == 2:
        now = datetime.now(UTC).year
        number += now // 100 * 100
        if number > now + 50:
            number -= 100
    return datetime(number, MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC)


def outcome(  # noqa: C901 - as long as the RFC's list
    method: str,
    *,
    if_match: str | None,
    if_unmodified_since: str | None,
    if_none_match: str | None,
    if_modified_since: str | None,
    etag: str | None,
    modified: datetime | None,
    exists: bool = True,
) -> int:
    """Section 13.2.2 word for word: the status, 200 for "perform the method"."""
    current = None if etag is None else entity_tag(etag)
    reading = method in ("GET", "HEAD", "QUERY")
    # 13.2.1: ... MUST ignore ... a method that does not involve the selection or modification of a representation
    if method in ("CONNECT", "OPTIONS", "TRACE"):
        return 200
    # 1. When recipient is the origin server and If-Match is present, evaluate the If-Match precondition
    if if_match is not None:
        listed = entity_tags(if_match) or []
        true = exists if if_match == "*" else current is not None and any(strongly_equal(current, t) for t in listed)
        if not true:
            return 412
    # 2. ... If-Match is not present, and If-Unmodified-Since is present, evaluate it
    elif if_unmodified_since is not None:
        date = http_date(if_unmodified_since)
        if date is not None and modified is not None and modified > date:
            return 412
    # 3. When If-None-Match is present
    if if_none_match is not None:
        listed_or_none = entity_tags(if_none_match)
        if if_none_match == "*":
            true = not exists
        elif listed_or_none is None:
            true = reading  # RFC 9110 is silent: what cannot be read protects
        else:
            true = current is None or not any(weakly_equal(current, tag) for tag in listed_or_none)
        if not true:
            return 304 if reading else 412
    # 4. When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is present
    elif reading and if_modified_since is not None:
        date = http_date(if_modified_since)
        if date is not None and modified is not None and modified <= date:
            return 304
    # 5. is Range and If-Range, 6. perform the requested method
    return 200
