"""The feature: which responses get a Cache-Control, and which one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from perfkit._paths import Paths
from perfkit.exchange import CONTENT_TYPE, CONTENT_TYPE_FACT, SET_COOKIE, Exchange, HeaderName
from perfkit.feature import Position
from perfkit.features.cache_control._directives import directives, doubts, is_private, restricts
from perfkit.features.cache_control._options import CacheControlOptions, CacheRule
from perfkit.options import ConfiguredFeature

logger = logging.getLogger("perfkit")

CACHE_CONTROL: Final = HeaderName("Cache-Control")
EXPIRES: Final = HeaderName("Expires")

# What may be used again without asking: answers that are about the resource and not about a mishap. RFC 9111 section 3
# would let a cache keep a 404 or a 500 as long as the file that is there again a minute later.
FRESH_STATUSES: Final = frozenset({200, 203, 204, 206, 301, 304, 308})
FRESH_METHODS: Final = frozenset({"GET", "HEAD"})


class _Rule(NamedTuple):
    """A rule, worked out.

    Attributes:
        value: of the header.
        fits_path: whether it is for this path; None where it is for all.
        fits_type: whether it is for this media type; None where it is for all.
        fresh: whether it lets a response be used again without asking.
        shared: whether that goes for caches that serve several people.
    """

    value: str
    fits_path: Callable[[str], int | None] | None
    fits_type: Callable[[str], int | None] | None
    fresh: bool
    shared: bool


class CacheControl(ConfiguredFeature[CacheControlOptions]):
    """Adds Cache-Control where the application has set neither that nor Expires. Off unless it has rules.

    A rule that asks to check before each use (``no-store``, ``no-cache``) goes for all responses. One that does not is
    for GET and HEAD and the statuses 200, 203, 204, 206, 301, 304 and 308 only; and if it is not ``private``, not for
    responses that set a cookie or whose body is unique.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``CacheControl(rules=[{"path": "/static/*", "value": "max-age=60"}])``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "cache_control"
    position = Position.CACHE_CONTROL
    enabled = False
    Options = CacheControlOptions

    def __init__(self, options: CacheControlOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        self._rules = tuple(_worked_out(rule) for rule in self.options.rules)
        for index, rule in enumerate(self.options.rules):
            for doubt in doubts(directives(rule.value)):
                logger.warning("cache_control.rules[%d].value: %s", index, doubt)

    def on_response(self, exchange: Exchange) -> None:
        if exchange.has_response_header(CACHE_CONTROL) or exchange.has_response_header(EXPIRES):
            return
        rule = self._find(exchange)
        if rule is not None and (not rule.fresh or _may_be_fresh(rule, exchange)):
            exchange.append_header(CACHE_CONTROL, rule.value)  # there is none

    def _find(self, exchange: Exchange) -> _Rule | None:
        """The first rule that fits."""
        path = exchange.path
        media_type: str | None = None
        for rule in self._rules:
            if rule.fits_path is not None and rule.fits_path(path) is None:
                continue
            if rule.fits_type is None:
                return rule
            if media_type is None:
                media_type = _media_type(exchange)
                if media_type is None:
                    # Whose 304 this is, is not known, and a later rule might be for others: what a cache has stored
                    # keeps the header it came with (RFC 9111 section 3.2).
                    return None
            if rule.fits_type(media_type) is not None:
                return rule
        return None


def _worked_out(rule: CacheRule) -> _Rule:
    found = directives(rule.value)
    return _Rule(
        value=rule.value,
        fits_path=None if rule.path == "*" else Paths([rule.path]).find,
        fits_type=None if rule.type in ("*", "*/*") else Paths([rule.type]).find,
        fresh=not restricts(found),
        shared=not is_private(found),
    )


def _may_be_fresh(rule: _Rule, exchange: Exchange) -> bool:
    if exchange.status not in FRESH_STATUSES or exchange.method not in FRESH_METHODS:
        return False
    # The session of one must not become that of all who come through the same cache.
    return not (rule.shared and (exchange.unique or exchange.has_response_header(SET_COOKIE)))


def _media_type(exchange: Exchange) -> str | None:
    """The media type in lower case; empty where there is none, None where a 304 does not tell."""
    if exchange.status == 304:
        if CONTENT_TYPE_FACT not in exchange.facts:
            return None
        content_type: str | None = exchange.facts[CONTENT_TYPE_FACT]
    else:
        content_type = exchange.response_header(CONTENT_TYPE)
    return (content_type or "").partition(";")[0].strip().lower()
