"""Asking the store, and what to do where it does not answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from perfkit.feature import Pending
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._memory import MemoryStore
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._rules import Charge, Counted
from perfkit.features.rate_limit._steps import Steps
from perfkit.features.rate_limit._store import Store, StoreError

logger = logging.getLogger("perfkit")

# A ban is a debt to a bucket of one unit, which refills in the time of the ban: that unit, and one that is owed.
BAN_UNITS: Final = 2


class Decided(NamedTuple):
    """What a store said of the charges of a request.

    Attributes:
        charges: those that were decided.
        decisions: a decision for each.
        store: who made them.
        closed: rules that refuse the request since the store did not answer.
        failed: whether the store did not answer.
    """

    charges: Sequence[Charge]
    decisions: Sequence[Decision]
    store: Store
    closed: tuple[Counted, ...] = ()
    failed: bool = False

    @property
    def allowed(self) -> bool:
        """Whether none of them refuses the request."""
        return not self.closed and all(decision.allowed for decision in self.decisions)


class Decider:
    """Asks the store, and another one in this process where that does not answer.

    Args:
        store: the store.
        local: the one in this process; may be the same.
    """

    def __init__(self, store: Store, local: MemoryStore) -> None:
        self.store = store
        self.local = local
        self._reported: set[type[Exception]] = set()

    def decide(self, charges: Sequence[Charge]) -> Steps[Decided]:
        """Take all of the charges, or none."""
        hits = [(charge.limit.policy, charge.key, charge.cost) for charge in charges]
        try:
            decisions = self.store.take_all(hits)
            if isinstance(decisions, Pending):
                decisions = yield decisions
            return Decided(charges, decisions, self.store)
        except Exception as error:  # noqa: BLE001 - it is reported, and no reason for a 500
            self._report(error)
        return self.without_store(charges)

    def without_store(self, charges: Sequence[Charge]) -> Decided:
        """Decide as the rules say that it is to be done without the store."""
        closed = tuple({charge.rule: None for charge in charges if charge.rule.on_error == "closed"})
        if closed:
            return Decided((), (), self.local, closed, failed=True)
        local = [charge for charge in charges if charge.rule.on_error == "local"]
        hits = [(charge.limit.policy, charge.key, charge.cost) for charge in local]
        return Decided(local, self.local.take_all(hits), self.local, failed=True)

    def settle(self, store: Store, policy: Policy, key: int, amount: int) -> Steps[Decision | None]:
        """Take more, or give back; None where the store does not answer."""
        try:
            decision = store.settle(policy, key, amount)
            if isinstance(decision, Pending):
                decision = yield decision
        except Exception as error:  # noqa: BLE001 - it is reported, and no reason for a 500
            self._report(error)
            return None
        return decision

    def release(self, store: Store, policy: Policy, key: int) -> Steps[None]:
        """Give back what a request in flight took."""
        try:
            pending = store.release(policy, key)
            if isinstance(pending, Pending):
                yield pending
        except Exception as error:  # noqa: BLE001 - it is reported, and no reason for a 500
            self._report(error)

    def strike(self, store: Store, charge: Charge) -> Steps[bool]:
        """Count a refusal of a rule with bans; gives whether it is one too many, so that the ban begins."""
        rule = charge.rule
        assert rule.ban is not None
        assert rule.strikes is not None
        standing = yield from self.settle(store, rule.strikes, charge.key, 1)
        if standing is None or standing.remaining:
            return False
        yield from self.settle(store, rule.strikes, charge.key, -rule.strikes.quota)
        yield from self.settle(store, rule.ban.policy, charge.key, BAN_UNITS)
        return True

    def _report(self, error: Exception) -> None:
        """Log what is no fault of the server, once; the store itself says when it is lost."""
        if not isinstance(error, StoreError) and type(error) not in self._reported:
            self._reported.add(type(error))
            logger.error("The store of rate_limit failed; later errors of this kind are not logged", exc_info=error)
