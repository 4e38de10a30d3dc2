"""The limits of a rule, and whether the requests of a window keep them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Protocol

from perfkit.features.thresholds._options import PERCENTILES, Rule
from perfkit.features.thresholds._quantities import share
from perfkit.features.thresholds._window import Window

if TYPE_CHECKING:
    from fractions import Fraction


class Limit(Protocol):
    """A limit of a rule.

    Attributes:
        name: the option of the rule.
        allowed: what it allows: seconds or a share.
    """

    @property
    def name(self) -> str: ...
    @property
    def allowed(self) -> float: ...
    def requests(self, window: Window) -> int:
        """How many requests it is about."""

    def broken(self, window: Window) -> bool:
        """Whether more is there than it allows. It is not where nothing is there."""

    def measured(self, window: Window) -> float:
        """What is there."""


class Percentile:
    """At most this long, for a share of the requests.

    Args:
        name: ``"p95"``.
        allowed: the limit in seconds.
        number: of the limit in the window.
    """

    def __init__(self, name: str, allowed: float, number: int) -> None:
        self.name = name
        self.allowed = allowed
        self._number = number
        self._percent = int(name.removeprefix("p"))

    def requests(self, window: Window) -> int:
        return window.durations

    def broken(self, window: Window) -> bool:
        # The percentile is above the limit exactly where too few durations are not. In whole numbers, no rounding.
        durations = window.durations
        return (durations - window.above(self._number)) * 100 < self._percent * durations

    def measured(self, window: Window) -> float:
        found = window.percentile(self._percent)
        # Which side of the limit it is on is known better than the buckets tell.
        return max(found, self.allowed) if self.broken(window) else min(found, self.allowed)


class ErrorRate:
    """At most this share of the requests fails."""

    name = "error_rate"

    def __init__(self, allowed: Fraction) -> None:
        self.allowed = float(allowed)
        self._numerator, self._denominator = allowed.as_integer_ratio()

    def requests(self, window: Window) -> int:
        return window.requests

    def broken(self, window: Window) -> bool:
        return window.failures * self._denominator > self._numerator * window.requests

    def measured(self, window: Window) -> float:
        requests = window.requests
        return window.failures / requests if requests else 0.0


class Standing:
    """What has been said of a limit.

    Args:
        limit: the limit.
        minimum: requests before anything is said of it.
        cooldown: seconds in which a breach is said once at most.

    Attributes:
        limit: as given.
        breaches: how often one was said.
    """

    __slots__ = ("_cooldown", "_last", "_minimum", "_said", "breaches", "limit")

    def __init__(self, limit: Limit, minimum: int, cooldown: float) -> None:
        self.limit = limit
        self._minimum = minimum
        self._cooldown = cooldown
        self._said = False
        self._last = -inf
        self.breaches = 0

    def broken(self, window: Window) -> bool:
        """Whether a breach may be said: the limit is broken, and by enough requests."""
        return self.limit.broken(window) and self.limit.requests(window) >= self._minimum

    def judge(self, window: Window, now: float) -> bool | None:
        """What is to be said: True for a breach, False for its end, None for nothing.

        Of a breach only where there are enough requests; of its end with any number, so that none outlives its
        requests.
        """
        if not self.limit.broken(window):
            said, self._said = self._said, False
            return False if said else None
        if now - self._last < self._cooldown or not self.broken(window):
            return None
        self._last = now
        self._said = True
        self.breaches += 1
        return True


def limits_of(rule: Rule) -> tuple[list[float], list[Limit]]:
    """The limits on durations, in seconds, as a window is to count them; and all limits that a window is held to."""
    durations: list[float] = []
    limits: list[Limit] = []
    for name in PERCENTILES:
        allowed = rule.duration(name)
        if allowed is not None:
            limits.append(Percentile(name, allowed, len(durations)))
            durations.append(allowed)
    if rule.error_rate is not None:
        limits.append(ErrorRate(share("error_rate", rule.error_rate)))
    return durations, limits
