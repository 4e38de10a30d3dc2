"""Conditional requests: an ETag for responses that have none, and 304 for what the client has already.

The answer to a request is looked at when the application has made it, so that this saves bytes and not work; to save
the work too, and to protect what changes, see ``precondition`` of `perfkit.starlette`, `perfkit.flask` and
`perfkit.django`. Source: RFC 9110 sections 8.8, 13 and 15.4.5.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import Annotated, Any, Final

from msgspec import Meta

from perfkit._preconditions import (
    ETAG,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE,
    LAST_MODIFIED,
    READING,
    Conditions,
    evaluate,
)
from perfkit._validators import is_entity_tag, read_date
from perfkit.exchange import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_TYPE_FACT,
    SET_COOKIE,
    Exchange,
    HeaderName,
    HeaderSet,
    is_event_stream,
)
from perfkit.feature import Pending, Position
from perfkit.options import BadOption, ConfiguredFeature, Options

__all__ = ["ConditionalGet", "ConditionalGetOptions"]

CACHE_CONTROL: Final = HeaderName("Cache-Control")
RANGE: Final = HeaderName("Range")
IF_RANGE: Final = HeaderName("If-Range")

# The name of the fact that says what happened: see `ConditionalGet`.
FACT: Final = "conditional"

# To hash that much takes half a millisecond: less than this does not pay for the way to a thread and back (0.1 ms).
THREAD_SIZE: Final = 1024 * 1024

# What describes a body that is not sent. All else stays: a cache updates what it has stored by it (RFC 9111 section
# 3.2), and the browser wants its CORS headers on a 304 too.
OF_THE_BODY: Final = HeaderSet(
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Content-Language",
    "Content-Range",
    "Content-MD5",
    "Content-Digest",
    "Repr-Digest",
    "Digest",
    "Trailer",
    "Transfer-Encoding",
)
# What would let a cache give a 412 to those who ask without a condition (RFC 9111 section 3).
OF_CACHING: Final = HeaderSet("Expires", "CDN-Cache-Control", "Surrogate-Control")
# What makes a request conditional.
CONDITIONS: Final = HeaderSet("If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since")
# What may speak against an ETag.
OF_KEEPING: Final = HeaderSet("Cache-Control", "Set-Cookie")


class ConditionalGetOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``conditional_get``.

    Attributes:
        etags: whether to make an ETag for responses that have none. Those of the application always count.
        minimum_size: the least number of bytes of a body that gets one.
        maximum_size: the most.
        cookies: whether a response that sets a cookie gets one too.
    """

    etags: bool = True
    minimum_size: Annotated[int, Meta(ge=0)] = 80
    maximum_size: Annotated[int, Meta(ge=0)] = 4 * 1024 * 1024
    cookies: bool = False

    def __post_init__(self) -> None:
        if self.minimum_size > self.maximum_size:
            problem = f"{self.minimum_size} is more than maximum_size, {self.maximum_size}"
            raise BadOption("minimum_size", problem, "write a smaller one, or etags = False to make no ETag")


