"""Accept-Encoding (RFC 9110 section 12.5.3): which codings a client takes, and how much it likes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from perfkit.exchange import is_token

IDENTITY: Final = "identity"
ANY: Final = "*"

# A longer header is not read: no client has a reason to send one, and reading it would take as long as they like.
MAX_LENGTH: Final = 1024

# Another name for the same (RFC 9110 section 8.4.1.3).
_ALIASES: Final = {"x-gzip": "gzip"}

# The weight of a member without one, in thousandths.
_FULL: Final = 1000
# qvalue (section 12.4.2). What is wrong after the point makes the member one that is not acceptable.
_WEIGHT: Final = re.compile(r"[ \t]*[qQ]=(?:0(?:\.([0-9]{0,3}))?|(1)(?:\.0{0,3})?)", re.ASCII)


def weights(accept_encoding: str) -> dict[str, int]:
    """The codings of the header in lower case, with their weights in thousandths; 0 is not acceptable.

    A member that is not well-formed is not acceptable, as nobody knows what was meant. Of a coding that is named
    several times the lowest weight counts.
    """
    found: dict[str, int] = {}
    for member in accept_encoding.split(","):
        coding, semicolon, weight = member.partition(";")
        coding = coding.strip(" \t").lower()
        if is_token(coding):
            coding = _ALIASES.get(coding, coding)
            found[coding] = min(found.get(coding, _FULL), _thousandths(weight) if semicolon else _FULL)
    return found


def _thousandths(weight: str) -> int:
    match = _WEIGHT.fullmatch(weight.rstrip(" \t"))
    if match is None:
        return 0
    digits, one = match.groups()
    return _FULL if one else int((digits or "").ljust(3, "0"))


def weight_of(coding: str, weighed: Mapping[str, int]) -> int:
    """The weight of a coding; that of ``*`` where it is not named."""
    return weighed.get(coding, weighed.get(ANY, 0))


def refuses_identity(weighed: Mapping[str, int]) -> bool:
    """Whether the body must not go out as it is; it may unless the header says otherwise."""
    return weighed.get(IDENTITY, weighed.get(ANY, _FULL)) == 0


def ranked(offered: Iterable[str], weighed: Mapping[str, int]) -> list[str]:
    """Those of the offered codings to prefer to identity, best first; equals in the order they are offered.

    A client that does not name identity takes it as the last resort.
    """
    floor = max(weighed.get(IDENTITY, 0), 1)
    taken = [coding for coding in offered if weight_of(coding, weighed) >= floor]
    return sorted(taken, key=lambda coding: -weight_of(coding, weighed))
