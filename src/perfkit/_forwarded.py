"""What reverse proxies write about the client they speak for, nearest proxy first.

Each proxy appends to the right, so the right end is what the nearest proxy wrote, and the left end is what the client
may have made up. Nothing here trusts anything: `perfkit.client` decides how far to the left it believes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Real chains have fewer than five proxies, and nginx takes 8 KB of headers in all, most of them cookies. What lies
# beyond these bounds was made up by the client, to make work.
MAX_HOPS: Final = 20
MAX_LENGTH: Final = 2048

# RFC 7239 section 4, with white space around semicolons, and in unquoted values also the ":", "[" and "]" that many
# proxies do not quote. Possessive (*+) throughout: no text makes the matching slow.
_PAIR: Final = r'([\w!#$%&\'*+.^`|~-]++)=([^\s",;\\]++|"(?:[^"\\]|\\.)*+")'
_PAIRS: Final = re.compile(_PAIR, re.ASCII)
_ELEMENT: Final = re.compile(rf"(?:{_PAIR})?+(?:\s*+;\s*+(?:{_PAIR})?+)*+", re.ASCII)
_QUOTED_PAIR: Final = re.compile(r"\\(.)")


class Hop(NamedTuple):
    """What one proxy says: who spoke to it, and by which scheme.

    Attributes:
        address: as written; empty where the proxy does not say, or says it in a way that cannot be read.
        scheme: as written; empty where the proxy does not say.
    """

    address: str
    scheme: str = ""


UNREADABLE: Final = Hop("")


def hops_of_lists(addresses: str | None, schemes: str | None) -> list[Hop]:
    """The hops of X-Forwarded-For and X-Forwarded-Proto.

    No standard says how these belong together. Lists of the same length do entry by entry, as each proxy has appended
    to both. Else a proxy has overwritten the schemes, and what the nearest one wrote counts for all.
    """
    froms = _entries(addresses)
    protos = _entries(schemes)
    if len(froms) == len(protos):
        return list(map(Hop, froms, protos))
    proto = protos[0] if protos else ""
    return [Hop(each, proto) for each in froms] or [Hop("", proto)]


def _entries(text: str | None) -> list[str]:
    """The entries of a list, last first, without empty ones; an empty one stands for all that lies out of bounds."""
    if not text:
        return []
    if "," not in text and len(text) <= MAX_LENGTH:
        return [entry] if (entry := text.strip()) else []
    parts = text[-MAX_LENGTH:].rsplit(",", MAX_HOPS)
    cut = len(parts) > MAX_HOPS or len(text) > MAX_LENGTH
    entries = [entry for part in reversed(parts[cut:]) if (entry := part.strip())]
    return [*entries, ""] if cut else entries


def hops_of_forwarded(text: str | None) -> list[Hop]:
    """The hops of Forwarded (RFC 7239).

    Read from the right: a client that opens a quoted string and never closes it would otherwise swallow what the
    proxies append. A comma splits where what stands between it and the last split is a whole element. That is never so
    for a comma inside a quoted string of a whole element, as the quotes in there are escaped.
    """
    if not text:
        return []
    tail = text[-MAX_LENGTH:]
    hops: list[Hop] = []
    comma = end = len(tail)
    for _ in range(MAX_HOPS):
        comma = tail.rfind(",", 0, comma)
        if comma < 0 and len(tail) < len(text):
            break
        element = tail[comma + 1 : end].strip()
        if _ELEMENT.fullmatch(element):
            end = comma
            if element:
                hops.append(_hop(element))
        if comma < 0:
            break
    return hops if end < 0 else [*hops, UNREADABLE]


def _hop(element: str) -> Hop:
    pairs = {name.lower(): _unquoted(value) for name, value in _PAIRS.findall(element)}
    return Hop(pairs.get("for", ""), pairs.get("proto", ""))


def _unquoted(value: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", value[1:-1]) if value.startswith('"') else value
