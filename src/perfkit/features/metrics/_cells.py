"""Series of one process: plain numbers. Whoever changes or reads one holds the lock of the recorder.

They have the methods that the children of prometheus-client's metrics have, which stand in their place where several
processes count together.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Protocol, TypeAlias

# What is shown beside a bucket: labels, and when the value was, in seconds since the epoch.
Exemplar: TypeAlias = tuple[dict[str, str], float]


class Number(Protocol):
    """A counter or a gauge."""

    def inc(self, amount: float, /) -> None: ...


class Distribution(Protocol):
    """A histogram; exemplars are for those in memory only."""

    def observe(self, amount: float, exemplar: Any = None, /) -> None: ...


class NumberCell:
    """A counter or a gauge in memory."""

    __slots__ = ("labels", "value")

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.value: float = 0

    def inc(self, amount: float, /) -> None:
        self.value += amount


class DistributionCell:
    """A histogram in memory: how many values each bucket has of its own, the last one those above all bounds."""

    __slots__ = ("bounds", "counts", "exemplars", "labels", "total")

    def __init__(self, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
        self.labels = labels
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0
        self.exemplars: dict[int, tuple[float, Exemplar]] | None = None

    def observe(self, amount: float, exemplar: Exemplar | None = None, /) -> None:
        bucket = bisect_left(self.bounds, amount)  # a bound belongs to the bucket below it
        self.counts[bucket] += 1
        self.total += amount
        if exemplar is not None:
            if self.exemplars is None:
                self.exemplars = {}
            self.exemplars[bucket] = (amount, exemplar)
