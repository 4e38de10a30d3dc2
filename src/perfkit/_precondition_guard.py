"""The arguments of `precondition`, and what they make of a request: no framework, and nothing called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from perfkit._preconditions import READING, UNCONDITIONAL, Conditions, evaluate
from perfkit._validators import entity_tag, http_date, read_date, seconds_of

Moment: TypeAlias = datetime | float
ETag: TypeAlias = str | Callable[..., str | Awaitable[str | None] | None] | None
LastModified: TypeAlias = Moment | Callable[..., Moment | Awaitable[Moment | None] | None] | None

# RFC 6585 section 3: the answer "SHOULD contain details explaining how to resubmit the request successfully".
REQUIRED: Final = "This request has to be conditional: get the resource, and send {} with this request."
TAG_REQUIRED: Final = "its ETag as If-Match, or If-None-Match: * to create it,"
DATE_REQUIRED: Final = "its Last-Modified as If-Unmodified-Since, or If-None-Match: * to create it,"
FAILED: Final = (
    "The resource is not what this request expects: get it again, and repeat the request for what it is now."
)


class Call(NamedTuple):
    """One call of a view.

    Attributes:
        method: the request's method.
        conditions: its If-* headers.
        request: the framework's own request; None where that is found elsewhere.
        positional: what `etag` and `last_modified` get by position.
        named: what they can ask for by name.
        response: what takes the headers of a response that the framework makes later; None where nothing does.
    """

    method: str
    conditions: Conditions
    request: Any = None
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}
    response: Any = None


class Guard:
    """The arguments of `precondition`, checked.

    Raises:
        TypeError: neither `etag` nor `last_modified`, or one of a type that cannot be used.
        ValueError: an `etag` with characters that no tag may have.
    """

    def __init__(self, etag: ETag, last_modified: LastModified, *, require: bool) -> None:
        if etag is None and last_modified is None:
            raise TypeError(
                "precondition needs an etag or a last_modified to compare with: etag=..., last_modified=..."
            )
        if not callable(etag):
            checked_tag(etag)
        if not callable(last_modified):
            checked_seconds(last_modified)
        self.etag = etag
        self.last_modified = last_modified
        self.validators = tuple(each for each in (etag, last_modified) if callable(each))
        self.require = require
        self.how = REQUIRED.format(DATE_REQUIRED if etag is None else TAG_REQUIRED)

    def lacks(self, call: Call) -> bool:
        """Whether the request has to be conditional and is not."""
        if not self._needs_condition(call) or _names_a_version(call.conditions):
            return False
        since = call.conditions.if_unmodified_since
        return self.last_modified is None or since is None or read_date(since) is None

    def concerns(self, call: Call) -> bool:
        """Whether the request needs to know what the resource is now."""
        return call.method in READING or (call.method not in UNCONDITIONAL and any(map(_is_given, call.conditions)))

    def status(self, call: Call, etag: str | None, modified: int | None) -> int | None:
        """What to answer for a resource with these validators: 304, 412, or None to run the view."""
        exists = etag is not None or modified is not None
        if not exists and call.method in READING:
            return None  # the view says that there is nothing, and where it does, conditions do not count
        if modified is None and self._needs_condition(call) and not _names_a_version(call.conditions):
            return 412  # a date to compare with nothing, which does not count (RFC 9110 section 13.1.4)
        return evaluate(call.method, call.conditions, etag=etag, last_modified=modified, exists=exists)

    def _needs_condition(self, call: Call) -> bool:
        return self.require and call.method not in READING and call.method not in UNCONDITIONAL


def _names_a_version(conditions: Conditions) -> bool:
    # An If-None-Match with a tag lets a change through that was made for an older version.
    return conditions.if_match is not None or conditions.if_none_match == "*"


def checked_tag(given: object) -> str | None:
    """What was given as `etag`, as an entity tag."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise TypeError(f"etag is {given!r}, which is no str: write for example str({given!r})")
    return entity_tag(given)


def checked_seconds(given: object) -> int | None:
    """What was given as `last_modified`, in seconds since 1970."""
    if given is None:
        return None
    if not isinstance(given, datetime | float | int):
        raise TypeError(f"last_modified is {given!r}: it has to be a datetime or seconds since 1970")
    return seconds_of(given)


def validators_of(etag: str | None, moment: Moment | None) -> dict[str, str]:
    """The headers that tell the client."""
    headers = {} if etag is None else {"ETag": etag}
    return headers if moment is None else headers | {"Last-Modified": http_date(moment)}


def _is_given(value: str | None) -> bool:
    return value is not None
