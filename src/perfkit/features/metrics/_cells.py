"""Series of one process: plain numbers. Whoever changes or reads one holds the lock of the recorder.

They have the methods that the children of prometheus-client's metrics have, which stand in their place where several
processes count together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol, TypeAlias

# What is shown beside a bucket: labels, and when the value was, in seconds since the epoch.
Exemplar: TypeAlias = tuple[dict[str, str], float]


class Number(Protocol):
    """A counter or a gauge."""

    def inc(self, amount: float, /) -> None: ...


class Distribution(Protocol):
    """A histogram. What is below 0 counts as 0."""

    def observe(self, amount: float, /) -> None: ...

    def observe_all(self, amounts: Sequence[float], exemplars: Sequence[Exemplar | None] = (), /) -> None:
        """Count several; exemplars are for those in memory only."""


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

    def observe(self, amount: float, /) -> None:
        self.observe_all((amount,))

    def observe_all(self, amounts: Sequence[float], exemplars: Sequence[Exemplar | None] = (), /) -> None:
        bounds, counts, total = self.bounds, self.counts, 0.0
        for amount in amounts:
            if amount > 0.0:
                total += amount
            counts[bisect_left(bounds, amount)] += 1  # a bound belongs to the bucket below it
        self.total += total
        if any(exemplars):
            self._keep(amounts, exemplars)

    def _keep(self, amounts: Sequence[float], exemplars: Sequence[Exemplar | None]) -> None:
        """Keep the last exemplar of each bucket."""
        if self.exemplars is None:
            self.exemplars = {}
        for amount, exemplar in zip(amounts, exemplars, strict=True):
            if exemplar is not None:
                self.exemplars[bisect_left(self.bounds, amount)] = (amount, exemplar)
