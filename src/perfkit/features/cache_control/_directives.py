"""The directives of a Cache-Control value: reading them, and what is wrong with them (RFC 9111 section 5.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from perfkit.options import BadOption

# Names in lower case; None where there is no argument. Quotes stay.
Directives: TypeAlias = Mapping[str, str | None]

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_DIRECTIVE: Final = re.compile(rf'({_WORD})(?:=({_WORD}|"(?:[^"\\]|\\.)*"))?', re.ASCII)
# A comma in quotes ends nothing.
_MEMBER: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+"?)+')

# With a number of seconds. The two of stale answers are those of RFC 5861.
_SECONDS: Final = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
# With nothing. immutable is that of RFC 8246.
_BARE: Final = frozenset(
    "immutable must-revalidate must-understand no-store no-transform proxy-revalidate public".split()
)
# With nothing or with the names of headers in quotes, which they then go for alone.
_FIELDS: Final = frozenset({"no-cache", "private"})
KNOWN: Final = _SECONDS | _BARE | _FIELDS

_CONTRADICTIONS: Final = (
    ("public", "private"),
    ("public", "no-store"),
    ("s-maxage", "private"),
    ("s-maxage", "no-store"),
    ("immutable", "no-store"),
    ("immutable", "no-cache"),
)


def directives(value: str) -> Directives:
    """The directives of the value.

    Raises:
        BadOption: it cannot be read, or says two things at a time. About the option ``value``.
    """
    found: dict[str, str | None] = {}
    members = (member.strip(" \t") for member in _MEMBER.findall(value))
    for member in filter(None, members):  # empty ones count for nothing (RFC 9110 section 5.6.1)
        match = _DIRECTIVE.fullmatch(member)
        if match is None:
            raise _bad(f"{member!r} is not a directive")
        name = match[1].lower()
        if name in found:
            raise _bad(f"{name} stands there twice", "keep one of them")
        found[name] = match[2]
    if not found:
        raise _bad("no directive is in it")
    for name, argument in found.items():
        _check_argument(name, argument)
    _check_contradictions(found)
    return found


def doubts(found: Directives) -> Iterator[str]:
    """What can be sent, and is likely a mistake."""
    from perfkit._wording import closest

    for name in found:
        if name not in KNOWN:
            close = closest(name, KNOWN)
            yield f"{name} is no directive that caches know" + (f"; did you mean {close!r}?" if close else "")
    if "immutable" in found and "max-age" not in found:
        yield "immutable says nothing without max-age"


def restricts(found: Directives) -> bool:
    """Whether it lets nobody use a response again without asking first."""
    return "no-store" in found or _has_bare(found, "no-cache")


def is_private(found: Directives) -> bool:
    """Whether it keeps the response out of shared caches."""
    return _has_bare(found, "private")


def _has_bare(found: Directives, name: str) -> bool:
    return name in found and found[name] is None


def _check_argument(name: str, argument: str | None) -> None:
    if name in _SECONDS:
        if argument is None or not argument.isdigit():
            given = name if argument is None else f"{name}={argument}"
            raise _bad(f"{given} gives no number of seconds", f"write for example {name}=3600")
    elif name in _BARE and argument is not None:
        raise _bad(f"{name} takes no argument", f"write {name}")
    elif name in _FIELDS and argument is not None and not argument.startswith('"'):
        raise _bad(f"the argument of {name} is not in quotes", f'write {name}, or for example {name}="set-cookie"')


def _check_contradictions(found: Directives) -> None:
    for one, other in _CONTRADICTIONS:
        if one in found and _has_bare(found, other):
            raise _bad(f"{one} and {other} contradict each other", "keep one of them")
    # must-understand comes with a no-store for those who do not (RFC 9111 section 5.2.2.3).
    age = found.get("max-age")
    if "no-store" in found and "must-understand" not in found and age is not None and int(age) > 0:
        raise _bad("no-store and max-age contradict each other", "keep one of them")


def _bad(problem: str, mend: str = "write for example 'public, max-age=3600'") -> BadOption:
    return BadOption("value", problem, mend)
