"""What is taken or given back after a request was admitted."""

from __future__ import annotations

from perfkit.exchange import Exchange
from perfkit.features.rate_limit._account import Account
from perfkit.features.rate_limit._deciding import Decider
from perfkit.features.rate_limit._fields import Described
from perfkit.features.rate_limit._rules import Counted
from perfkit.features.rate_limit._statuses import NO_RESPONSE
from perfkit.features.rate_limit._steps import Steps, result_of
from perfkit.features.rate_limit._usage import Late


class Settlement:
    """Gives back, and takes what a request has cost in the end."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider

    def refund(self, account: Account, rules: frozenset[Counted] | None = None) -> Steps[None]:
        """Give back what was taken, or what was taken by these rules; what is in flight stays so."""
        for charges, decisions, store in account.batches:
            for index, charge in enumerate(charges):
                limit, key, cost, rule = charge
                if not cost or limit.in_flight or (rules is not None and rule not in rules):
                    continue
                charges[index] = charge._replace(cost=0)
                decision = yield from self._decider.settle(store, limit.policy, key, -cost)
                if decision is not None:
                    decisions[index] = decision

    def respond(self, exchange: Exchange, account: Account) -> Steps[None]:
        """Give back what was taken by rules that count other responses than this."""
        back = set()
        for rule in account.rules:
            if rule.counting is None:
                continue
            try:
                counts = yield from result_of(rule.counting(exchange))
            except Exception as error:  # noqa: BLE001 - it is reported
                rule.failed("count_when", error, "the response counts")
                continue
            if not counts:
                back.add(rule)
        if back:
            yield from self.refund(account, frozenset(back))

    def end(self, account: Account, late: list[Late]) -> Steps[None]:
        """Take what the application has charged, and release what was in flight."""
        for charges, _, store in account.batches:
            for limit, key, _, rule in charges:
                if limit.in_flight:
                    yield from self._decider.release(store, limit.policy, key)
                    continue
                amount = sum(each.amount for each in late if _concerns(each, rule, limit))
                if amount:
                    yield from self._decider.settle(store, limit.policy, key, amount)

    def end_unanswered(self, exchange: Exchange, account: Account, late: list[Late]) -> Steps[None]:
        """The same for a request whose application failed before it answered."""
        exchange.status = NO_RESPONSE
        try:
            yield from self.respond(exchange, account)
        finally:
            exchange.status = 0
        yield from self.end(account, late)


def _concerns(late: Late, rule: Counted, limit: Described) -> bool:
    if limit is rule.ban:
        return False
    return late.rule == rule.name or (late.rule is None and rule.rule.unit != "requests")
