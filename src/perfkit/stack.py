"""The stack: features in their order, with their hooks compiled once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from perfkit.client import ClientTrust
from perfkit.exchange import Exchange, Reply, Trust
from perfkit.feature import Feature, Pending
from perfkit.settings import SHARED_SECTIONS, Settings, resolve

logger = logging.getLogger("perfkit")

RequestHook: TypeAlias = Callable[[Exchange], "Reply | Pending[Reply | None] | None"]
ResponseHook: TypeAlias = Callable[[Exchange], "Pending[None] | None"]
EndHook: TypeAlias = "Callable[[Exchange, BaseException | None], Pending[None] | None]"
# Where the errors of a hook go that must not change the response.
Report: TypeAlias = Callable[[Exception], None]


class Unwind(NamedTuple):
    """The hooks still to run for an exchange that came in as far as some feature."""

    on_response: tuple[tuple[ResponseHook, Report | None], ...] = ()
    on_end: tuple[tuple[EndHook, Report], ...] = ()


SPENT: Final = Unwind()


class Stack:
    """Features, ordered and compiled. Hosts drive exchanges through one.

    The driving methods return None, a value, or a `Pending` of that value where a hook has to wait; a host finishes the
    Pending in the way that suits it. So each loop stands here once, for hosts that block and hosts that await.

    Args:
        features: in any order; they are sorted by their `position`, equals in the order given.
        trust: who may speak for a client, and who may see internals; by default no proxy, and loopback.

    Attributes:
        features: the features, outermost first.
        trust: as given.
        encodes: whether a feature may set an encoder.
        hold: how many bytes of a stream a host may hold back to see whether it ends at once.
        shares: whether a feature shares values with the application.
        meters: whether a feature uses what an exchange counts.
        offers: what the application can ask for there.
        has_views: whether a feature has an `on_view` hook.
        websocket: the stack of those features that want WebSocket connections; None where there is none.
    """

    def __init__(self, features: Iterable[Feature], *, trust: Trust | None = None) -> None:
        self._arrange(features, trust or ClientTrust())
        for feature in self.features:
            feature.on_stack(self.features)

    def _arrange(self, features: Iterable[Feature], trust: Trust) -> None:
        self.features = tuple(sorted(features, key=lambda feature: feature.position))
        self.trust = trust
        self.encodes = any(feature.encodes for feature in self.features)
        self.hold = max((feature.hold for feature in self.features), default=0)
        self.shares = any(feature.shares for feature in self.features)
        self.meters = any(feature.meters for feature in self.features)
        self.offers = {name: offer for feature in self.features for name, offer in feature.offers.items()}
        self._compile()
        listening = tuple(feature for feature in self.features if feature.websocket)
        self.websocket: Stack | None = None
        if listening and listening == self.features:
            self.websocket = self
        elif listening:
            self.websocket = Stack.__new__(Stack)  # of features that know their stack already
            self.websocket._arrange(listening, trust)

    @classmethod
    def from_settings(
        cls, settings: Settings | Mapping[str, Any] | None = None, features: Iterable[Feature] | None = None
    ) -> Stack:
        """The stack that settings describe.

        Args:
            settings: a mapping of sections, `Settings`, or None for what file and environment say.
            features: exactly these features instead of those the settings enable; the settings' shared sections
                still count.

        Raises:
            ConfigurationError: a setting that cannot be used.
        """
        resolved = resolve(settings)
        return cls(resolved.features() if features is None else features, trust=resolved.trust)

    @classmethod
    def for_section(cls, section: str, options: Mapping[str, Any]) -> Stack:
        """The stack of one feature, from its options and those of shared sections (``client``, ``internal``).

        Raises:
            ConfigurationError: an option that cannot be used.
        """
        own = {name: value for name, value in options.items() if name not in SHARED_SECTIONS}
        shared = {name: value for name, value in options.items() if name in SHARED_SECTIONS}
        return cls.only(section, {**shared, section: own})

    @classmethod
    def only(cls, section: str, settings: Settings | Mapping[str, Any]) -> Stack:
        """The stack of the one feature of that section."""
        resolved = resolve(settings)
        return cls((one for one in resolved.features() if one.section == section), trust=resolved.trust)

    def _compile(self) -> None:
        requests: list[tuple[RequestHook, Report | None, Unwind]] = []
        views: list[tuple[RequestHook, Report | None]] = []
        unwind = Unwind()
        for feature in self.features:
            outer_responses, outer_ends = unwind
            # Who answers early sees the end of the exchange, but not its own reply as a response.
            answered = Unwind(outer_responses, (*_compiled(feature, "on_end"), *outer_ends))
            requests.extend((hook, report, answered) for hook, report in _compiled(feature, "on_request"))
            views.extend(_compiled(feature, "on_view"))
            unwind = Unwind((*_compiled(feature, "on_response"), *outer_responses), answered.on_end)
        self._requests = tuple(requests)
        self._views = tuple((hook, report, unwind) for hook, report in views)
        self._unwind = unwind
        self.has_views = bool(views)

    def __bool__(self) -> bool:
        """Whether there is any feature: a host without one steps aside."""
        return bool(self.features)

    # Each takes the hooks that remain when it goes on after one that had to wait; hosts give none.

    def view(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """Run the `on_view` hooks. An early reply counts as the application's: every `on_response` sees it."""
        return self.request(exchange, iter(self._views))

    def request(
        self, exchange: Exchange, remaining: Iterator[tuple[RequestHook, Report | None, Unwind]] | None = None
    ) -> Reply | Pending[Reply | None] | None:
        """Run the `on_request` hooks; gives the early reply if a feature makes one."""
        hooks = remaining or iter(self._requests)
        for hook, report, answered in hooks:
            exchange._unwind = answered
            try:
                result = hook(exchange)
            except Exception as error:
                if report is None:
                    raise
                report(error)
                continue
            if result is None:
                continue
            if isinstance(result, Pending):
                reply = result if report is None else result.guarded(report)
                return reply.then(lambda reply: self.request(exchange, hooks) if reply is None else reply)
            return result
        exchange._unwind = self._unwind
        return None

    def respond(
        self, exchange: Exchange, remaining: Iterator[tuple[ResponseHook, Report | None]] | None = None
    ) -> Pending[None] | None:
        """Run the `on_response` hooks of the features this exchange came in through."""
        hooks = remaining or iter(exchange._unwind.on_response)
        for hook, report in hooks:
            try:
                pending = hook(exchange)
            except Exception as error:
                if report is None:
                    raise
                report(error)
                continue
            if pending is not None:
                done = pending if report is None else pending.guarded(report)
                return done.then(lambda _: self.respond(exchange, hooks))
        return None

    def end(
        self,
        exchange: Exchange,
        error: BaseException | None,
        remaining: Iterator[tuple[EndHook, Report]] | None = None,
    ) -> Pending[None] | None:
        """Run the `on_end` hooks of the features this exchange came in through; only the first call counts."""
        hooks = remaining or iter(exchange._unwind.on_end)
        exchange._unwind = SPENT
        for hook, report in hooks:
            try:
                pending = hook(exchange, error)
            except Exception as failure:  # noqa: BLE001 - it is reported
                report(failure)
                continue
            if pending is not None:
                return pending.guarded(report).then(lambda _: self.end(exchange, error, hooks))
        return None


def _compiled(feature: Feature, name: str) -> tuple[tuple[Any, Any], ...]:
    """The hook of that name with where its errors go, as a tuple of one; empty where the feature does not write it."""
    hook = getattr(feature, name)
    if getattr(hook, "__func__", None) is getattr(Feature, name):
        return ()
    return ((hook, _reporter(hook) if feature.observer or name == "on_end" else None),)


def _reporter(hook: Callable[..., Any]) -> Report:
    """Logs the errors of a hook: the first of each type, so that a log cannot flood."""
    reported: set[type[Exception]] = set()

    def report(error: Exception) -> None:
        if type(error) not in reported:
            reported.add(type(error))
            logger.error("%s failed; later errors of this kind are not logged", hook.__qualname__, exc_info=error)

    return report
