"""What the requests of the last while took: counted in equal parts of it, so that old ones leave.

Durations are counted in buckets whose bounds grow by 5 % each, so that a percentile is known to within 2.5 % of it. How
many were above a limit is counted beside that, exactly: whether a limit is broken does not depend on the buckets.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, log, sqrt
from operator import add, sub
from typing import Final

# Of the durations that are told apart, in seconds: shorter ones count as the first, longer ones as the last.
LOWEST: Final = 0.0001
HIGHEST: Final = 1000.0

GROWTH: Final = 1.05
# The middle of a bucket, by ratio, is at most this much away from any duration in it: a share of that duration.
ERROR: Final = sqrt(GROWTH) - 1
BOUNDS: Final = tuple(LOWEST * GROWTH**exponent for exponent in range(ceil(log(HIGHEST / LOWEST, GROWTH)) + 1))

PARTS: Final = 10

# What a part counts: durations by bucket, all durations, requests, failed ones, and durations above each limit.
DURATIONS: Final = len(BOUNDS) + 1
REQUESTS: Final = DURATIONS + 1
FAILURES: Final = DURATIONS + 2
_ABOVE: Final = DURATIONS + 3


class Window:
    """The requests of the last while.

    Whoever calls it holds a lock. Times are of one clock that never goes back.

    Args:
        seconds: how long a while. A part of it is under way, so that it is between 9 and 10 parts of 10.
        limits: durations in seconds; how many took longer is counted exactly.
        now: the time.
    """

    __slots__ = ("_current", "_finished", "_limits", "_part", "_parts", "_turn")

    def __init__(self, seconds: float, limits: Sequence[float], now: float) -> None:
        self._limits = tuple(limits)
        self._part = seconds / PARTS
        self._turn = now + self._part
        self._clear()

    def _clear(self) -> None:
        # Past parts in `_parts`, oldest first, and their sum in `_finished`; requests are counted in `_current`.
        self._parts = [self._empty() for _ in range(PARTS - 1)]
        self._finished = self._empty()
        self._current = self._empty()

    def _empty(self) -> array[int]:
        return array("Q", bytes(8 * (_ABOVE + len(self._limits))))

    def add(self, now: float, seconds: float | None, *, failed: bool) -> None:
        """Count a request; without a duration where that says nothing."""
        self.advance(now)
        current = self._current
        current[REQUESTS] += 1
        if failed:
            current[FAILURES] += 1
        if seconds is not None:
            current[bisect_left(BOUNDS, seconds)] += 1
            current[DURATIONS] += 1
            for number, limit in enumerate(self._limits, _ABOVE):
                if seconds > limit:
                    current[number] += 1

    def advance(self, now: float) -> None:
        """Leave behind what is too old by now."""
        if now < self._turn:
            return
        passed = int((now - self._turn) / self._part) + 1
        self._turn += passed * self._part
        if passed >= PARTS:
            return self._clear()
        for _ in range(passed):
            finished = array("Q", map(add, self._finished, self._current))
            self._finished = array("Q", map(sub, finished, self._parts.pop(0)))
            self._parts.append(self._current)
            self._current = self._empty()

    def _count(self, slot: int) -> int:
        return self._finished[slot] + self._current[slot]

    @property
    def requests(self) -> int:
        """How many there were."""
        return self._count(REQUESTS)

    @property
    def failures(self) -> int:
        """How many of them failed."""
        return self._count(FAILURES)

    @property
    def durations(self) -> int:
        """How many of them have a duration."""
        return self._count(DURATIONS)

    def above(self, number: int) -> int:
        """How many took longer than the limit of that number, counted from 0."""
        return self._count(_ABOVE + number)

    def percentile(self, percent: int) -> float:
        """What so many of 100 durations are not longer than, to within `ERROR` of it; 0 where there is none.

        The shortest of the durations for which that is so, as nearest-rank percentiles have it.
        """
        rank = -(-percent * self.durations // 100)
        reached = 0
        for bucket in range(DURATIONS):
            reached += self._count(bucket)
            if reached >= rank > 0:
                return _middle(bucket)
        return 0.0


def _middle(bucket: int) -> float:
    if bucket == 0:
        return BOUNDS[0]
    if bucket == len(BOUNDS):
        return BOUNDS[-1]
    return sqrt(BOUNDS[bucket - 1] * BOUNDS[bucket])