class ConditionalGet(ConfiguredFeature[ConditionalGetOptions]):
    """Makes weak ETags of whole bodies, and answers GET, HEAD and QUERY with 304 or 412 as their If-* headers ask.

    What happened stands in the fact ``conditional`` of the exchange: ``"not_modified"`` and ``"precondition_failed"``
    for the answers 304 and 412, ``"modified"`` where the client had something else, ``"made"`` where an ETag was added
    to the answer of a request without conditions, ``"present"`` where the application had set a validator, and
    ``"skipped:..."`` with the reason where there is none. The fact is absent where nothing was to be done: other
    methods, and answers that are no success.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``ConditionalGet(maximum_size=100_000)``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "conditional_get"
    position = Position.CONDITIONAL_GET
    Options = ConditionalGetOptions

    def __init__(self, options: ConditionalGetOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        self._etags = self.options.etags
        self._minimum = self.options.minimum_size
        self._maximum = self.options.maximum_size
        self._cookies = self.options.cookies

    def on_request(self, exchange: Exchange) -> None:
        """Drop a Range whose If-Range cannot hold, for applications that slice and do not look at it."""
        if exchange.request_header(RANGE) is None:
            return
        if_range = exchange.request_header(IF_RANGE)
        if if_range is not None and not may_hold(if_range):
            exchange.set_request_header(RANGE, None)
            exchange.set_request_header(IF_RANGE, None)

    def on_response(self, exchange: Exchange) -> Pending[None] | None:
        # The application's own 304 and 412 stay, and where a request fails conditions do not count (section 13.2.1).
        # One that changes something is done by now: too late for a 412.
        if exchange.method not in READING or not 200 <= exchange.status < 300:
            return None
        if exchange.has_response_header(ETAG):
            self._answer(exchange, exchange.response_header(ETAG), "present")
            return None
        reason = self._reason(exchange)
        body = exchange.body
        if reason is not None or body is None:
            self._answer(exchange, None, f"skipped:{reason}")
        elif len(body) < THREAD_SIZE:
            self._tag(exchange, made_tag(body))
        else:
            return Pending(partial(made_tag, body)).then(partial(self._tag, exchange))
        return None

    def _reason(self, exchange: Exchange) -> str | None:
        """Why no ETag is made for this response; None where one is."""
        body = exchange.body
        if body is None or exchange.streamed:
            return "stream"
        if not self._etags:
            return "off"
        if exchange.status != 200:
            return "status"
        if exchange.method == "HEAD" and _left_out(exchange, body):
            return "head"
        if not self._minimum <= len(body) <= self._maximum:
            return "size"
        return self._reason_of_headers(exchange)

    def _reason_of_headers(self, exchange: Exchange) -> str | None:
        if exchange.unique:
            return "unique"
        if is_event_stream(exchange.response_header(CONTENT_TYPE) or ""):
            return "event_stream"
        return self._reason_of_keeping(exchange) if exchange.has_response_headers(OF_KEEPING) else None

    def _reason_of_keeping(self, exchange: Exchange) -> str | None:
        cache_control = exchange.response_header(CACHE_CONTROL)
        # Nobody keeps what has it (RFC 9111 section 5.2.2.5); within another word or quotes it does no harm.
        if cache_control is not None and "no-store" in cache_control.lower():
            return "no_store"
        if not self._cookies and exchange.has_response_header(SET_COOKIE):
            return "cookies"
        return None

    def _tag(self, exchange: Exchange, tag: str) -> None:
        exchange.append_header(ETAG, tag)  # there is none
        self._answer(exchange, tag, "made")

    def _answer(self, exchange: Exchange, etag: str | None, otherwise: str) -> None:
        """Answer with 304 or 412 if that is what the request asks for.

        Args:
            exchange: the exchange.
            etag: the response's ETag.
            otherwise: the fact for a request without conditions.
        """
        last_modified = exchange.response_header(LAST_MODIFIED)
        if etag is None and last_modified is not None:
            otherwise = "present"
        conditions = asked(exchange)
        if conditions is None:
            exchange.facts[FACT] = otherwise
            return
        modified = None if last_modified is None else read_date(last_modified)
        status = evaluate(exchange.method, conditions, etag=etag, last_modified=modified)
        if status == 304:
            exchange.facts[FACT] = "not_modified"
            exchange.facts[CONTENT_TYPE_FACT] = exchange.response_header(CONTENT_TYPE)
            replace(exchange, 304)
        elif status == 412:
            exchange.facts[FACT] = "precondition_failed"
            replace(exchange, 412)
            exchange.remove_headers(OF_CACHING)
            exchange.set_header(CACHE_CONTROL, "no-store")
            # wsgiref.validate demands a type; the length tells that it is of nothing, for HEAD too.
            exchange.set_header(CONTENT_TYPE, "text/plain; charset=utf-8")
            exchange.set_header(CONTENT_LENGTH, "0")
        else:
            exchange.facts[FACT] = otherwise if otherwise.startswith("skipped") else "modified"


def asked(exchange: Exchange) -> Conditions | None:
    """The preconditions of the request; None where it has none, as most."""
    if not exchange.has_request_headers(CONDITIONS):
        return None
    header = exchange.request_header
    if_match = header(IF_MATCH)
    if_unmodified_since = header(IF_UNMODIFIED_SINCE)
    if_none_match = header(IF_NONE_MATCH)
    if_modified_since = header(IF_MODIFIED_SINCE)
    if not (if_none_match or if_modified_since or if_match or if_unmodified_since):
        return None
    # "or None": hosts differ in what they give for an empty header.
    return Conditions(if_match or None, if_unmodified_since or None, if_none_match or None, if_modified_since or None)


def made_tag(body: bytes) -> str:
    """A weak entity tag for this body: 128 bits of its SHA-256.

    Weak, since it stands for what the application sent and not for the bytes that reach the client: proxies that
    compress keep a weak tag and drop a strong one.
    """
    return f'W/"{sha256(body).hexdigest()[:32]}"'


def may_hold(if_range: str) -> bool:
    """Whether there may be a response that this If-Range fits: a strong tag, or a date (RFC 9110 section 13.1.5)."""
    if if_range.endswith('"'):
        return is_entity_tag(if_range) and not if_range.startswith("W/")
    return read_date(if_range) is not None


def replace(exchange: Exchange, status: int) -> None:
    """Put an answer without a body in the place of the response."""
    exchange.status = status
    exchange.body = b""
    exchange.remove_headers(OF_THE_BODY)


def _left_out(exchange: Exchange, body: bytes) -> bool:
    """Whether the application has left out the body of its answer to HEAD, so that it is not the one GET would have."""
    length = exchange.response_header(CONTENT_LENGTH)
    return not body if length is None else length != str(len(body))
