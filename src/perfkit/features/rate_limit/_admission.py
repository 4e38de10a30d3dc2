"""Whether a request is admitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfkit.exchange import Exchange, Reply
from perfkit.features.rate_limit._account import Account, shown
from perfkit.features.rate_limit._answers import Refusal, seconds_to_wait
from perfkit.features.rate_limit._deciding import Decided, Decider
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._fields import Told
from perfkit.features.rate_limit._outcome import FACT, Result
from perfkit.features.rate_limit._rules import Charge, Counted, Unlimited
from perfkit.features.rate_limit._settlement import Settlement
from perfkit.features.rate_limit._steps import Steps
from perfkit.features.rate_limit._telling import Telling


class Admission:
    """Counts requests, and refuses those that are too many."""

    def __init__(self, decider: Decider, settlement: Settlement, telling: Telling) -> None:
        self._decider = decider
        self._settlement = settlement
        self._telling = telling

    def admit(self, exchange: Exchange, account: Account, rules: Sequence[Counted]) -> Steps[Reply | None]:
        """Count the request; gives the answer where it is refused."""
        charges: list[Charge] = []
        for rule in rules:
            try:
                charges += yield from rule.charges(exchange)
            except Unlimited:
                account.failed = True
                if rule.on_error == "closed" and not rule.rule.shadow:
                    return (yield from self._refuse_all(exchange, account, (rule,)))
        account.rules += _rules(charges)
        enforced = [charge for charge in charges if not charge.rule.rule.shadow]
        if enforced:
            decided = yield from self._decider.decide(enforced)
            account.failed |= decided.failed
            if not decided.allowed:
                return (yield from self.refuse(exchange, account, decided))
            account.book(decided)
        for rule in _rules(charges):
            if rule.rule.shadow:
                yield from self._shadow(account, [charge for charge in charges if charge.rule is rule])
        exchange.facts[FACT] = account.outcome("allowed")
        return None

    def refuse(self, exchange: Exchange, account: Account, decided: Decided) -> Steps[Reply]:
        """Answer a request that was refused; what it has taken before is given back."""
        if decided.closed:
            return (yield from self._refuse_all(exchange, account, decided.closed))
        violated = _violated(decided)
        banned = any(_is_ban(charge) for charge, _ in violated)
        wait = max(decision.retry_after for _, decision in violated)
        for charge in _with_bans(violated):
            if (yield from self._decider.strike(decided.store, charge)):
                banned = True
                wait = max(wait, _ban_seconds(charge))
        refusal = Refusal(
            "abnormal-usage-detected" if banned else "quota-exceeded",
            self._telling.status,
            seconds_to_wait(wait),
            tuple(rule.name for rule in _rules(charge for charge, _ in violated)),
            tuple(charge.limit.policy.name for charge, _ in violated),
        )
        told = shown(list(decided.charges), list(decided.decisions))
        return (yield from self._answer(exchange, account, refusal, "banned" if banned else "refused", told))

    def _refuse_all(self, exchange: Exchange, account: Account, rules: Sequence[Counted]) -> Steps[Reply]:
        """Answer where the store does not, and these rules are closed then."""
        names = tuple(rule.name for rule in rules)
        refusal = Refusal("temporary-reduced-capacity", 503, self._telling.pause, names, names)
        return (yield from self._answer(exchange, account, refusal, "unavailable"))

    def _answer(
        self, exchange: Exchange, account: Account, refusal: Refusal, result: Result, told: Sequence[Told] = ()
    ) -> Steps[Reply]:
        yield from self._settlement.refund(account)
        exchange.facts[FACT] = account.outcome(result, refusal.rules)
        account.answer = yield from self._telling.answer(exchange, refusal, [*account.told, *told])
        return account.answer

    def _shadow(self, account: Account, charges: list[Charge]) -> Steps[None]:
        """Count by a rule in shadow mode."""
        decided = yield from self._decider.decide(charges)
        account.failed |= decided.failed
        if decided.allowed:
            account.book(decided)
            return
        account.shadow += (charges[0].rule.name,)
        for charge in _with_bans(_violated(decided)):
            yield from self._decider.strike(decided.store, charge)


class Violation(NamedTuple):
    """A charge that was refused, and what was said of it."""

    charge: Charge
    decision: Decision


def _violated(decided: Decided) -> list[Violation]:
    pairs = zip(decided.charges, decided.decisions, strict=True)
    return [Violation(charge, decision) for charge, decision in pairs if not decision.allowed]


def _is_ban(charge: Charge) -> bool:
    return charge.limit is charge.rule.ban


def _with_bans(violated: list[Violation]) -> Iterable[Charge]:
    """A charge of each rule that is to count its refusals: not those of who is banned already."""
    banned = {charge.rule for charge, _ in violated if _is_ban(charge)}
    first = {charge.rule: charge for charge, _ in reversed(violated)}
    return [charge for rule, charge in first.items() if rule.ban is not None and rule not in banned]


def _ban_seconds(charge: Charge) -> float:
    ban = charge.rule.ban
    return 0.0 if ban is None else float(ban.policy.window)


def _rules(charges: Iterable[Charge]) -> tuple[Counted, ...]:
    return tuple({charge.rule: None for charge in charges})
