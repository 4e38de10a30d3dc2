"""Families: all series of one metric, of which there are never more than max_series."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from perfkit.features.metrics._cells import Distribution, Number
from perfkit.features.metrics._labels import OTHER, OVERFLOWN
from perfkit.features.metrics._series import METHOD, OVERFLOW, ROUTE, SECONDS, STATUS, Names, Series

logger = logging.getLogger("perfkit")

C = TypeVar("C")
Labels: TypeAlias = tuple[str, ...]

# Which label of the overflow series says that it is one: the first of these that the metric has, or its first.
MARKED: Final = (ROUTE, "name", "rule")


class Plan(NamedTuple):
    """What all metrics of one registry have in common. The fields are options of the section ``metrics``.

    Attributes:
        labels: names of the application's own labels.
    """

    names: Names
    status: str
    buckets: tuple[float, ...]
    max_series: int
    labels: tuple[str, ...]


class Metric(NamedTuple):
    """A metric as it is shown."""

    series: Series
    name: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, series: Series, plan: Plan) -> Metric:
        """As the plan has it."""
        labels = series.label_names(plan.names) + (plan.labels if series.custom else ())
        return cls(
            series, series.named(plan.names), labels, plan.buckets if series.bounds is SECONDS else series.bounds
        )


class Backend(Protocol):
    """What keeps the values. Both methods give a function that makes the series of these labels."""

    def numbers(self, metric: Metric) -> Callable[[Labels], Number]: ...
    def distributions(self, metric: Metric) -> Callable[[Labels], Distribution]: ...


class Overflow:
    """Counts what has no series of its own, and says so once for each metric. For use with the lock held.

    Attributes:
        untold: names of metrics whose overflow is to be told.
    """

    def __init__(self, plan: Plan, backend: Backend) -> None:
        self._open = backend.numbers(Metric.of(OVERFLOW, plan))
        self._counters: dict[str, Number] = {}
        self._max_series = plan.max_series
        self.untold: list[str] = []

    def count(self, name: str) -> None:
        """Count one observation of that metric."""
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._open((name,))
            self.untold.append(name)
        counter.inc(1)

    def tell(self) -> None:
        """Log it. For use without the lock: a handler that waits for its own lock may be held up by who wants ours."""
        with suppress(IndexError):  # another thread may be faster
            while self.untold:
                name = self.untold.pop()
                logger.warning(
                    "metrics: %s has %d series, as many as metrics.max_series allows; all new ones count as %r",
                    name,
                    self._max_series,
                    OVERFLOWN,
                )


class Family(Generic[C]):
    """The series of one metric, by the values of their labels. For use with the lock held."""

    def __init__(self, metric: Metric, open_: Callable[[Labels], C], max_series: int, overflow: Overflow) -> None:
        self._metric = metric
        self._open = open_
        self._max_series = max_series
        self._overflow = overflow
        self._cells: dict[Labels, C] = {}
        self._overflown: dict[Labels, C] = {}

    def cell(self, labels: Labels) -> C:
        """The series of these labels, or the one for overflow."""
        return self.found(labels)[0]

    def found(self, labels: Labels) -> tuple[C, bool]:
        """The same, and whether it is theirs alone: else ask again next time, so that it is counted."""
        cell = self._cells.get(labels)
        if cell is None:
            if len(self._cells) >= self._max_series:
                return self._overflowing(labels), False
            cell = self._cells[labels] = self._open(labels)
        return cell, True

    def _overflowing(self, labels: Labels) -> C:
        self._overflow.count(self._metric.name)
        folded = self._folded(labels)
        cell = self._overflown.get(folded)
        if cell is None:
            cell = self._overflown[folded] = self._open(folded)
        return cell

    def _folded(self, labels: Labels) -> Labels:
        """The labels of the overflow: of the status its class stays, so that a rate of errors can still be told."""
        names = self._metric.series.labels
        marked = next((name for name in MARKED if name in names), names[0])
        folded = [_fold(name, value, marked) for name, value in zip(names, labels, strict=False)]
        return (*folded, *[""] * (len(labels) - len(names)))


def _fold(name: str, value: str, marked: str) -> str:
    if name == marked:
        return OVERFLOWN
    if name == METHOD:
        return OTHER
    if name == STATUS:
        return value if value == "0" else f"{value[0]}xx"
    return ""
