"""Preconditions: what the If-* headers of a request ask for (RFC 9110 section 13).

Public in `perfkit.preconditions`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from perfkit._headers import HeaderName
from perfkit._validators import holds_strongly, holds_weakly, is_entity_tag, read_date, read_tags

ETAG: Final = HeaderName("ETag")
LAST_MODIFIED: Final = HeaderName("Last-Modified")
IF_MATCH: Final = HeaderName("If-Match")
IF_UNMODIFIED_SINCE: Final = HeaderName("If-Unmodified-Since")
IF_NONE_MATCH: Final = HeaderName("If-None-Match")
IF_MODIFIED_SINCE: Final = HeaderName("If-Modified-Since")

# The methods whose answer a client may have already. QUERY is a GET with a body
# (draft-ietf-httpbis-safe-method-w-body).
READING: Final = frozenset({"GET", "HEAD", "QUERY"})
# The methods that neither read nor change a resource, so that conditions do not count (RFC 9110 section 13.2.1).
UNCONDITIONAL: Final = frozenset({"CONNECT", "OPTIONS", "TRACE"})


class Conditions(NamedTuple):
    """The values of the request headers that make a request conditional; None where absent.

    If-Range is none of them: it decides about Range only (RFC 9110 section 13.1.5).
    """

    if_match: str | None = None
    if_unmodified_since: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None


def evaluate(
    method: str,
    conditions: Conditions,
    *,
    etag: str | None = None,
    last_modified: int | None = None,
    exists: bool = True,
) -> Literal[304, 412] | None:
    """What the preconditions of a request make of it, in the order of RFC 9110 section 13.2.2.

    For a request that would succeed without them: where it would not, they do not count (section 13.2.1).

    A list of tags that cannot be read names no tag. It therefore fails If-Match; it fails If-None-Match too where the
    method changes something, since the client wants to be protected from something.

    Args:
        method: the request's method.
        conditions: the values of the headers.
        etag: entity tag of what the resource is now, with its quotes; None where it has none.
        last_modified: when it was last changed, in seconds since 1970; None where nobody knows.
        exists: whether there is something at all.

    Returns:
        The status to answer with: 304, or 412. None where the request goes on.
    """
    if method in UNCONDITIONAL:
        return None
    if etag is not None and not is_entity_tag(etag):
        etag = None
    if not _allows(conditions, etag, last_modified, exists):
        return 412
    if conditions.if_none_match is not None:
        if _none_match_fails(conditions.if_none_match, etag, exists, method):
            return 304 if method in READING else 412
    elif conditions.if_modified_since is not None and last_modified is not None and method in READING:
        date = read_date(conditions.if_modified_since)
        if date is not None and last_modified <= date:
            return 304
    return None


def _allows(conditions: Conditions, etag: str | None, last_modified: int | None, exists: bool) -> bool:
    """Whether If-Match allows the request or, where that is absent, If-Unmodified-Since (section 13.1.4)."""
    if conditions.if_match is not None:
        return _match_holds(conditions.if_match, etag, exists)
    if conditions.if_unmodified_since is None or last_modified is None:
        return True
    date = read_date(conditions.if_unmodified_since)
    return date is None or last_modified <= date


def _match_holds(if_match: str, etag: str | None, exists: bool) -> bool:
    """Whether If-Match allows the request (section 13.1.1)."""
    if if_match == "*":
        return exists
    return etag is not None and holds_strongly(if_match, etag)


def _none_match_fails(if_none_match: str, etag: str | None, exists: bool, method: str) -> bool:
    """Whether If-None-Match forbids the request (section 13.1.2)."""
    if if_none_match == "*":
        return exists
    if etag is not None and holds_weakly(if_none_match, etag):
        return True
    return method not in READING and read_tags(if_none_match) is None
