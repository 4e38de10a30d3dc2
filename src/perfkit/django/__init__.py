"""The Django host: ``MIDDLEWARE = ["perfkit.django.PerfkitMiddleware", ...]`` and ``PERFKIT = {...}``."""

from perfkit.django._csp import csp
from perfkit.django.conf import project_settings
from perfkit.django.middleware import (
    FeatureMiddleware,
    PerfkitMiddleware,
    SecurityHeadersMiddleware,
    TimingMiddleware,
)
from perfkit.django.reports import reports_view

__all__ = [
    "FeatureMiddleware",
    "PerfkitMiddleware",
    "SecurityHeadersMiddleware",
    "TimingMiddleware",
    "csp",
    "project_settings",
    "reports_view",
]
