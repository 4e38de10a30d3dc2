"""The store that several processes share: a server that may be slow, or gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final
from weakref import WeakSet

from perfkit.feature import Pending
from perfkit.features.rate_limit._breaker import Breaker
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._memory import Hit, MemoryStore
from perfkit.features.rate_limit._meter import MAX_AMOUNT
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._shared_backend import (
    LEASE,
    REDIS,
    Backend,
    Entry,
    Operation,
    StoreOptions,
)
from perfkit.features.rate_limit._shared_leases import Leases
from perfkit.features.rate_limit._shared_refusals import Refusals
from perfkit.features.rate_limit._store import StoreError
from perfkit.options import BadOption

# So a lease is renewed twice before it expires.
RENEWALS: Final = LEASE / 3
# And so many at a time: the server does nothing else meanwhile.
RENEWED: Final = 100


class SharedStore:
    """Decides by counts that several processes share, in one round trip for all policies of a request.

    Nothing is asked before a `Pending` is run, and no process holds anything up that another does not. Where the server
    does not answer in time, the `Pending` raises `StoreError`; after several times in a row the methods do at once, and
    one request after the other looks whether the server is back (see `Breaker`). Requests that are given up may have
    been counted.

    Everything is safe for threads and for event loops, for any number of loops, and after a fork.

    Args:
        uri: ``redis://``, ``rediss://``, ``unix://`` and the like, or a URI of the package limits.
        options: the options of the section.
        local: the store in this process that decides where the server does not answer. It is told of all that this
            process has admitted, so that whoever has used up a quota does not get another one then.
        backend: what to ask instead of the server of the URI.
        clock: seconds, never going back.

    Raises:
        BadOption: the URI cannot be used, or a package that it needs is not installed.

    Attributes:
        breaker: counts errors, and says whether the server is asked at the moment.
        leases: how much this process has in flight.
    """

    def __init__(
        self,
        uri: str,
        options: StoreOptions,
        local: MemoryStore | None = None,
        *,
        backend: Backend | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.backend = backend or _backend(uri, options)
        self._local = local
        self.breaker = Breaker(self.backend.name, *options.breaker, clock=clock)
        self._refusals = Refusals(options.repeat_refusals, clock)
        self.leases = Leases(self._renew, RENEWALS)
        _stores.add(self)

    def check(self, policy: Policy) -> None:
        """Check that the server can decide by a policy: to be called when the application starts.

        Raises:
            BadOption: it cannot.
        """
        self.backend.check(policy)

    def take_all(self, hits: Sequence[Hit]) -> list[Decision] | Pending[list[Decision]]:
        """See `MemoryStore.take_all`.

        Raises:
            StoreError: the server is not asked at the moment.
            ValueError: a cost is below 0, or a policy is there twice.
        """
        if not hits:
            return []
        if len({hit[0] for hit in hits}) < len(hits):
            raise ValueError("a policy can be asked once for a request: add the costs up")
        refused = self._refusals.find(hits)
        return refused or self._ask("take", [_entry(*hit) for hit in hits])

    def settle(self, policy: Policy, key: int, amount: int) -> Pending[Decision]:
        """See `MemoryStore.settle`. Of what is in flight, only as much can be given back at a time as was taken."""
        if policy.algorithm == "concurrent":
            if amount > 0:
                return _one(self._ask("settle", [_entry(policy, key, amount)]))
            given_back = self.release(policy, key, -amount) if amount else None
            standing = self.peek(policy, key, 0)
            return given_back.then(lambda _: standing) if given_back else standing
        bounded = max(-MAX_AMOUNT, min(amount, MAX_AMOUNT))
        return _one(self._ask("settle", [Entry(policy, key, bounded)]))

    def release(self, policy: Policy, key: int, cost: int = 1) -> Pending[None] | None:
        """Give back what a request in flight took here. What cannot be given back expires after a while by itself."""
        lease = self.leases.pop(policy, key, cost)
        if lease is None:
            return None
        if self._local:
            self._local.release(policy, key, cost)
        try:
            return self._ask("release", [lease]).then(lambda _: None).guarded(lambda _: None)
        except StoreError:
            return None

    def peek(self, policy: Policy, key: int, cost: int = 1) -> Pending[Decision]:
        """See `MemoryStore.peek`."""
        return _one(self._ask("peek", [_entry(policy, key, cost)]))

    def reset(self, policy: Policy, key: int) -> Pending[None]:
        """Forget what the key has taken of this policy, in all processes."""
        self.leases.drop(policy, key)
        return self._ask("reset", [Entry(policy, key, 0)]).then(lambda _: None)

    def forget(self, policy: Policy) -> None:
        """Forget what this process keeps of a policy; what the server does expires by itself."""
        self.backend.forget(policy)
        if self._local:
            self._local.forget(policy)

    def close(self) -> None:
        """Close the connections of threads."""
        self.backend.close()

    async def aclose(self) -> None:
        """Close the connections of threads and of the running loop."""
        await self.backend.aclose()

    def _ask(self, operation: Operation, entries: Sequence[Entry]) -> Pending[list[Decision]]:
        if not self.breaker.admits():
            raise StoreError(f"{self.backend.name} is left alone, since it did not answer")

        def run() -> list[Decision]:
            started = self.breaker.started()
            try:
                decisions = self.backend.ask(operation, entries)
            except Exception as error:
                raise self._lost(started, error) from error
            return self._answered(operation, entries, decisions, started)

        async def run_async() -> list[Decision]:
            started = self.breaker.started()
            try:
                decisions = await self.backend.ask_async(operation, entries)
            except Exception as error:
                raise self._lost(started, error) from error
            return self._answered(operation, entries, decisions, started)

        return Pending(run, run_async)

    def _lost(self, started: float, error: Exception) -> StoreError:
        self.breaker.failed(started, error)
        return StoreError(f"{self.backend.name} does not answer: {error}")

    def _answered(
        self, operation: Operation, entries: Sequence[Entry], decisions: list[Decision], started: float
    ) -> list[Decision]:
        self.breaker.succeeded()
        if operation == "take":
            self._refusals.note([entry[:3] for entry in entries], decisions, started)
        elif operation in ("settle", "reset"):
            for entry in entries:
                self._refusals.changed(entry.key)
        if operation == "settle" or (operation == "take" and all(decision.allowed for decision in decisions)):
            for entry in entries:
                # A request that was cancelled meanwhile does not come here, so that its lease is not renewed.
                if entry.lease and entry.amount:
                    self.leases.add(entry)
                if self._local and entry.amount:
                    self._local.settle(entry.policy, entry.key, entry.amount)
        elif operation == "reset" and self._local:
            for entry in entries:
                self._local.reset(entry.policy, entry.key)
        return decisions

    def _renew(self, leases: Sequence[Entry]) -> None:
        with suppress(StoreError):  # the breaker knows
            for start in range(0, len(leases), RENEWED):
                self._ask("renew", leases[start : start + RENEWED]).run()

    def _forked(self) -> None:
        self.breaker.forked()
        self.leases.forked()
        self.backend.forked()


def _backend(uri: str, options: StoreOptions) -> Backend:
    scheme = uri.partition("://")[0].removeprefix("async+")
    if scheme == "memory":
        # That of limits looks at all keys with each request, and this process has a better one.
        raise BadOption("store", f"{scheme}:// is no shared store", "write 'memory://'")
    if scheme in REDIS:
        from perfkit.features.rate_limit._redis import Redis

        return Redis(uri.removeprefix("async+"), options)
    from perfkit.features.rate_limit._shared_limits import Limits

    return Limits(uri.removeprefix("async+"), options)


def _entry(policy: Policy, key: int, cost: int) -> Entry:
    if cost < 0:
        raise ValueError(f"a cost of {cost}: a cost is 0 or more; settle() gives back")
    return Entry(policy, key, cost, Leases.name() if policy.algorithm == "concurrent" else "")


def _one(pending: Pending[list[Decision]]) -> Pending[Decision]:
    return pending.then(lambda decisions: decisions[0])


# The thread that held a lock when its process forked is not there in the child.
_stores: WeakSet[SharedStore] = WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store._forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
