"""Cache-Control of a page with a nonce: no shared cache may give it to somebody else."""

from __future__ import annotations

import re
from typing import Final

# A member of the list; a comma in quotes is not the end of one.
_MEMBER: Final = re.compile(r'[^\s,"=]+(?:=(?:"(?:[^"\\]|\\.)*+"|[^\s,"]*))?', re.ASCII)
# What lets a shared cache store a response (RFC 9111 section 5.2.2).
_SHARED: Final = frozenset({"public", "s-maxage"})


def private(value: str | None) -> str:
    """The value that keeps the response out of shared caches, with what it says beside that."""
    members: list[str] = _MEMBER.findall(value or "")
    names = [member.lower() for member in members]
    if "no-store" in names or ("private" in names and _SHARED.isdisjoint(name.partition("=")[0] for name in names)):
        return value or ""
    # A private with the names of fields goes for these fields only (section 5.2.2.7).
    kept = [member for member in members if member.partition("=")[0].lower() not in (*_SHARED, "private")]
    return ", ".join([*kept, "private"])
