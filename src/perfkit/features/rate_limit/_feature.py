"""The feature: which requests are refused, and what clients are told."""

from __future__ import annotations

import logging
from typing import Any
from weakref import ref

from perfkit.errors import ConfigurationError
from perfkit.exchange import Exchange, Reply, Shared
from perfkit.feature import Figure, Pending, Position
from perfkit.features.rate_limit._account import Account, One
from perfkit.features.rate_limit._admission import Admission
from perfkit.features.rate_limit._cors import CorsWatch
from perfkit.features.rate_limit._deciding import Decided, Decider
from perfkit.features.rate_limit._doubts import Watch, doubt_name, doubts
from perfkit.features.rate_limit._exempt import Exemptions
from perfkit.features.rate_limit._figures import store_figures
from perfkit.features.rate_limit._keys import AddressPrefixes
from perfkit.features.rate_limit._match import is_preflight
from perfkit.features.rate_limit._memory import MemoryStore
from perfkit.features.rate_limit._notices import Notices
from perfkit.features.rate_limit._options import MEMORY, RateLimitOptions
from perfkit.features.rate_limit._outcome import EXEMPT, FACT
from perfkit.features.rate_limit._rules import Charge, Counted, worked_out
from perfkit.features.rate_limit._settlement import Settlement
from perfkit.features.rate_limit._steps import Steps, finished
from perfkit.features.rate_limit._store import Store
from perfkit.features.rate_limit._telling import Telling
from perfkit.features.rate_limit._usage import NAME, Late, Usage, ViewRule
from perfkit.options import BadOption, ConfiguredFeature

logger = logging.getLogger("perfkit")


