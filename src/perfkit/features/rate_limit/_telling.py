"""What clients are told: the fields of responses, and the answer to those who are refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from perfkit.exchange import Exchange, HeaderName, Reply
from perfkit.features.rate_limit._answers import CACHE_CONTROL, Refusal, reply
from perfkit.features.rate_limit._fields import (
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    RETRY_AFTER,
    SHADOW,
    Told,
    is_exhausted,
    is_low,
    legacy_fields,
    policies_field,
    refused_field,
    shadow_field,
    state_field,
)
from perfkit.features.rate_limit._options import RateLimitOptions
from perfkit.features.rate_limit._steps import Steps, result_of

logger = logging.getLogger("perfkit")

# What each answer to a refused request has.
OURS: Final = (RETRY_AFTER, RATE_LIMIT_POLICY, RATE_LIMIT, CACHE_CONTROL)


class Telling:
    """Tells clients what the options say that they are to be told."""

    def __init__(self, options: RateLimitOptions) -> None:
        self.status = options.status
        self.pause = max(int(options.breaker[1]), 1)
        self._always = options.headers == "always"
        self._low = options.headers == "low"
        self._refused = options.headers != "never"
        self._legacy = options.legacy_headers
        self._shadow = options.shadow_header
        self._negotiate = options.body == "auto"
        self._body: Any = options.body if callable(options.body) else None
        self._reported = False

    def tell(self, exchange: Exchange, told: Sequence[Told]) -> None:
        """Add the fields to a response, beside what the application sends in the same."""
        if not told or not (self._always or (self._low and is_low(told))):
            return
        status = exchange.status
        if 300 <= status < 400 and status != 304 and is_exhausted(told):
            # A client that has nothing left would not follow it (the draft, "Server Behavior").
            return
        exchange.append_header(RATE_LIMIT_POLICY, policies_field(told))
        exchange.append_header(RATE_LIMIT, state_field(told))
        if self._legacy:
            for name, value in legacy_fields(told):
                if not exchange.has_response_header(name):
                    exchange.set_header(name, value)

    def tell_shadow(self, exchange: Exchange, names: Sequence[str]) -> None:
        """Say which rules in shadow mode would have refused the request, if there are any and clients are told."""
        if names and self._shadow:
            exchange.append_header(SHADOW, shadow_field(names))

    def answer(self, exchange: Exchange, refusal: Refusal, told: Sequence[Told]) -> Steps[Reply]:
        """The answer to a request that is refused."""
        fields = self._fields(refusal, told)
        if self._body is not None:
            own = yield from self._own(exchange, refusal)
            if own is not None:
                return own._replace(headers=_joined(own, fields))
        return reply(exchange, refusal, fields, negotiate=self._negotiate)

    def complete(self, exchange: Exchange, answer: Reply) -> None:
        """Add our fields to what stands in the place of our answer, as frameworks make one of an exception.

        Not to what is no error: a view that was refused may go on with less, or send its visitor elsewhere.
        """
        if exchange.status < 400:
            return
        for name in OURS:
            value = answer.headers.get(name)
            if value is not None and not exchange.has_response_header(name):
                exchange.set_header(name, value)

    def _own(self, exchange: Exchange, refusal: Refusal) -> Steps[Reply | None]:
        """The answer that the application's function gives."""
        try:
            own = yield from result_of(self._body(exchange, refusal))
            return _checked(own)
        except Exception:
            if not self._reported:
                self._reported = True
                logger.exception("rate_limit.body failed; later errors of it are not logged")
            return None

    def _fields(self, refusal: Refusal, told: Sequence[Told]) -> dict[HeaderName, str]:
        fields: dict[HeaderName, str] = {}
        if refusal.retry_after is not None:
            fields[RETRY_AFTER] = str(refusal.retry_after)
        if self._refused and told:
            fields[RATE_LIMIT_POLICY] = policies_field(told)
            fields[RATE_LIMIT] = refused_field(told)
        if self._legacy and told:
            fields.update(legacy_fields(told))
        return fields


def _joined(own: Reply, fields: Mapping[HeaderName, str]) -> dict[HeaderName, str]:
    """The headers of an answer of the application's own, with ours: each once, however its name is written."""
    if 300 <= own.status < 400:
        fields = {}  # as above
    ours = {name.lower for name in fields}
    kept = {name: value for name, value in own.headers.items() if name.lower not in ours}
    stored = {} if any(name.lower == CACHE_CONTROL.lower for name in kept) else {CACHE_CONTROL: "no-store"}
    return {**stored, **kept, **fields}


def _checked(own: Any) -> Reply:
    if not isinstance(own, Reply):
        raise TypeError(f"{own!r} is not a Reply")
    own.fields()
    return own
