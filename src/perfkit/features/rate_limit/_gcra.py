"""The generic cell rate algorithm, as virtual scheduling (ITU-T I.371 annex A): a bucket that refills evenly.

A key has one number: the time at which its bucket is full again, called the theoretical arrival time there. Each unit
moves it on by the interval in which one unit refills; a request is admitted if it is then no further ahead than the
whole bucket takes to refill.
"""

from __future__ import annotations

from typing import Final

from perfkit.features.rate_limit._decision import AHEAD, Decision, decided
from perfkit.features.rate_limit._generations import Room, Shard
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._table import Table

# Debts that outlast two generations are kept apart, up to so many; beyond, a debt is cut to what the generations hold.
MAX_DEBTS: Final = 1024
# Seconds. A bucket that refills at once is no reason to begin a generation all the time.
SHORTEST_SPAN: Final = 1.0


class Gcra(Table):
    """The generic cell rate algorithm.

    A full bucket and an unknown key are the same. An admitted request leaves a bucket that is full within the span of a
    generation, so what is dropped with the one before is full.
    """

    __slots__ = ("_debts", "_interval")

    def __init__(self, policy: Policy, room: Room, now: float) -> None:
        self._interval = policy.window / policy.quota
        self._debts: dict[int, float] = {}
        super().__init__(policy, room, max(policy.capacity * self._interval, SHORTEST_SPAN), now, spread=True)

    def check(self, key: int, cost: int, now: float) -> Decision:
        if not 0 <= cost <= self._capacity:
            return self._never(key, cost, now)
        shard, slot = self._find(key, now)
        full_at = shard.current.values[slot] if slot >= 0 else self._full_before()
        missing = full_at - now - AHEAD
        # In units, so that a full bucket is exactly the capacity, whatever the clock says.
        free = self._capacity - missing / self._interval if missing > 0 else self._capacity
        if cost > free:
            retry = full_at - now - (self._capacity - cost) * self._interval
            return decided(Decision, (False, max(int(free), 0), full_at - now, retry))
        self._value = full_at = (full_at if full_at > now else now) + cost * self._interval  # noqa: FURB136 - faster
        return decided(Decision, (True, int(free - cost), full_at - now, 0.0))

    def settle(self, key: int, amount: int, now: float) -> None:
        shard, slot = self._find(key, now)
        known = shard.current.values[slot] if slot >= 0 else self._full_before()
        full_at = max(known, now) + amount * self._interval
        lasts = shard.end + self._span
        self._debts.pop(self._key, None)
        if full_at > lasts:
            full_at = self._owe(full_at, lasts)
        # What the generation before says of the key has to be written over, also by a bucket that is full now.
        if slot >= 0 or full_at > now or known > now:
            shard.put(slot, self._key, max(full_at, now), self._room)

    def reset(self, key: int, now: float) -> None:
        super().reset(key, now)
        self._debts.pop(key, None)

    def sweep(self, now: float) -> None:
        super().sweep(now)
        self._debts = {key: full_at for key, full_at in self._debts.items() if full_at > now}

    def _full_before(self) -> float:
        """When the bucket is full of a key that the current generation does not have."""
        previous = self._shard.previous
        before = previous.find(self._key) if previous.count else -1
        if before >= 0:
            return previous.values[before]
        return self._debts.get(self._key, 0.0) if self._debts else 0.0

    def _knows(self, shard: Shard, key: int) -> bool:
        return super()._knows(shard, key) or key in self._debts

    def _owe(self, full_at: float, lasts: float) -> float:
        """Note a debt that outlasts its generation; gives what of it is kept."""
        if len(self._debts) >= MAX_DEBTS:
            return lasts
        self._debts[self._key] = full_at
        return full_at
