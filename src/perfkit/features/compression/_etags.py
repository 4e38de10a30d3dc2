"""Entity tags of encoded representations.

Two representations of one resource need two strong tags (RFC 9110 section 8.8.3.3). So the tag ``"abc"`` of the
application is sent as ``"abc-gzip"`` with the body that is encoded, and becomes ``"abc"`` again when a client sends it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

# entity-tag (RFC 9110 section 8.8.3). There may be commas in one, so that a list cannot be split at them.
_TAG: Final = re.compile(r'(W/)?"([^"]*)"')


def suffixed(tag: str, coding: str) -> str:
    """The tag of the representation in that coding. A weak tag, which may stand for several, stays as it is.

    So does what is no tag, as the two of an application that sends two lines.
    """
    strong = len(tag) > 1 and tag[0] == tag[-1] == '"' and tag.count('"') == 2
    return f'{tag[:-1]}-{coding}"' if strong else tag


def weakened(tag: str) -> str:
    """The tag as a weak one."""
    return f"W/{tag}" if tag.startswith('"') else tag


class Suffixes:
    """Takes off the suffixes that `suffixed` has put on.

    Args:
        codings: the codings there are.
    """

    def __init__(self, codings: Collection[str]) -> None:
        self._endings = tuple((f"-{coding}", coding) for coding in codings)
        self._closed = tuple(f'{ending}"' for ending, _ in self._endings)

    def found(self, field: str) -> bool:
        """Whether there may be something to take off."""
        return any(ending in field for ending in self._closed)

    def stripped(self, field: str, accepted: Collection[str]) -> tuple[str, dict[str, list[str]]]:
        """If-Match or If-None-Match as the application knows its tags.

        Args:
            field: the value: a list of tags.
            accepted: the codings whose suffixes to take off.

        Returns:
            The value, and for each tag that lost a suffix its codings; an empty one stands for the tag as it was.
        """
        codings: dict[str, list[str]] = {}

        def strip(match: re.Match[str]) -> str:
            weak, opaque = match.groups()
            if weak:
                return match[0]
            for ending, coding in self._endings:
                if coding in accepted and opaque.endswith(ending):
                    tag = f'"{opaque[: -len(ending)]}"'
                    codings.setdefault(tag, []).append(coding)
                    return tag
            codings.setdefault(match[0], []).append("")
            return match[0]

        return _TAG.sub(strip, field), codings


def tag_of_304(tag: str, codings: dict[str, list[str]], preferred: str) -> str:
    """The tag for an answer of 304: one the client has sent, since that says which of its responses is meant.

    A cache updates only responses that have this very tag (RFC 9111 section 4.3.4).

    Args:
        tag: the one the application has put on it.
        codings: what `Suffixes.stripped` gave.
        preferred: the coding the client would get now.
    """
    sent = codings.get(tag)
    if not sent:
        return tag
    coding = preferred if preferred in sent else "" if "" in sent else sent[0]
    return suffixed(tag, coding) if coding else tag
