"""The feature: which responses are compressed, and when not, why."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from perfkit._preconditions import IF_MATCH, IF_NONE_MATCH, READING
from perfkit.exchange import CONTENT_LENGTH, CONTENT_TYPE, CONTENT_TYPE_FACT, Exchange, HeaderName, HeaderSet
from perfkit.feature import Pending, Position
from perfkit.features.compression._choice import LARGE_FROM, Choice, Choices
from perfkit.features.compression._codec import Codec
from perfkit.features.compression._etags import Suffixes, tag_of_304
from perfkit.features.compression._guards import Guards
from perfkit.features.compression._metadata import (
    ACCEPT_ENCODING,
    ETAG,
    add_vary,
    describe_encoded,
)
from perfkit.features.compression._offload import offloaded
from perfkit.features.compression._options import CompressionOptions
from perfkit.features.compression._outcome import FACT, SKIPPED, Outcome
from perfkit.features.compression._streams import StreamEncoder, pace
from perfkit.features.compression._types import Kind, Kinds
from perfkit.features.compression._whole import Bodies, timed
from perfkit.options import ConfiguredFeature

TAGGED: Final = HeaderSet("If-None-Match", "If-Match")
# No content, or a part of one (RFC 9110 sections 15.3.5, 15.3.6, 15.3.7, 15.4.5); as those below 200.
NOT_ENCODED: Final = frozenset({204, 205, 206, 304})
PARTIAL_CONTENT: Final = 206
NOT_MODIFIED: Final = 304

# The type of a body of several ranges, which hides that of the whole.
BYTERANGES: Final = "multipart/byteranges"


class Compression(ConfiguredFeature[CompressionOptions]):
    """Compresses responses, whole and streamed, for clients that take it.

    It tells what it did in ``exchange.facts["compression"]``, an `Outcome`.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Compression(minimum_size=1000)``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "compression"
    position = Position.COMPRESSION
    encodes = True
    hold = 500
    Options = CompressionOptions

    def __init__(self, options: CompressionOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        self._choices = Choices(options.codings, options.levels)
        self._kinds = Kinds(options.types, options.exclude_types)
        self._guards = Guards(options)
        self._minimum_size = max(options.minimum_size, 1)
        self._etag = options.etag
        self._suffixes = Suffixes(self._choices.codecs)
        self._bodies = Bodies(options.cache_size, options.padding)
        if options.etag != "suffix":
            self.on_request = super().on_request  # type: ignore[assignment,method-assign]  # no stack calls what is not written

    def on_request(self, exchange: Exchange) -> None:
        if not exchange.has_request_headers(TAGGED):
            return
        for name in (IF_NONE_MATCH, IF_MATCH):
            field = exchange.request_header(name)
            if field is not None and self._suffixes.found(field):
                self._strip(exchange, name, field)

    def _strip(self, exchange: Exchange, name: HeaderName, field: str) -> None:
        """Give the application the tags it knows.

        If-None-Match keeps those of responses that the client no longer takes: it would be told to use one.
        """
        accepted = frozenset(self._choices.codecs)
        if name is IF_NONE_MATCH and exchange.method in READING:
            accepted = self._choices(exchange.request_header(ACCEPT_ENCODING)).accepted
        value, codings = self._suffixes.stripped(field, accepted)
        if value != field:
            exchange.set_request_header(name, value)
        if name is IF_NONE_MATCH:
            exchange.state[self] = codings

    def on_response(self, exchange: Exchange) -> Pending[None] | None:
        status = exchange.status
        if status in NOT_ENCODED or status < 200:
            if status == NOT_MODIFIED:
                self._mark_304(exchange)
            elif status == PARTIAL_CONTENT:
                self._mark_206(exchange)
            reason = "status"
        else:
            kind = self._kinds(exchange.response_header(CONTENT_TYPE))
            if kind is not None:
                return self._respond(exchange, kind)
            reason = "type"
        exchange.facts[FACT] = SKIPPED[reason]
        return None

    def _respond(self, exchange: Exchange, kind: Kind) -> Pending[None] | None:
        """Compress a response of a fit type, if nothing is against it."""
        size = _size(exchange)
        if size is not None and size < self._minimum_size and not self._must_encode(exchange, size):
            reason: str | None = "too_small"
        else:
            reason = self._guards.reason(exchange)
        if reason is None:
            choice = self._choices(exchange.request_header(ACCEPT_ENCODING))
            codec = _codec(choice, kind, size, streams=not exchange.body)
            if codec is not None:
                return self._encode(exchange, codec, kind, must=not choice.identity)
            add_vary(exchange)
            reason = "not_acceptable"
        exchange.facts[FACT] = SKIPPED[reason]
        return None

    def _mark_206(self, exchange: Exchange) -> None:
        """Give a part of a plain body the Vary of the whole (RFC 9110 section 15.3.7)."""
        content_type = exchange.response_header(CONTENT_TYPE) or ""
        fit = self._kinds(content_type) is not None or content_type.lower().startswith(BYTERANGES)
        if fit and self._guards.reason(exchange) in (None, "range"):
            add_vary(exchange)

    def _mark_304(self, exchange: Exchange) -> None:
        """Give a 304 the Vary and the ETag its response would have (RFC 9110 section 15.4.5).

        Of what type the response is, and how large, a 304 does not say; so each gets Vary whose type is not known.
        """
        if exchange.method not in READING or self._guards.excludes(exchange):
            return
        content_type = exchange.facts.get(CONTENT_TYPE_FACT)
        if content_type is not None and self._kinds(content_type) is None:
            return
        add_vary(exchange)
        codings = exchange.state.get(self)
        if codings is None:
            return
        tag = exchange.response_header(ETAG)
        if tag is not None:
            large = self._choices(exchange.request_header(ACCEPT_ENCODING)).large
            sent = tag_of_304(tag, codings, large.name if large else "")
            if sent != tag:
                exchange.set_header(ETAG, sent)

    def _must_encode(self, exchange: Exchange, size: int) -> bool:
        """Whether the client refuses a body that is not encoded; an empty one is the same for all."""
        return size > 0 and not self._choices(exchange.request_header(ACCEPT_ENCODING)).identity

    def _encode(self, exchange: Exchange, codec: Codec, kind: Kind, *, must: bool) -> Pending[None] | None:
        body = exchange.body
        if exchange.method == "HEAD" and not body:
            # What GET would give, but for what only its body tells (RFC 9110 section 9.3.2).
            exchange.remove_header(CONTENT_LENGTH)
            self._describe(exchange, Outcome(codec.name))
            return None
        if body is None:
            self._encode_stream(exchange, codec, kind)
            return None
        compress = partial(self._bodies.compressed, codec, body, must=must)
        if len(body) < codec.offload_size:
            self._finish(exchange, codec, *timed(compress))
            return None

        async def run_async() -> None:
            self._finish(exchange, codec, *await offloaded(partial(timed, compress)))

        return Pending(lambda: self._finish(exchange, codec, *timed(compress)), run_async)

    def _finish(self, exchange: Exchange, codec: Codec, data: bytes | None, seconds: float) -> None:
        """Put the compressed body in place of the application's, if it is any better."""
        exchange.add_timing("compress", seconds)
        if data is None:
            add_vary(exchange)
            exchange.facts[FACT] = SKIPPED["not_smaller"]
            return
        assert exchange.body is not None
        self._describe(exchange, Outcome(codec.name, "", len(exchange.body), len(data)))
        exchange.body = data

    def _encode_stream(self, exchange: Exchange, codec: Codec, kind: Kind) -> None:
        size = _size(exchange)
        make = partial(codec.encoder, live=kind.live, size=size, padding=self._bodies.drawn_padding())
        outcome = Outcome(codec.name)
        policy = pace(self.options.flush, events=kind.events)
        exchange.encoder = StreamEncoder(make, policy, outcome, codec.offload_size)
        self._describe(exchange, outcome)

    def _describe(self, exchange: Exchange, outcome: Outcome) -> None:
        assert outcome.coding is not None
        describe_encoded(exchange, outcome.coding, self._etag)
        exchange.facts[FACT] = outcome


def _size(exchange: Exchange) -> int | None:
    """Bytes of the body GET has, as far as they are known: a response to HEAD may come without."""
    if exchange.body or (exchange.body is not None and exchange.method != "HEAD"):
        return len(exchange.body)
    length = exchange.response_header(CONTENT_LENGTH)
    return int(length) if length is not None and length.isascii() and length.isdigit() else None


def _codec(choice: Choice, kind: Kind, size: int | None, *, streams: bool) -> Codec | None:
    """The codec for this response; None for identity."""
    if streams and kind.live:
        return choice.live
    return choice.small if size is not None and size < LARGE_FROM else choice.large
