"""What every algorithm does, whatever it keeps."""

from __future__ import annotations

from math import inf
from typing import Final, Protocol

from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._generations import Room
from perfkit.features.rate_limit._policy import Policy

# More is not counted: what is settled may be any number, and floats are exact up to here.
MAX_AMOUNT: Final = 1 << 53


class MakesMeter(Protocol):
    """A meter of a policy: what it may keep is in the room of its store, and its time begins now."""

    def __call__(self, policy: Policy, room: Room, now: float) -> Meter: ...


class Meter:
    """What one policy keeps, and the rule by which it decides. Whoever calls it holds the lock of the store.

    Times are in the store's seconds and never go back.

    Attributes:
        overflowed: how many requests were admitted from shared buckets.
    """

    __slots__ = ("_capacity", "overflowed")

    def __init__(self, policy: Policy) -> None:
        self._capacity = policy.capacity
        self.overflowed = 0

    def check(self, key: int, cost: int, now: float) -> Decision:
        """Decide, and remember what to write if the request is admitted.

        Raises:
            ValueError: the cost is below 0.
        """
        raise NotImplementedError

    def commit(self) -> None:
        """Take what the last `check` has admitted."""
        raise NotImplementedError

    def settle(self, key: int, amount: int, now: float) -> None:
        """Take an amount whether it is there or not, or give it back where it is below 0."""
        raise NotImplementedError

    def reset(self, key: int, now: float) -> None:
        """Forget what a key has taken."""
        raise NotImplementedError

    def sweep(self, now: float) -> None:
        """Drop what has expired."""

    def close(self) -> None:
        """Give back the room of all that is kept."""

    def forked(self) -> None:
        """Forget what belongs to the parent process."""

    def peek(self, key: int, cost: int, now: float) -> Decision:
        """What `check` says, with the figures as they stand."""
        decision = self.check(key, cost, now)
        return self.check(key, 0, now) if decision.allowed else decision

    def _never(self, key: int, cost: int, now: float) -> Decision:
        """The decision for a cost that the policy can never admit."""
        if cost < 0:
            raise ValueError(f"a cost of {cost}: a cost is 0 or more; settle() gives back")
        standing = self.check(key, 0, now)
        return Decision(False, standing.remaining, standing.reset_after, inf)
