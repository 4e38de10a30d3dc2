"""Metrics: what requests, streams and connections took, for Prometheus to collect."""

from perfkit.features.metrics._feature import Metrics
from perfkit.features.metrics._options import MetricsOptions

__all__ = ["Metrics", "MetricsOptions"]
