"""Whether a request is admitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfkit.exchange import Exchange, Reply
from perfkit.feature import Pending
from perfkit.features.rate_limit._account import Account, shown
from perfkit.features.rate_limit._answers import Refusal, seconds_to_wait
from perfkit.features.rate_limit._cors import CorsWatch
from perfkit.features.rate_limit._deciding import Decided, Decider
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._fields import Told
from perfkit.features.rate_limit._notices import Notices
from perfkit.features.rate_limit._outcome import FACT, Result
from perfkit.features.rate_limit._rules import Charge, Counted, Unlimited
from perfkit.features.rate_limit._settlement import Settlement
from perfkit.features.rate_limit._steps import Steps, finished
from perfkit.features.rate_limit._telling import Telling


class Admission:
    """Counts requests, and refuses those that are too many."""

    def __init__(
        self, decider: Decider, settlement: Settlement, telling: Telling, notices: Notices, cors: CorsWatch
    ) -> None:
        self._decider = decider
        self._settlement = settlement
        self._telling = telling
        self._notices = notices
        self._cors = cors

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
                yield from self._shadow(exchange, account, [charge for charge in charges if charge.rule is rule])
        exchange.facts[FACT] = account.outcome("allowed")
        return None

    def admit_plain(
        self, exchange: Exchange, account: Account, rules: tuple[Counted, ...]
    ) -> Reply | Pending[Reply | None] | None:
        """The same for rules in this process that have nothing to ask for and wait for."""
        local = self._decider.local
        account.rules += rules
        charges = rules[0].plain_charges(exchange)
        for rule in rules[1:]:
            charges += rule.plain_charges(exchange)
        decisions = local.take_all([(limit.policy, key, cost) for limit, key, cost, _ in charges])
        if not all([decision[0] for decision in decisions]):  # noqa: C419 - faster than a generator
            return finished(self.refuse(exchange, account, Decided(charges, decisions, local)))
        account.batches.append((charges, decisions, local))
        exchange.facts[FACT] = rules[0].allowed if len(rules) == 1 else account.outcome("allowed")
        return None

    def refuse(self, exchange: Exchange, account: Account, decided: Decided) -> Steps[Reply]:
        """Answer a request that was refused; what it has taken before is given back."""
        if decided.closed:
            return (yield from self._refuse_all(exchange, account, decided.closed))
        refusal = yield from self._refusal(decided)
        told = shown(list(decided.charges), list(decided.decisions))
        result: Result = "banned" if refusal.kind == "abnormal-usage-detected" else "refused"
        return (yield from self._answer(exchange, account, refusal, result, told))

    def _refusal(self, decided: Decided) -> Steps[Refusal]:
        """Why a request is refused; with the ban that begins, where it is one refusal too many."""
        violated = _violated(decided)
        banned = any(_is_ban(charge) for charge, _ in violated)
        wait = max(decision.retry_after for _, decision in violated)
        for charge in _with_bans(violated):
            if (yield from self._decider.strike(decided.store, charge)):
                banned = True
                wait = max(wait, _ban_seconds(charge))
        return Refusal(
            "abnormal-usage-detected" if banned else "quota-exceeded",
            self._telling.status,
            seconds_to_wait(wait),
            tuple(rule.name for rule in _rules(charge for charge, _ in violated)),
            tuple(charge.limit.policy.name for charge, _ in violated),
        )

    def _refuse_all(self, exchange: Exchange, account: Account, rules: Sequence[Counted]) -> Steps[Reply]:
        """Answer where the store does not, and these rules are closed then."""
        return (yield from self._answer(exchange, account, self._unavailable(rules), "unavailable"))

    def _unavailable(self, rules: Sequence[Counted]) -> Refusal:
        names = tuple(rule.name for rule in rules)
        return Refusal("temporary-reduced-capacity", 503, self._telling.pause, names, names)

    def _answer(
        self, exchange: Exchange, account: Account, refusal: Refusal, result: Result, told: Sequence[Told] = ()
    ) -> Steps[Reply]:
        yield from self._settlement.refund(account)
        exchange.facts[FACT] = account.outcome(result, refusal.rules)
        self._notices.tell(exchange, refusal)
        self._cors.refused(exchange)
        account.answer = yield from self._telling.answer(exchange, refusal, [*account.told, *told])
        return account.answer

    def _shadow(self, exchange: Exchange, account: Account, charges: list[Charge]) -> Steps[None]:
        """Count by a rule in shadow mode."""
        decided = yield from self._decider.decide(charges)
        account.failed |= decided.failed
        if decided.allowed:
            account.book(decided)
            return
        account.shadow += (charges[0].rule.name,)
        refusal = self._unavailable(decided.closed) if decided.closed else (yield from self._refusal(decided))
        self._notices.tell(exchange, refusal._replace(shadow=True))


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
