"""A rule, worked out: it counts the requests it is for, and says when one of its limits is broken."""

from __future__ import annotations

from math import inf
from threading import Lock
from typing import Final

from perfkit.exchange import Exchange
from perfkit.feature import Figure
from perfkit.features.thresholds._limits import Limit, Standing, limits_of
from perfkit.features.thresholds._match import conditions
from perfkit.features.thresholds._options import Rule
from perfkit.features.thresholds._report import Report
from perfkit.features.thresholds._window import Window

BROKEN: Final = "Whether a limit of the thresholds is broken now, in this process."
BREACHES: Final = "How often it was said that a limit of the thresholds is broken."


class Watch:
    """One rule with what it has counted, in some 30 KB whatever comes.

    Args:
        rule: as the settings have it.
        now: the time, as of all calls, by a clock that never goes back.
    """

    def __init__(self, rule: Rule, now: float) -> None:
        self._rule = rule
        self._seconds = rule.window_seconds()
        self._cooldown = rule.cooldown_seconds()
        self._conditions = conditions(rule.match)
        durations, limits = limits_of(rule)
        self._window = Window(self._seconds, durations, now)
        self._standings = [Standing(limit, rule.minimum, self._cooldown) for limit in limits]
        self._slow = rule.duration("slow") or inf
        self._slow_since = 0
        self._slow_said = -inf
        self._slow_breaches = 0
        self._lock = Lock()

    def fits(self, exchange: Exchange) -> bool:
        """Whether the rule is for this request."""
        for condition in self._conditions:  # noqa: SIM110 - all() takes twice as long
            if not condition(exchange):
                return False
        return True

    def count(self, exchange: Exchange, seconds: float | None, now: float, *, failed: bool) -> list[Report]:
        """Count a request that is over.

        Args:
            exchange: the request.
            seconds: how long it took; None where that says nothing, as of an event stream.
            now: the time.
            failed: whether it counts as an error.

        Returns:
            What is to be said.
        """
        said = []
        window = self._window
        with self._lock:
            window.add(now, seconds, failed=failed)
            for standing in self._standings:
                broken = standing.judge(window, now)
                if broken is not None:
                    said.append(self._report(standing.limit, broken=broken))
            if seconds is not None and seconds > self._slow:
                self._slow_since += 1
                if now - self._slow_said >= self._cooldown:
                    said.append(self._report_slow(seconds, exchange.route))
                    self._slow_said, self._slow_since = now, 0
                    self._slow_breaches += 1
        return said

    def figures(self, now: float) -> list[Figure]:
        """How its limits stand, and how often a breach of each was said."""
        with self._lock:
            self._window.advance(now)
            broken = [(each.limit.name, each.broken(self._window)) for each in self._standings]
            breaches = [(each.limit.name, each.breaches) for each in self._standings]
            if self._slow < inf:
                breaches.append(("slow", self._slow_breaches))
        return [
            *(
                Figure("perfkit_threshold_broken", value, BROKEN, "gauge", self._labels(limit))
                for limit, value in broken
            ),
            *(
                Figure("perfkit_threshold_breaches", value, BREACHES, "counter", self._labels(limit))
                for limit, value in breaches
            ),
        ]

    def _labels(self, limit: str) -> dict[str, str]:
        return {"rule": self._rule.name, "limit": limit}

    def _report(self, limit: Limit, *, broken: bool) -> Report:
        rule, window = self._rule, self._window
        measured, requests = limit.measured(window), limit.requests(window)
        return Report(rule.name, limit.name, measured, limit.allowed, requests, self._seconds, rule.severity, broken)

    def _report_slow(self, seconds: float, route: str | None) -> Report:
        name, severity, count = self._rule.name, self._rule.severity, self._slow_since
        return Report(name, "slow", seconds, self._slow, count, self._seconds, severity, broken=True, route=route)
