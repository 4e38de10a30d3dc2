"""Figures: what other features of a stack count by themselves, read when metrics are collected."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from math import isfinite
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from weakref import WeakSet

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Shown

from perfkit._figure_sources import FigureSource
from perfkit.feature import Feature, Figure
from perfkit.features.metrics._labels import LABEL_NAME, clean

logger = logging.getLogger("perfkit")

# A figure, names and values of its labels.
Labelled: TypeAlias = tuple[Figure, tuple[str, ...], tuple[str, ...]]

FAMILIES: Final = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


class Source(Protocol):
    """Who knows the features of a stack."""

    @property
    def features(self) -> Collection[Feature]: ...


class Sum(NamedTuple):
    """The figures of one name, added up where their labels are the same."""

    first: Figure
    labels: tuple[str, ...]
    values: dict[tuple[str, ...], float]


class Figures:
    """Collects the figures of all stacks that share a registry.

    Args:
        taken: names of metrics that are ours.
        max_series: how many combinations of labels a figure may have.
        others: who has figures and is in no stack.
    """

    def __init__(self, taken: Collection[str], max_series: int, others: Collection[FigureSource] = ()) -> None:
        self._others = others
        self._taken = frozenset(name.removesuffix("_total") for name in taken)
        self._max_series = max_series
        self._sources: WeakSet[Source] = WeakSet()
        self._reported: set[object] = set()

    def add(self, source: Source) -> None:
        """Ask these features too, as long as the source lives."""
        self._sources.add(source)

    def collect(self) -> Iterator[Shown]:
        """The metrics of all figures. What cannot be shown is left out, and logged once."""
        sums: dict[str, Sum] = {}
        for figure, labels, values in self._all():
            total = sums.setdefault(figure.name, Sum(figure, labels, {}))
            if (total.first.kind, total.labels) != (figure.kind, labels):
                self._report(figure.name, "metrics: figures of the name %r differ in kind or labels", figure.name)
            elif values in total.values or len(total.values) < self._max_series:
                total.values[values] = total.values.get(values, 0) + figure.value
            else:
                self._report(figure.name, "metrics: the figure %r has more series than max_series", figure.name)
        for name, (first, labels, by_labels) in sums.items():
            family = FAMILIES[first.kind](name, str(first.help), labels=labels)
            for values, value in by_labels.items():
                family.add_metric(values, value)
            yield family

    def _all(self) -> Iterator[Labelled]:
        features: dict[int, FigureSource] = {
            id(feature): feature for source in list(self._sources) for feature in source.features
        }
        for feature in (*features.values(), *self._others):
            try:
                yield from [_labelled(figure) for figure in feature.figures() if self._is_good(figure)]
            except Exception as error:  # noqa: BLE001 - it is logged, and the others are asked
                name = type(feature).__qualname__
                self._report((name, type(error)), "metrics: %s.figures failed", name, error=error)

    def _is_good(self, figure: Figure) -> bool:
        name = figure.name
        if not _NAME.fullmatch(name) or name.endswith("_total") or name in self._taken:
            self._report(name, "metrics: the figure %r is left out: it needs another name", name)
        elif (
            figure.kind not in FAMILIES
            or not isfinite(figure.value)
            or not all(map(LABEL_NAME.fullmatch, figure.labels))
        ):
            self._report(name, "metrics: the figure %r is left out: its kind, value or labels are none", name)
        else:
            return True
        return False

    def _report(self, about: object, message: str, *arguments: Any, error: Exception | None = None) -> None:
        if about not in self._reported:
            self._reported.add(about)
            logger.error(message, *arguments, exc_info=error)


def _labelled(figure: Figure) -> Labelled:
    """The figure with names and values of its labels."""
    labels = tuple(sorted(figure.labels))
    return figure, labels, tuple([clean(figure.labels[label]) for label in labels])
