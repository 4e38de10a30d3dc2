"""So many at a time: what is in flight, counted by key."""

from __future__ import annotations

from typing import Final

from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._generations import Room
from perfkit.features.rate_limit._meter import Meter
from perfkit.features.rate_limit._policy import Policy

# Nobody knows when a request in flight ends.
RETRY_AFTER: Final = 1.0


class InFlight(Meter):
    """Counts what is in flight.

    A key is there for as long as one of its requests: there are no more keys than requests that the server handles at a
    time, so that this needs neither room nor shared buckets.
    """

    __slots__ = ("_count", "_counts", "_key")

    def __init__(self, policy: Policy, room: Room, now: float) -> None:
        self._counts: dict[int, int] = {}
        self._key = self._count = 0
        super().__init__(policy)

    def check(self, key: int, cost: int, now: float) -> Decision:
        if not 0 <= cost <= self._capacity:
            return self._never(key, cost, now)
        self._key = key
        taken = self._counts.get(key, 0)
        left = self._capacity - taken
        if cost > left:
            return Decision(False, max(left, 0), 0.0, RETRY_AFTER)
        self._count = taken + cost
        return Decision(True, left - cost, 0.0, 0.0)

    def commit(self) -> None:
        self._counts[self._key] = self._count

    def settle(self, key: int, amount: int, now: float) -> None:
        count = self._counts.get(key, 0) + amount
        if count > 0:
            self._counts[key] = count
        else:
            self._counts.pop(key, None)

    def reset(self, key: int, now: float) -> None:
        self._counts.pop(key, None)

    def forked(self) -> None:
        self._counts.clear()
