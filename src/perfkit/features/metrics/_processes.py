"""The values of several processes that count together: prometheus-client's own metrics, in files they share.

prometheus-client chooses so by the environment variable PROMETHEUS_MULTIPROC_DIR, when it is first imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from perfkit.errors import ConfigurationError
from perfkit.features.metrics._cells import Distribution, Number
from perfkit.features.metrics._families import Labels, Metric
from perfkit.features.metrics._multiprocess_files import VARIABLE


def count_together() -> bool:
    """Whether the processes of this application count together.

    Raises:
        ConfigurationError: the variable was set too late.
    """
    if VARIABLE not in os.environ:
        return False
    if not getattr(values.ValueClass, "_multiprocess", False):
        problem = "it was set after prometheus_client was imported, which looks at it only then"
        raise ConfigurationError(VARIABLE, problem, "set it where the server is started")
    return True


class ProcessesBackend:
    """Keeps the values in the files of prometheus-client."""

    def __init__(self) -> None:
        self._metrics: list[Any] = []

    def numbers(self, metric: Metric) -> Callable[[Labels], Number]:
        name, text, labels = metric.name, metric.series.help, metric.labels
        if metric.series.kind == "counter":
            return self._opener(Counter(name, text, labels, registry=None))
        # Of the processes that live: one that died left its requests open.
        return self._opener(Gauge(name, text, labels, registry=None, multiprocess_mode="livesum"))

    def distributions(self, metric: Metric) -> Callable[[Labels], Distribution]:
        name, text, labels = metric.name, metric.series.help, metric.labels
        return self._opener(Histogram(name, text, labels, registry=None, buckets=metric.bounds))

    def _opener(self, metric: Any) -> Callable[[Labels], Any]:
        self._metrics.append(metric)

        def open_(labels: Labels) -> Any:
            return metric.labels(*labels) if labels else metric

        return open_

    def register(self, registry: CollectorRegistry) -> None:
        """Register all, or none.

        Raises:
            ValueError: the registry has a metric of such a name.
        """
        for index, metric in enumerate(self._metrics):
            try:
                registry.register(metric)
            except ValueError:
                for registered in self._metrics[:index]:
                    registry.unregister(registered)
                raise
