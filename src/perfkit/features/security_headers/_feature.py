"""The feature: which head a response gets."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Final

from perfkit._paths import Paths
from perfkit.exchange import CONTENT_TYPE, SET_COOKIE, Exchange, HeaderName, Reply
from perfkit.feature import Pending, Position
from perfkit.features.security_headers._cache_control import private
from perfkit.features.security_headers._changes import applied
from perfkit.features.security_headers._choices import Choices, chosen
from perfkit.features.security_headers._cookies import Hardening
from perfkit.features.security_headers._csp import doubts
from perfkit.features.security_headers._nonce import CSP_NONCE, Nonce, made_nonce
from perfkit.features.security_headers._options import Cookies, HttpsRedirect, SecurityHeadersOptions
from perfkit.features.security_headers._plan import CSP, CSP_REPORT_ONLY, FRAME_OPTIONS, Head, Plan
from perfkit.features.security_headers._policies import PRESETS
from perfkit.features.security_headers._redirect import Redirect
from perfkit.options import ConfiguredFeature

logger = logging.getLogger("perfkit")

CACHE_CONTROL: Final = HeaderName("Cache-Control")
# Plans of overrides that are kept: an application that makes new overrides with each request must not fill the memory.
MAX_OVERRIDES: Final = 256
# The statuses of pages that help to debug.
DEBUG_STATUSES: Final = (404, 500)


class SecurityHeaders(ConfiguredFeature[SecurityHeadersOptions]):
    """Adds security headers to every response; what the application has set stays.

    It gives the application a `Nonce` as ``csp_nonce``, and takes from it the `Override` of a response.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``SecurityHeaders(frame="sameorigin")``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "security_headers"
    position = Position.SECURITY_HEADERS
    shares = True
    offers: ClassVar = {CSP_NONCE: Nonce}
    Options = SecurityHeadersOptions

    def __init__(self, options: SecurityHeadersOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        for setting, policy in options.policies():
            for doubt in doubts(policy):
                logger.warning("security_headers.%s: %s", setting, doubt)
        preset = PRESETS[options.preset]
        base = Choices.of(options)
        # The last is for paths that no rule fits.
        self._choices = [*(base.changed(rule) for rule in options.paths), base]
        self._plans = [
            (Plan(each, https=False).compiled(), Plan(each, https=True).compiled()) for each in self._choices
        ]
        self._http, self._https = self._plans[-1]
        self._paths = Paths([rule.path for rule in options.paths]) if options.paths else None
        self._overridden: dict[tuple[Any, ...], tuple[Plan, Plan]] = {}
        self._sample = options.reporting.sample if options.reporting else 1.0
        self._force = tuple(HeaderName(name) for name in options.force)
        self._remove = tuple(HeaderName(name) for name in chosen(options.remove, preset.remove) or ())
        cookies = chosen(options.cookies, Cookies() if preset.harden_cookies else None)
        self._cookies = Hardening(cookies) if cookies else None
        redirect = chosen(options.https_redirect, HttpsRedirect())
        self._redirect = Redirect(redirect) if redirect else None
        self._edits = bool(self._force or self._remove or self._cookies)
        self._uniform = self._paths is None and not self._edits
        self._debug = options.debug
        if self._redirect is None:
            self.on_request = super().on_request  # type: ignore[method-assign]  # no stack calls what is not written

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        if self._redirect is not None and exchange.scheme == "http":
            return self._redirect.reply(exchange, self._http.bare.block.fields)
        return None

    def on_response(self, exchange: Exchange) -> None:
        shared = exchange.shared
        shared.late = True
        https = exchange.scheme == "https"
        if exchange.status < 300 and self._uniform and not shared:  # most responses
            plan = self._https if https else self._http
            head = plan[exchange.response_header(CONTENT_TYPE)]
            if head.plain and exchange.add_headers(head.block):
                return
        self._respond(exchange, https=https)

    def _respond(self, exchange: Exchange, *, https: bool) -> None:
        """Add the headers to a response that not all of them suit, or that has some of them."""
        plan = self._plan(exchange, https=https)
        if 300 <= exchange.status < 400:
            head = plan.bare
            if exchange.status == 304:
                # What a cache has stored keeps the policy it came with, whose nonce is that of its page (rails#45859).
                exchange.remove_header(CSP)
                exchange.remove_header(CSP_REPORT_ONLY)
        else:
            head = self._head(exchange, plan[exchange.response_header(CONTENT_TYPE)])
        if self._edits:
            self._edit(exchange, head, https=https)
        nonce = made_nonce(exchange.shared)
        if nonce:
            _add_nonced(exchange, head, nonce)
        else:
            exchange.set_default_headers(head.block)
        if nonce or "'nonce-" in (exchange.response_header(CSP) or ""):
            _keep_private(exchange)

    def _plan(self, exchange: Exchange, *, https: bool) -> Plan:
        """The plan for the path of the request and the overrides of the application."""
        rule = None if self._paths is None else self._paths.find(exchange.path)
        index = len(self._plans) - 1 if rule is None else rule
        overrides = applied(exchange.shared)
        if not overrides:
            return self._plans[index][https]
        key = (index, *overrides)
        plans = self._overridden.get(key)
        if plans is None:
            choices = self._choices[index]
            for override in overrides:
                choices = choices.changed(override)
            if len(self._overridden) >= MAX_OVERRIDES:
                self._overridden.clear()
            plans = self._overridden[key] = Plan(choices, https=False), Plan(choices, https=True)
        return plans[https]

    def _head(self, exchange: Exchange, head: Head) -> Head:
        """The head of a response that frames itself, that helps to debug, or that is to ask for no reports."""
        if head.unframed is not None:
            frame = exchange.response_header(FRAME_OPTIONS)
            # Django's own middleware says DENY on every page, which is what frame-ancestors says too.
            if frame is not None and frame.upper() != head.block.by_lower[FRAME_OPTIONS.lower][1]:
                head = head.unframed
        if head.unguarded is not None and exchange.status in DEBUG_STATUSES and self._debugs(exchange):
            return head.unguarded
        if head.unsampled is not None and _drawn() >= self._sample:
            return head.unsampled
        return head

    def _debugs(self, exchange: Exchange) -> bool:
        return exchange.debug if self._debug == "auto" else self._debug

    def _edit(self, exchange: Exchange, head: Head, *, https: bool) -> None:
        """Change what the application has set, where the settings ask for it."""
        for name in self._remove:
            exchange.remove_header(name)
        for name in self._force:
            if name.lower in head.block.lower:
                exchange.remove_header(name)
        if self._cookies is not None:
            lines = exchange.response_header_lines(SET_COOKIE)
            if lines:
                hardened = [self._cookies.hardened(line, https=https) for line in lines]
                if hardened != lines:
                    exchange.set_header_lines(SET_COOKIE, hardened)


def _add_nonced(exchange: Exchange, head: Head, nonce: str) -> None:
    """Add the headers of a page that has read its nonce."""
    exchange.set_default_headers(head.fixed)
    for name, parts in head.templates:
        if not exchange.has_response_header(name):
            exchange.set_header(name, f"'nonce-{nonce}'".join(parts))


def _keep_private(exchange: Exchange) -> None:
    """Keep a page with a nonce out of the caches that would give it to others."""
    present = exchange.response_header(CACHE_CONTROL)
    value = private(present)
    if value != present:
        exchange.set_header(CACHE_CONTROL, value)


def _drawn() -> float:
    from random import random  # here: it takes long to import, and only sampling needs it

    return random()  # noqa: S311 - a sample
