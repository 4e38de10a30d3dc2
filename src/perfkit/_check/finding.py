"""One thing ``perfkit check`` says of a page; and the rule of HSTS, which the one for cookies needs too."""

from __future__ import annotations

from typing import Final, NamedTuple

from perfkit._check.fetching import Responses

# Where the settings that mend most of it are.
SECTION: Final = "security_headers"

SIX_MONTHS: Final = 15_552_000  # seconds, as the Observatory counts them


class Finding(NamedTuple):
    """One thing there is to say of a page.

    Attributes:
        rule: what it is about: ``"hsts"``, ``"cookies"``, ...
        points: what it adds to or takes from the score; 0 for what the Observatory does not grade.
        says: what was found.
        setting: the setting of perfkit's that would improve it; empty where nothing is to be done.
    """

    rule: str
    points: int
    says: str
    setting: str = ""


def graded_hsts(responses: Responses) -> Finding:
    """What there is to say of Strict-Transport-Security (RFC 6797)."""
    setting = f"{SECTION}.hsts = true"
    if responses.local:
        return Finding("hsts", 0, "Not graded: there is no https on this machine")
    if not responses.page.secure:
        return Finding("hsts", -20, "The page is not served over https", "a certificate, then " + setting)
    value = responses.page.first("strict-transport-security")
    if value is None:
        return Finding("hsts", -20, "There is no Strict-Transport-Security", setting)
    age = _max_age(value)
    if age is None:
        return Finding("hsts", -20, f"Strict-Transport-Security cannot be parsed: {value!r}", setting)
    if age < SIX_MONTHS:
        says = f"Strict-Transport-Security lasts {age} seconds, less than half a year"
        return Finding("hsts", -10, says, f"{SECTION}.hsts = {{max_age = 31536000}}")
    return Finding("hsts", 0, "Strict-Transport-Security lasts half a year or longer")


def _max_age(value: str) -> int | None:
    for part in value.lower().split(";"):
        name, _, seconds = part.strip().partition("=")
        if name == "max-age" and "," not in value:
            digits = seconds.strip('"')[:18]
            return int(digits) if digits.isascii() and digits.isdigit() else None
    return None
