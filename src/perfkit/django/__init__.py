"""The Django host: ``MIDDLEWARE = ["perfkit.django.PerfkitMiddleware", ...]`` and ``PERFKIT = {...}``."""

from perfkit.django.conf import project_settings
from perfkit.django.middleware import PerfkitMiddleware, SecurityHeadersMiddleware, TimingMiddleware

__all__ = ["PerfkitMiddleware", "SecurityHeadersMiddleware", "TimingMiddleware", "project_settings"]
