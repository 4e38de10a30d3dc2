"""The store that keeps the counts in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Final, TypeAlias
from weakref import WeakSet

from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._gcra import Gcra
from perfkit.features.rate_limit._generations import Room
from perfkit.features.rate_limit._in_flight import InFlight
from perfkit.features.rate_limit._meter import MAX_AMOUNT, MakesMeter, Meter
from perfkit.features.rate_limit._policy import Algorithm, Policy
from perfkit.features.rate_limit._sliding import SlidingWindow

ALGORITHMS: Final[dict[Algorithm, MakesMeter]] = {"sliding": SlidingWindow, "gcra": Gcra, "concurrent": InFlight}
# Seconds between two looks for expired keys in shards that nobody asks for; each looks at one policy.
SWEEP_INTERVAL: Final = 1.0

# A policy, the key, and what the request costs.
Hit: TypeAlias = tuple[Policy, int, int]


class MemoryStore:
    """Decides by counts in this process: atomic, for any number of threads, in a time that does not grow with the keys.

    A key is a number from `Keys`. It is forgotten when it has nothing to say any more, without timers and threads.
    Beyond `max_keys`, new keys share 1024 buckets of each policy, and those already known keep theirs: an attacker who
    invents keys shortens the quota of other new clients, and nobody else's.

    Processes count apart. One made by a fork goes on from the counts at that time, except for what is in flight.

    Args:
        max_keys: keys to keep, of all policies together: 32 to 64 bytes each, and twice that if they come again in a
            second window.
        clock: seconds, from any start. One that steps back is taken to stand still for the step; one that leaps ahead
            frees what would have become free in that time.
    """

    def __init__(self, max_keys: int = 200_000, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._room = Room(max_keys)
        self._meters: dict[Policy, Meter] = {}
        self._lock = Lock()
        # Times are kept from here on: floats are the finer the smaller they are.
        self._origin = clock()
        self._last = 0.0
        self._sweep_at = SWEEP_INTERVAL
        self._next_swept = 0
        _stores.add(self)

    @property
    def size(self) -> int:
        """How many numbers are kept: one for a key, or two if it came in two windows."""
        return self._room.taken

    @property
    def overflowed(self) -> int:
        """How many decisions were made in shared buckets."""
        return sum(meter.overflowed for meter in list(self._meters.values()))

    def take(self, policy: Policy, key: int, cost: int = 1) -> Decision:
        """Take the cost if it is there, else nothing.

        Args:
            policy: the policy; the first use makes room for it.
            key: a number from `Keys`.
            cost: units, from 0 up. Nothing is taken for 0, and it is refused only to a key in debt. What is more than
                the policy ever allows is refused, with a `retry_after` of infinity.

        Raises:
            ValueError: the cost is below 0.
        """
        with self._lock:
            meter = self._meters.get(policy) or self._add(policy)
            now = self._clock() - self._origin
            if not self._last <= now < self._sweep_at:
                now = self._now()
            self._last = now
            decision = meter.check(key, cost, now)
            if cost and decision[0]:
                meter.commit()
            return decision

    def take_all(self, hits: Sequence[Hit]) -> list[Decision]:
        """Take all costs if all are there, else nothing of any.

        Args:
            hits: policies with key and cost, no policy twice.

        Returns:
            A decision for each hit. Where one is refused, the others say that they would have allowed the request, and
            their figures as they stand.

        Raises:
            ValueError: a cost is below 0, or a policy is there twice; nothing has been taken.
        """
        with self._lock:
            now = self._now()
            meters: list[Meter] = []
            decisions: list[Decision] = []
            admitted = True
            for policy, key, cost in hits:
                meter = self._meters.get(policy) or self._add(policy)
                if meter in meters:
                    raise ValueError("a policy can be asked once for a request: add the costs up")
                meters.append(meter)
                decision = meter.check(key, cost, now)
                decisions.append(decision)
                if not decision[0]:
                    admitted = False
            if not admitted:
                return [
                    meter.check(hit[1], 0, now) if decision[0] else decision
                    for meter, decision, hit in zip(meters, decisions, hits, strict=True)
                ]
            for meter, hit in zip(meters, hits, strict=True):
                if hit[2]:
                    meter.commit()
            return decisions

    def settle(self, policy: Policy, key: int, amount: int) -> Decision:
        """Take what a request has cost beyond what was taken for it, whether it is there or not.

        Args:
            policy: the policy.
            key: the key.
            amount: units. Beyond what is there they make a debt: nothing is admitted until it is paid by the time. With
                a sliding window that is after two windows at the latest. Below 0: given back, up to the whole quota.

        Returns:
            How the key stands now.
        """
        with self._lock:
            meter = self._meters.get(policy) or self._add(policy)
            now = self._now()
            meter.settle(key, max(-MAX_AMOUNT, min(amount, MAX_AMOUNT)), now)
            return meter.check(key, 0, now)

    def release(self, policy: Policy, key: int, cost: int = 1) -> None:
        """Give back what a request in flight took: to be called once for each that was admitted, when it has ended."""
        self.settle(policy, key, -cost)

    def peek(self, policy: Policy, key: int, cost: int = 1) -> Decision:
        """What `take` would decide, with the figures as they stand; takes nothing.

        Raises:
            ValueError: the cost is below 0.
        """
        with self._lock:
            meter = self._meters.get(policy) or self._add(policy)
            return meter.peek(key, cost, self._now())

    def reset(self, policy: Policy, key: int) -> None:
        """Forget what the key has taken of this policy; what it took in a shared bucket stays there."""
        with self._lock:
            meter = self._meters.get(policy)
            if meter:
                meter.reset(key, self._now())

    def forget(self, policy: Policy) -> None:
        """Forget a policy with all its keys, as one whose limits were worked out for a request and have changed."""
        with self._lock:
            meter = self._meters.pop(policy, None)
            if meter:
                meter.close()

    def _add(self, policy: Policy) -> Meter:
        meter = self._meters[policy] = ALGORITHMS[policy.algorithm](policy, self._room, self._now())
        return meter

    def _now(self) -> float:
        """The time, in seconds since the store was made; never earlier than the last."""
        now = self._clock() - self._origin
        if not self._last <= now < self._sweep_at:
            if now < self._last:
                self._origin -= self._last - now
                now = self._last
            if now >= self._sweep_at:
                self._sweep(now)
        self._last = now
        return now

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + SWEEP_INTERVAL
        meters = list(self._meters.values())
        if meters:
            self._next_swept = (self._next_swept + 1) % len(meters)
            meters[self._next_swept].sweep(now)

    def _forked(self) -> None:
        self._lock = Lock()
        for meter in self._meters.values():
            meter.forked()


# A fork copies memory as it is, so it waits for decisions that are being made, and its child gets a new lock: the
# thread that held the old one is not there. What is registered stays so, hence once for all stores.
_stores: WeakSet[MemoryStore] = WeakSet()
_held: list[Lock] = []


def _before_fork() -> None:
    for store in list(_stores):
        store._lock.acquire()
        _held.append(store._lock)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    _held.clear()
    for store in list(_stores):
        store._forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
