"""The options of the section ``rate_limit``."""

from __future__ import annotations

from collections import Counter
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta

from perfkit.features.rate_limit._keys import AddressPrefixes
from perfkit.features.rate_limit._match import Exempt, Match
from perfkit.features.rate_limit._partitions import checked_parts
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._rates import MAX_WINDOW, Concurrency, Rate, parse_limits
from perfkit.features.rate_limit._statuses import counting
from perfkit.options import BadOption, Options

OnError: TypeAlias = Literal["open", "closed", "local"]
Headers: TypeAlias = Literal["always", "low", "refused", "never"]

MEMORY: Final = "memory://"


class Ban(Options, frozen=True, kw_only=True, rename={"for_": "for"}):
    """Whoever is refused again and again is refused everything for a while.

    Attributes:
        after: refusals by this rule after which the ban begins.
        for_: in settings ``for``: seconds that it lasts. The refusals count within as long a time.
    """

    after: Annotated[int, Meta(ge=1, le=1_000_000)]
    for_: Annotated[int, Meta(ge=1, le=MAX_WINDOW)]


class Rule(Options, frozen=True, kw_only=True):
    """Who may do what how often.

    Attributes:
        name: in headers, messages and metrics.
        limits: as in ``"100/minute, 2000/hour"`` or ``"2 concurrent"``; or a function that is given the exchange and
            gives such a text, or None where this rule is not to count.
        match: the requests that count; by default all.
        key: who is counted: ``"ip"``, ``"user"``, ``"header:X-Api-Key"``, ``"cookie:session"``, ``"global"``, a
            function that is given the exchange and gives a text (None: not counted), or a list of these, which count
            together.
        algorithm: ``"sliding"`` or ``"gcra"``.
        burst: with ``"gcra"``: units that may be taken at once; by default all of the quota.
        cost: units that a request takes, or a function that is given the exchange and gives them.
        unit: what is counted, for headers and `Usage.charge`: ``"requests"``, ``"content-bytes"``, ``"tokens"``.
        jitter: whether windows of different clients begin at different times.
        exempt: requests that do not count.
        shadow: whether the rule only counts, and refuses nothing.
        count_when: the responses that count: ``"status>=400"``, statuses, or a function that is given the exchange.
            What a request takes is given back if its response does not count.
        ban: what becomes of those that are refused again and again.
        on_error: what to do when the store does not answer: ``"open"`` lets pass, ``"closed"`` refuses with 503,
            ``"local"`` counts in this process. By default as `RateLimitOptions.on_error` says.
    """

    name: str
    limits: Any
    match: Match = Match()
    key: Any = "ip"
    algorithm: Literal["sliding", "gcra"] = "sliding"
    burst: Annotated[int, Meta(ge=1)] | None = None
    cost: Any = 1
    unit: str = "requests"
    jitter: bool = True
    exempt: tuple[Exempt, ...] = ()
    shadow: bool = False
    count_when: Any = None
    ban: Ban | None = None
    on_error: OnError | None = None

    def __post_init__(self) -> None:
        checked_parts(self.key)
        self._check_cost()
        self._check_unit()
        if self.count_when is not None:
            counting(self.count_when)
        if not callable(self.limits):
            self._check_limits()
        Policy(self.name, 1, 1)

    def _check_limits(self) -> None:
        if not isinstance(self.limits, str):
            raise BadOption("limits", f"{self.limits!r} is not a rate", "write for example '10/minute', or a function")
        parsed = parse_limits(self.limits)
        for limit in parsed:
            if not isinstance(limit, Concurrency):
                Policy.of(self.name, limit, self.algorithm, burst=self.burst)
        if not any(isinstance(limit, Rate) for limit in parsed):
            self._check_in_flight()

    def _check_in_flight(self) -> None:
        """What makes no sense for requests in flight alone."""
        if self.burst is not None or self.algorithm == "gcra":
            option = "algorithm" if self.burst is None else "burst"
            raise BadOption(option, "requests in flight are only counted", "leave it out")
        if self.count_when is not None:
            mend = "leave it out, or add a rate to limits, as in '2 concurrent, 10/minute'"
            raise BadOption("count_when", "a request in flight has no response yet", mend)

    def _check_cost(self) -> None:
        if callable(self.cost):
            return
        if type(self.cost) is not int or self.cost < 0:
            raise BadOption("cost", f"{self.cost!r} is not a cost", "write a whole number from 0 up, or a function")
        if callable(self.limits) or not isinstance(self.limits, str):
            return
        for limit in parse_limits(self.limits):
            most = limit.quota if self.burst is None or isinstance(limit, Concurrency) else self.burst
            if self.cost > most:
                problem = f"{self.cost} is more than {most}, the most ever allowed at once"
                raise BadOption("cost", problem, "write a lower one, or allow more")

    def _check_unit(self) -> None:
        if not self.unit.isascii() or not self.unit.isprintable() or not self.unit:
            raise BadOption("unit", f"{self.unit!r} is not printable ASCII", "write for example 'tokens'")


class RateLimitOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``rate_limit``.

    Attributes:
        rules: the rules; all that fit a request count. None are needed where views have limits of their own.
        store: where the counts are kept: ``"memory://"``, in this process, or the URI of a shared store.
        store_options: more arguments for the client of a shared store.
        store_timeout: seconds a shared store has to answer.
        repeat_refusals: seconds for which this process repeats the refusal of a shared store without asking it again;
            never longer than the refusal holds. 0 to always ask.
        breaker: after how many failures in a row a shared store is left alone, and for how many seconds.
        on_error: what to do when the store does not answer: see `Rule`.
        max_keys: keys to keep in this process.
        namespace: what keys in a shared store begin with.
        secret: makes keys in a shared store, and partition keys, unpredictable; the same in all processes.
        ipv4_prefix: bits of an IPv4 address that are one client.
        ipv6_prefix: likewise of an IPv6 address.
        exempt: requests that no rule counts.
        count_preflight: whether CORS preflights count, which browsers send by themselves.
        headers: when RateLimit and RateLimit-Policy are sent: ``"always"``; ``"low"``, where less than a fifth is left;
            ``"refused"``, with refusals only; ``"never"``.
        legacy_headers: whether X-RateLimit-Limit, -Remaining and -Reset are sent as well.
        partition_key: whether RateLimit and RateLimit-Policy say whose quota it is (``pk``), as a hash with the secret.
        shadow_header: whether Perfkit-Shadow names the rules in shadow mode that would have refused a request.
        status: the status of refusals.
        body: the body of refusals: ``"auto"``: problem+json, HTML or text by the request's Accept; ``"problem"``,
            always the first; or a function that is given the exchange and the `Refusal`, and gives a `Reply`.
        on_refused: a function that is given the exchange and the `Refusal` of each request that is refused, or that a
            rule in shadow mode would have refused. It is called on the event loop, where there is one.
    """

    secrets = frozenset({"secret", "store"})

    rules: tuple[Rule, ...] = ()
    store: str = MEMORY
    store_options: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it
    store_timeout: Annotated[float, Meta(gt=0, le=60)] = 0.05
    repeat_refusals: Annotated[float, Meta(ge=0, le=5)] = 1.0
    breaker: tuple[Annotated[int, Meta(ge=1)], Annotated[float, Meta(gt=0)]] = (5, 10.0)
    on_error: OnError = "local"
    max_keys: Annotated[int, Meta(ge=1)] = 200_000
    namespace: Annotated[str, Meta(min_length=1, max_length=64)] = "perfkit"
    secret: Annotated[str, Meta(min_length=16)] | None = None
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64
    exempt: tuple[Exempt, ...] = ()
    count_preflight: bool = False
    headers: Headers = "always"
    legacy_headers: bool = False
    partition_key: bool = False
    shadow_header: bool = False
    status: Annotated[int, Meta(ge=400, le=599)] = 429
    body: Any = "auto"
    on_refused: Any = None

    def __post_init__(self) -> None:
        AddressPrefixes(self.ipv4_prefix, self.ipv6_prefix)
        if "://" not in self.store:
            raise BadOption("store", "this is not a URI", "write for example 'redis://localhost:6379/0'")
        if not callable(self.body) and self.body not in ("auto", "problem"):
            raise BadOption("body", f"{self.body!r} is not known", "write 'auto', 'problem' or a function")
        if self.partition_key and self.secret is None:
            mend = "set rate_limit.secret to 16 characters or more, the same in all processes"
            raise BadOption("partition_key", "it is made with a secret, and there is none", mend)
        if self.on_refused is not None and (not callable(self.on_refused) or iscoroutinefunction(self.on_refused)):
            problem = f"{self.on_refused!r} is not a plain function"
            raise BadOption("on_refused", problem, "write one that is given the exchange and the Refusal")
        for name, count in Counter(rule.name for rule in self.rules).items():
            if count > 1:
                index = max(index for index, rule in enumerate(self.rules) if rule.name == name)
                mend = "give each a name of its own"
                raise BadOption(f"rules[{index}].name", f"{name!r} is there {count} times", mend)
