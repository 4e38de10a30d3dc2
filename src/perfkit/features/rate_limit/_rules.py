"""The rules, worked out: what of a request is taken from which policy."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from functools import partial
from math import ceil
from typing import Any, Final, NamedTuple

from perfkit.exchange import Exchange
from perfkit.features.rate_limit._exempt import Exemptions
from perfkit.features.rate_limit._fields import Described, PartitionKeys
from perfkit.features.rate_limit._keys import AddressPrefixes, Keys
from perfkit.features.rate_limit._match import conditions, fits_route
from perfkit.features.rate_limit._meter import MAX_AMOUNT
from perfkit.features.rate_limit._options import OnError, RateLimitOptions, Rule
from perfkit.features.rate_limit._outcome import Outcome
from perfkit.features.rate_limit._partitions import Partition
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._rates import Limit, Rate, parse_limits
from perfkit.features.rate_limit._statuses import counting
from perfkit.features.rate_limit._steps import Steps, result_of
from perfkit.options import BadOption

logger = logging.getLogger("perfkit")

# Texts of limits that a function has given and that are kept, worked out.
MAX_TEXTS: Final = 64


class Charge(NamedTuple):
    """What a request is to take from one policy.

    Attributes:
        limit: the policy.
        key: whose.
        cost: units.
        rule: whose policy it is.
    """

    limit: Described
    key: int
    cost: int
    rule: Counted


# Makes a charge of a tuple in half the time that calling the class takes.
charged: Final = tuple.__new__


class Counted:
    """A rule, worked out.

    Attributes:
        name: its name.
        rule: as the settings have it.
        conditions: what has to hold, apart from the route.
        route: whether the route fits; None for all routes.
        partition: makes the keys.
        limits: its policies; None where a function gives them.
        single: the one of them, where there is no other and it takes the cost as it is: most rules.
        ban: the policy that refuses those who are banned; None without bans.
        strikes: the policy that counts refusals.
        counting: whether a response counts; None for all.
        late: whether it can be decided only when a view is chosen, on hosts that tell.
        plain: whether it can be decided without calling functions of the application.
        on_error: what to do when the store does not answer.
        cost: units, where they are fixed.
        allowed: the outcome of a request that only this rule counted, and admitted.
    """

    def __init__(self, rule: Rule, options: RateLimitOptions, prefixes: AddressPrefixes) -> None:
        self.name = rule.name
        self.rule = rule
        self.conditions = conditions(rule.match)
        self.route = fits_route(rule.match)
        self.exempt = Exemptions(rule.exempt)
        # Processes that share a store need the same keys, and those that give clients the same partition keys.
        secret = None if options.store == "memory://" and not options.secret else (options.secret or "").encode()
        self.partition = Partition(rule.key, Keys(options.namespace, rule.name, secret), prefixes)
        self.limits = None if callable(rule.limits) else self._parsed(rule.limits)
        self.ban = self.strikes = None
        if rule.ban is not None:
            self.ban = Described(Policy(f"{rule.name}-ban", 1, rule.ban.for_, "gcra"), shown=False)
            self.strikes = Policy(f"{rule.name}-refusals", rule.ban.after, rule.ban.for_, jitter=False)
        single = self.limits is not None and len(self.limits) == 1 and self.ban is None
        self.single = self.limits[0] if self.limits and single and not self.limits[0].in_flight else None
        self.counting = None if rule.count_when is None else counting(rule.count_when)
        self.late = self.route is not None or self.partition.by_user
        self.on_error: OnError = rule.on_error or options.on_error
        self.cost: int = 1 if callable(rule.cost) else rule.cost
        self.plain = self.partition.plain and self.limits is not None and not callable(rule.cost) and self.exempt.plain
        self.allowed = Outcome("allowed", (rule.name,))
        if options.partition_key and options.secret:
            self._describe = PartitionKeys(options.secret).describe
            self.single = None
            self._charges = self._named_charges  # type: ignore[method-assign]  # it costs nothing where it is off
        self._texts: dict[str, tuple[Described, ...]] = {}
        self._reported: set[str] = set()

    @property
    def policies(self) -> list[Policy]:
        """All its policies that are known."""
        policies = [limit.policy for limit in self.limits or ()]
        return policies if self.ban is None or self.strikes is None else [*policies, self.ban.policy, self.strikes]

    @property
    def flies(self) -> bool:
        """Whether it may count what is in flight."""
        return self.limits is None or any(limit.in_flight for limit in self.limits)

    def fits(self, exchange: Exchange) -> bool:
        """Whether it is for this request."""
        for condition in self.conditions:  # noqa: SIM110 - all() takes twice as long
            if not condition(exchange):
                return False
        return True

    def plain_charges(self, exchange: Exchange) -> list[Charge]:
        """What the request takes, where no function has to be called."""
        return self._charges(self.limits or (), self.partition.number(exchange), self.cost)

    def charges(self, exchange: Exchange) -> Steps[list[Charge]]:
        """What the request takes; nothing where the rule does not count it.

        Raises:
            Unlimited: the function of `limits` failed.
        """
        if (yield from self.exempt.ask(exchange, self.failed)):
            return []
        key = yield from self._key(exchange)
        if key is None:
            return []
        limits = self.limits
        if limits is None:
            limits = yield from self._dynamic(exchange)
        cost = self.cost
        if callable(self.rule.cost):
            cost = yield from self._cost(exchange)
        return self._charges(limits, key, cost)

    def _charges(self, limits: Iterable[Described], key: int, cost: int) -> list[Charge]:
        # What is in flight is one request, whatever it costs.
        charges = [charged(Charge, (limit, key, 1 if limit.in_flight else cost, self)) for limit in limits]
        if self.ban is not None and charges:
            charges.append(Charge(self.ban, key, 0, self))
        return charges

    def _named_charges(self, limits: Iterable[Described], key: int, cost: int) -> list[Charge]:
        """The same for clients that are told whose quota it is."""
        return Counted._charges(self, [self._describe(limit, key) for limit in limits], key, cost)

    def _parsed(self, text: str) -> tuple[Described, ...]:
        parsed = parse_limits(text)
        shown = not self.rule.shadow
        return tuple(Described(self._policy(limit, alone=len(parsed) == 1), shown=shown) for limit in parsed)

    def _policy(self, limit: Limit, *, alone: bool) -> Policy:
        rule = self.rule
        rate = isinstance(limit, Rate)
        suffix = f"{limit.window}s" if isinstance(limit, Rate) else "concurrent"
        return Policy.of(
            rule.name if alone else f"{rule.name}-{suffix}",
            limit,
            rule.algorithm,
            burst=rule.burst if rate else None,
            unit=rule.unit,
            jitter=rule.jitter,
            refunded=rule.count_when is not None,
        )

    def _key(self, exchange: Exchange) -> Steps[int | None]:
        if self.partition.plain:
            return self.partition.number(exchange)
        try:
            return (yield from self.partition.ask(exchange))
        except Exception as error:  # noqa: BLE001 - it is reported
            self.failed("key", error, "the client's address counts")
            return self.partition.address_number(exchange)

    def _cost(self, exchange: Exchange) -> Steps[int]:
        try:
            cost = _checked_cost((yield from result_of(self.rule.cost(exchange))))
        except Exception as error:  # noqa: BLE001 - it is reported
            self.failed("cost", error, "it counts as 1")
            return 1
        return min(cost, MAX_AMOUNT)

    def _dynamic(self, exchange: Exchange) -> Steps[tuple[Described, ...]]:
        try:
            text = yield from result_of(self.rule.limits(exchange))
            return () if text is None else self._of_text(text)
        except Exception as error:
            self.failed("limits", error, "the store's on_error says what to do")
            raise Unlimited(self) from error

    def _of_text(self, text: str) -> tuple[Described, ...]:
        limits = self._texts.get(text)
        if limits is None:
            limits = self._parsed(text)
            if len(self._texts) >= MAX_TEXTS:
                raise ValueError(f"more than {MAX_TEXTS} different limits: {text!r} cannot be kept")
            limits = self._texts.setdefault(text, limits)
        return limits

    def failed(self, option: str, error: Exception, what_then: str) -> None:
        """Say once that a function of the application failed."""
        if option not in self._reported:
            self._reported.add(option)
            logger.error(
                "rate_limit: the function %s of rule %r failed, so %s; later errors of it are not logged",
                option,
                self.name,
                what_then,
                exc_info=error,
            )


def _checked_cost(given: Any) -> int:
    cost: int = ceil(given)
    if cost < 0:
        raise ValueError(f"a cost of {given}: a cost is 0 or more")
    return cost


class Unlimited(Exception):  # noqa: N818 - it is no error of ours
    """It is not known how much a rule allows."""

    def __init__(self, rule: Counted) -> None:
        super().__init__(rule.name)
        self.rule = rule


def worked_out(options: RateLimitOptions, prefixes: AddressPrefixes) -> tuple[Counted, ...]:
    """The rules of the section.

    Raises:
        BadOption: two policies have one name.
    """
    rules = tuple(map(partial(_counted, options, prefixes), options.rules))
    names = Counter(policy.name for rule in rules for policy in rule.policies)
    for index, rule in enumerate(rules):
        for policy in rule.policies:
            if names[policy.name] > 1:
                problem = f"the policy {policy.name!r} of this rule is there already"
                raise BadOption(f"rules[{index}].name", problem, "give the rule another name")
    return rules


def _counted(options: RateLimitOptions, prefixes: AddressPrefixes, rule: Rule) -> Counted:
    return Counted(rule, options, prefixes)
