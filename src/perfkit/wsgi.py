"""The WSGI host: runs a stack around any WSGI application (Flask, Pyramid, Bottle, Django, ...).

Follows PEP 3333: one item out for each item in, so that nothing an application sends is held back; `close` is called
once and ends the exchange; `write`, a second `start_response` with `exc_info` and generators that call
`start_response` on their first item work; a file handed to the server's `wsgi.file_wrapper` stays with the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from perfkit._wsgi import FILE_WRAPPER, Environ, StartResponse, WSGIApp, WsgiExchange
from perfkit._wsgi_health import health_app
from perfkit._wsgi_metrics import metrics_app
from perfkit._wsgi_reports import reports_app
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


class PerfkitMiddleware:
    """A WSGI application around another, with perfkit's features.

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
        app: WSGIApp,
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        features: Iterable[Feature] | None = None,
    ) -> None:
        self.app = app
        self.stack = Stack.from_settings(settings, features)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self.stack:
            return self.app(environ, start_response)
        exchange = WsgiExchange(environ, start_response, self.stack)
        if not isinstance(environ.get(FILE_WRAPPER), type):
            # What a wrapper that is a plain function returns cannot be recognised, so that applications have to send
            # the file themselves; the key is optional (PEP 3333, "Optional Platform-Specific File Handling").
            environ.pop(FILE_WRAPPER, None)
        try:
            reply = self.stack.request(exchange)
            if isinstance(reply, Pending):
                reply = reply.run()
            if reply is not None:
                return exchange.answer(reply)
            iterable = self.app(environ, exchange.start_response)
        except BaseException as error:
            exchange.fail(error)
            raise
        return exchange.respond(iterable)


class FeatureMiddleware(PerfkitMiddleware):
    """The host with one feature, whose options are given as keywords.

    The shared sections ``client`` and ``internal`` can be given as keywords too.
    """

    section: ClassVar[str]

    def __init__(self, app: WSGIApp, **options: Any) -> None:
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
