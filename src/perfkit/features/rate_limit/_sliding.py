"""The sliding-window counter.

A key has two counters: what it took in this window and in the one before. The latter counts by the part of it that is
less than a window ago, as if it had been taken evenly::

    used = previous * (1 - elapsed / window) + current

So at most the quota is admitted in each window, and less than twice the quota in any time as long as a window.
"""

from __future__ import annotations

from perfkit.features.rate_limit._decision import AHEAD, Decision, decided
from perfkit.features.rate_limit._generations import Room
from perfkit.features.rate_limit._meter import MAX_AMOUNT
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._table import Table


class SlidingWindow(Table):
    """The sliding-window counter: the generations of the table are the windows."""

    __slots__ = ("_window",)

    def __init__(self, policy: Policy, room: Room, now: float) -> None:
        self._window = float(policy.window)
        super().__init__(policy, room, self._window, now, spread=policy.jitter)

    def check(self, key: int, cost: int, now: float) -> Decision:
        if not 0 <= cost <= self._capacity:
            return self._never(key, cost, now)
        shard, slot = self._find(key, now)
        current = shard.current.values[slot] if slot >= 0 else 0.0
        previous = shard.previous.get(self._key) if shard.previous.count else 0.0
        left = shard.end - now
        free = self._capacity - current
        if previous and left > AHEAD:
            free -= previous * ((left - AHEAD) / self._window)
        if cost > free:
            reset = left + self._window if current else left
            return decided(Decision, (False, max(int(free), 0), reset, self._retry(cost, now)))
        self._value = taken = current + cost
        reset = left + self._window if taken else left if previous else 0.0
        return decided(Decision, (True, int(free - cost), reset, 0.0))

    def settle(self, key: int, amount: int, now: float) -> None:
        shard, slot = self._find(key, now)
        current = shard.current.values[slot] if slot >= 0 else 0.0
        settled = current + amount
        if settled < 0:
            # The rest was taken in the window before.
            before = shard.previous.find(self._key)
            if before >= 0:
                shard.previous.values[before] = max(shard.previous.values[before] + settled, 0.0)
        if slot >= 0 or settled > 0:
            shard.put(slot, self._key, min(max(settled, 0.0), float(MAX_AMOUNT)), self._room)

    def _retry(self, cost: int, now: float) -> float:
        """When this cost, which is not free now, will be."""
        shard, slot = self._shard, self._slot
        current = shard.current.values[slot] if slot >= 0 else 0.0
        left = shard.end - now
        free = self._capacity - cost - current
        if free >= 0:
            # In this window, when less of the one before counts: previous * weight = free.
            return left - self._window * free / shard.previous.get(self._key)
        # In the next, where this one counts less and less: current * weight = quota - cost.
        return left + self._window - self._window * (self._capacity - cost) / current
