"""What is kept of a request from its beginning to its end."""

from __future__ import annotations

from typing import TypeAlias

from perfkit.exchange import Reply
from perfkit.features.rate_limit._deciding import Decided
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._fields import Told
from perfkit.features.rate_limit._outcome import Outcome, Result
from perfkit.features.rate_limit._rules import Charge, Counted
from perfkit.features.rate_limit._store import Store

# Charges that were taken together, what was said of each, and the store they were taken from.
Batch: TypeAlias = tuple[list[Charge], list[Decision], Store]
# What most requests have in place of an account: what to tell of the policy that admitted them, the key, the rule, and
# the store.
One: TypeAlias = tuple[Told, int, Counted, Store]


class Account:
    """What a request has taken.

    Attributes:
        batches: what was taken.
        rules: the rules that counted the request.
        shadow: names of those in shadow mode that would have refused it.
        failed: whether a store did not answer, or a function that says how much is allowed.
        answer: ours, where the request was refused.
    """

    __slots__ = ("answer", "batches", "failed", "rules", "shadow")

    def __init__(self, rules: tuple[Counted, ...] = ()) -> None:
        self.batches: list[Batch] = []
        self.rules = rules
        self.shadow: tuple[str, ...] = ()
        self.failed = False
        self.answer: Reply | None = None

    @classmethod
    def of(cls, one: One) -> Account:
        """The account of a request that one policy admitted, for whoever needs more of it."""
        (limit, decision), key, rule, store = one
        account = cls((rule,))
        account.batches.append(([Charge(limit, key, rule.cost, rule)], [decision], store))
        return account

    @property
    def told(self) -> list[Told]:
        """What clients are told of."""
        return [told for charges, decisions, _ in self.batches for told in shown(charges, decisions)]

    @property
    def flies(self) -> bool:
        """Whether something of it is in flight."""
        return any(charge.limit.in_flight for charges, _, _ in self.batches for charge in charges)

    def book(self, decided: Decided) -> None:
        """Note what was taken."""
        self.batches.append((list(decided.charges), list(decided.decisions), decided.store))

    def outcome(self, result: Result, refused: tuple[str, ...] = ()) -> Outcome:
        """What others are told."""
        names = tuple(rule.name for rule in self.rules)
        return Outcome(result, names, refused, self.shadow, self.failed)


def shown(charges: list[Charge], decisions: list[Decision]) -> list[Told]:
    """What clients are told of these."""
    pairs = zip(charges, decisions, strict=True)
    return [(charge[0], decision) for charge, decision in pairs if charge[0].shown]
