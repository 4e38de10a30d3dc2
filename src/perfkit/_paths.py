"""Paths with stars."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Paths:
    """Finds the first pattern that fits a path.

    Args:
        patterns: whole paths, in which ``*`` stands for any characters.
    """

    __slots__ = ("_match",)

    def __init__(self, patterns: Sequence[str]) -> None:
        self._match = re.compile("|".join(f"({_regex(pattern)})" for pattern in patterns), re.DOTALL).fullmatch

    def find(self, path: str) -> int | None:
        """The index of the first pattern that fits; None where none does."""
        match = self._match(path)
        return None if match is None or match.lastindex is None else match.lastindex - 1


def _regex(pattern: str) -> str:
    first, *rest = (re.escape(part) for part in re.split(r"\*+", pattern))
    if not rest:
        return first
    # Atomic: each part is looked for once, from left to right, so that no path makes the matching slow.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return f"{first}{middle}.*{rest[-1]}"
