"""The Django host: ``MIDDLEWARE = ["perfkit.django.PerfkitMiddleware", ...]`` and ``PERFKIT = {...}``."""

from perfkit.django._csp import csp
from perfkit.django._precondition import precondition
from perfkit.django._rate_limit import rate_limit
from perfkit.django.conf import project_settings
from perfkit.django.middleware import (
    CacheControlMiddleware,
    CompressionMiddleware,
    ConditionalGetMiddleware,
    FeatureMiddleware,
    HealthMiddleware,
    MetricsMiddleware,
    PerfkitMiddleware,
    RateLimitMiddleware,
    RouteMiddleware,
    SecurityHeadersMiddleware,
    ThresholdsMiddleware,
    TimingMiddleware,
)
from perfkit.django.reports import reports_view

__all__ = [
    "CacheControlMiddleware",
    "CompressionMiddleware",
    "ConditionalGetMiddleware",
    "FeatureMiddleware",
    "HealthMiddleware",
    "MetricsMiddleware",
    "PerfkitMiddleware",
    "RateLimitMiddleware",
    "RouteMiddleware",
    "SecurityHeadersMiddleware",
    "ThresholdsMiddleware",
    "TimingMiddleware",
    "csp",
    "precondition",
    "project_settings",
    "rate_limit",
    "reports_view",
]
