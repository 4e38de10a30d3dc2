"""The ASGI host: runs a stack around any ASGI application (Starlette, FastAPI, Litestar, Quart, ...).

The head of a response is held back until its first body message, which tells whether the body is whole, but that of a
stream no longer than 20 ms; the head of an event stream is sent at once. Messages a host need not know (trailers, early
hints, server push, debug) pass in order. Lifespan and scopes of other kinds are not touched. Source: ASGI's HTTP and
WebSocket message format 2.5 and its extensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from perfkit._asgi import ASGIApp, Receive, Scope, Send
from perfkit._asgi_health import health_app
from perfkit._asgi_http import HttpExchange
from perfkit._asgi_metrics import metrics_app
from perfkit._asgi_reports import reports_app
from perfkit._asgi_route import PASSED_ON
from perfkit._asgi_websocket import WebSocketExchange
from perfkit.feature import Feature, Pending
from perfkit.settings import Settings
from perfkit.stack import Stack

__all__ = [
    "CacheControlMiddleware",
    "CompressionMiddleware",
    "ConditionalGetMiddleware",
    "HealthMiddleware",
    "MetricsMiddleware",
    "PerfkitMiddleware",
    "RateLimitMiddleware",
    "SecurityHeadersMiddleware",
    "ThresholdsMiddleware",
    "TimingMiddleware",
    "health_app",
    "metrics_app",
    "reports_app",
]

ZERO_COPY = "http.response.zerocopysend"


class PerfkitMiddleware:
    """An ASGI application around another, with perfkit's features.

    Args:
        app: the application to wrap.
        settings: a mapping of sections, or `Settings`; by default `perfkit.toml` or ``[tool.perfkit]`` in the working
            directory, else the defaults. Environment variables override a mapping and a file.
        features: exactly these features instead of those the settings enable.

    Raises:
        ConfigurationError: a setting that cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        features: Iterable[Feature] | None = None,
    ) -> None:
        self.app = app
        self.stack = Stack.from_settings(settings, features)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stack = self.stack
        if scope["type"] != "http" or not stack.features:
            return await self._other(scope, receive, send)
        if stack.encodes:
            scope = without_zero_copy(scope)
        exchange = HttpExchange(scope, send, stack)
        try:
            reply = stack.request(exchange)
            if reply is not None and isinstance(reply, Pending):
                reply = await reply.run_async()
            if reply is None:
                await self.app(exchange.scope, exchange.metered(receive) if stack.meters else receive, exchange.send)
            else:
                await exchange.answer(reply)
        except BaseException as error:
            await exchange.fail(error)
            raise
        if exchange.open:
            await exchange.close()

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self.stack.websocket is not None:
            await self._websocket(scope, receive, send, self.stack.websocket)
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, stack: Stack) -> None:
        exchange = WebSocketExchange(scope, send, stack)
        try:
            reply = stack.request(exchange)
            if isinstance(reply, Pending):
                reply = await reply.run_async()
            if reply is None:
                await self.app(exchange.scope, exchange.metered(receive) if stack.meters else receive, exchange.send)
            else:
                await exchange.refuse(reply, receive)
        except BaseException as error:
            await exchange.finish(error)
            raise
        await exchange.finish(None)


def without_zero_copy(scope: Scope) -> Scope:
    """The scope without the extension that sends a file past the host, where the server has it."""
    extensions = scope.get("extensions")
    if not extensions or ZERO_COPY not in extensions:
        return scope
    extensions = {name: value for name, value in extensions.items() if name != ZERO_COPY}
    scope[PASSED_ON] = copy = {**scope, "extensions": extensions}
    return copy


class FeatureMiddleware(PerfkitMiddleware):
    """The host with one feature, whose options are given as keywords.

    The shared sections ``client`` and ``internal`` can be given as keywords too.
    """

    section: ClassVar[str]

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        self.app = app
        self.stack = Stack.for_section(self.section, options)


class CacheControlMiddleware(FeatureMiddleware):
    """`perfkit.CacheControl` alone."""

    section = "cache_control"


class CompressionMiddleware(FeatureMiddleware):
    """`perfkit.Compression` alone."""

    section = "compression"


class ConditionalGetMiddleware(FeatureMiddleware):
    """`perfkit.ConditionalGet` alone."""

    section = "conditional_get"


class HealthMiddleware(FeatureMiddleware):
    """`perfkit.Health` alone."""

    section = "health"


class MetricsMiddleware(FeatureMiddleware):
    """`perfkit.Metrics` alone."""

    section = "metrics"


class RateLimitMiddleware(FeatureMiddleware):
    """`perfkit.RateLimit` alone."""

    section = "rate_limit"


class SecurityHeadersMiddleware(FeatureMiddleware):
    """`perfkit.SecurityHeaders` alone."""

    section = "security_headers"


class ThresholdsMiddleware(FeatureMiddleware):
    """`perfkit.Thresholds` alone."""

    section = "thresholds"


class TimingMiddleware(FeatureMiddleware):
    """`perfkit.Timing` alone."""

    section = "timing"