class RateLimit(ConfiguredFeature[RateLimitOptions]):
    """Refuses requests of clients that ask for more than the rules allow. Off unless it has a section.

    All rules that fit a request count; a request that one of them refuses takes nothing from the others. What became of
    a request stands in ``exchange.facts["rate_limit"]``, an `Outcome`. The application finds its `Usage` in what is
    shared with it, as ``"rate_limit"``.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``RateLimit(rules=[{"name": "all", "limits": "100/minute"}])``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.

    Attributes:
        store: what keeps the counts.
    """

    section = "rate_limit"
    position = Position.RATE_LIMIT
    enabled = False
    websocket = True
    shares = True
    Options = RateLimitOptions

    def __init__(self, options: RateLimitOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        self.offers = {NAME: self._usage}  # type: ignore[misc]  # of this one, whose store it is
        self._prefixes = AddressPrefixes(options.ipv4_prefix, options.ipv6_prefix)
        self._local = MemoryStore(options.max_keys)
        try:
            self._rules = worked_out(options, self._prefixes)
            self.store: Store = self._local if options.store == MEMORY else self._shared(options)
        except BadOption as error:
            raise ConfigurationError(f"{self.section}.{error.option}", error.problem, error.mend) from None
        decider = Decider(self.store, self._local)
        self._telling = Telling(options)
        self._settlement = Settlement(decider)
        early = [rule.name for rule in self._rules if not (rule.late or rule.rule.shadow)]
        self._cors = CorsWatch(early, self._ask_responses)
        notices = Notices(options.on_refused)
        self._admission = Admission(decider, self._settlement, self._telling, notices, self._cors)
        self._exempt = Exemptions(options.exempt)
        self._count_preflight = options.count_preflight
        self._view_rules: dict[ViewRule, Counted] = {}
        self._compile()
        for doubt in doubts(options):
            logger.warning("rate_limit: %s.", doubt)

    def _shared(self, options: RateLimitOptions) -> Store:
        from perfkit.features.rate_limit._shared import SharedStore  # here: its libraries are an extra

        store = SharedStore(options.store, options, self._local)
        for rule in self._rules:
            for policy in rule.policies:
                store.check(policy)
        return store

    def _compile(self) -> None:
        self._early = tuple(rule for rule in self._rules if not rule.late)
        self._late = tuple(rule for rule in self._rules if rule.late)
        # Where nobody tells of views, the user counts as far as it is known from the beginning.
        self._routeless = tuple(rule for rule in self._rules if rule.route is None)
        self._some_have_conditions = any(rule.conditions for rule in self._rules)
        self._watch = Watch(self._rules) if self._late else None
        # Nothing has to be waited for, and no function of the application has a say.
        self._plain = self.store is self._local and all(rule.plain and not rule.rule.shadow for rule in self._rules)
        # The only rule, where it counts all requests by one policy: most applications.
        only = self._rules[0] if self._plain and len(self._rules) == 1 else None
        alone = only is not None and only.single is not None and not only.late and not only.conditions
        self._only = only if alone else None
        self._flies = any(rule.flies for rule in self._rules)
        self._counts_responses = any(rule.counting is not None for rule in self._rules)
        self._ask_responses()
        if not self._late:
            self.on_view = super().on_view  # type: ignore[method-assign]  # no stack calls what is not written

    def _ask_responses(self) -> None:
        self._asks_responses = self._counts_responses or self.options.shadow_header or self._cors.looks

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        shared = exchange.shared
        if shared.exchange is None:  # that of a stack further out stays, whose `Usage` the application gets
            shared.exchange = ref(exchange)
        if exchange.method == "OPTIONS" and not self._count_preflight and is_preflight(exchange):
            self._skip(exchange)
            return None
        if self._exempt.each:
            if self._exempt.asks:
                return finished(self._ask(exchange))
            if self._exempt.fit(exchange):
                self._skip(exchange)
                return None
        return self._begin(exchange) if self._only is None else self._begin_one(exchange, self._only)

    def on_view(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """Count what depends on the view and the user."""
        if self in exchange.state and exchange.state[self] is None:  # exempt
            return None
        if self._watch is not None:
            self._watch.look(exchange)
        rules = [rule for rule in self._late if rule.fits(exchange) and (rule.route is None or rule.route(exchange))]
        return finished(self._admission.admit(exchange, self._account(exchange), rules)) if rules else None

    def on_response(self, exchange: Exchange) -> Pending[None] | None:
        found: Account | One | None = exchange.state.get(self)
        if found is None:
            return None
        if isinstance(found, tuple) and not self._asks_responses:
            self._telling.tell(exchange, found[:1])
            return None
        account = self._account(exchange)
        if account.answer is not None:
            self._telling.complete(exchange, account.answer)
            self._telling.tell_shadow(exchange, account.shadow)
            return None
        if self._asks_responses:
            return finished(self._respond(exchange, account))
        self._telling.tell(exchange, account.told)
        return None

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None] | None:
        shared = exchange.shared
        # The server makes a 500 of it, unless the client is gone: whoever leaves early gets nothing back for that.
        unanswered = self._asks_responses and not exchange.status and isinstance(error, Exception)
        if not shared and not self._flies and not unanswered:  # most requests
            return None
        late: list[Late] = shared[NAME].late if shared.has(NAME) else []
        if exchange.state.get(self) is None:
            return None
        account = self._account(exchange)
        if unanswered:
            return finished(self._settlement.end_unanswered(exchange, account, late))
        return finished(self._settlement.end(account, late)) if late or account.flies else None

    def _skip(self, exchange: Exchange) -> None:
        exchange.state[self] = None
        exchange.facts[FACT] = EXEMPT

    def _ask(self, exchange: Exchange) -> Steps[Reply | None]:
        """Ask the functions that say what does not count, and count the others."""
        if (yield from self._exempt.ask(exchange, self._exempt.failed)):
            self._skip(exchange)
            return None
        reply = self._begin(exchange)
        return (yield reply) if isinstance(reply, Pending) else reply

    def _begin(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """Count what does not depend on the view."""
        candidates = self._early
        if self._watch is not None and not exchange.asks_views:
            candidates = self._routeless
            self._watch.look(exchange)
        rules = candidates
        if self._some_have_conditions:
            rules = tuple([rule for rule in candidates if not rule.conditions or rule.fits(exchange)])
        if not rules:
            exchange.facts[FACT] = EXEMPT
            return None
        if self._plain:
            alone = len(rules) == 1 and rules[0].single is not None
            if alone:
                return self._begin_one(exchange, rules[0])
            return self._admission.admit_plain(exchange, self._account(exchange), rules)
        return finished(self._admission.admit(exchange, self._account(exchange), rules))

    def _begin_one(self, exchange: Exchange, rule: Counted) -> Reply | Pending[Reply | None] | None:
        """What `Admission.admit_plain` does, where there is one rule of one policy."""
        limit = rule.single
        assert limit is not None
        key = rule.partition.number(exchange)
        decision = self._local.take(limit.policy, key, rule.cost)
        if decision[0]:
            exchange.state[self] = ((limit, decision), key, rule, self._local)
            exchange.facts[FACT] = rule.allowed
            return None
        account = exchange.state[self] = Account((rule,))
        decided = Decided([Charge(limit, key, rule.cost, rule)], [decision], self._local)
        return finished(self._admission.refuse(exchange, account, decided))

    def _account(self, exchange: Exchange) -> Account:
        found: Account | One | None = exchange.state.get(self)
        if isinstance(found, Account):
            return found
        account = exchange.state[self] = Account() if found is None else Account.of(found)
        return account

    def _respond(self, exchange: Exchange, account: Account) -> Steps[None]:
        yield from self._settlement.respond(exchange, account)
        self._telling.tell(exchange, account.told)
        self._telling.tell_shadow(exchange, account.shadow)
        if self._cors.looks:
            self._cors.look(exchange)

    def figures(self) -> list[Figure]:
        return list(store_figures(self._local, self.store))

    def _usage(self, shared: Shared) -> Usage:
        return Usage(self._take, shared.exchange)

    def _take(self, exchange: Exchange, view: ViewRule, request: Any) -> Reply | Pending[Reply | None] | None:
        """Count a request by the rule of its view."""
        if self in exchange.state and exchange.state[self] is None:  # exempt
            return None
        counted = self._view_rules.get(view)
        if counted is None:
            counted = Counted(view.rule, self.options, self._prefixes)
            doubt_name(counted, (*self._rules, *self._view_rules.values()))
            counted = self._view_rules.setdefault(view, counted)
            self._flies |= counted.flies
            self._counts_responses |= counted.counting is not None
            self._ask_responses()
        return finished(self._admit_to_view(exchange, view, counted, request))

    def _admit_to_view(self, exchange: Exchange, view: ViewRule, counted: Counted, request: Any) -> Steps[Reply | None]:
        account = self._account(exchange)
        if counted in account.rules or not counted.fits(exchange):
            return None
        exchange.state[view] = request
        try:
            return (yield from self._admission.admit(exchange, account, [counted]))
        finally:
            del exchange.state[view]  # requests lead back to the exchange
