"""What the algorithms say, worked out slowly and exactly: with fractions, and from what was taken at which time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from perfkit.features.rate_limit import Policy
from perfkit.features.rate_limit._generations import SHARDS

# What the engine gives to the rounding of floats, and a little more for that of the clock itself.
ROUNDING = Fraction(2, 10**6)


class Clock:
    """A clock that a test moves."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class SlidingModel:
    """The sliding-window counter: what each key took in each window, all windows kept for ever."""

    policy: Policy
    counts: Counter[tuple[int, int]] = field(default_factory=Counter)

    def phase(self, key: int) -> Fraction:
        return Fraction(self.policy.window * (key % SHARDS + 1), SHARDS) if self.policy.jitter else Fraction(0)

    def window(self, key: int, now: Fraction) -> int:
        return floor((now - self.phase(key)) / self.policy.window)

    def free(self, key: int, now: Fraction) -> Fraction:
        index = self.window(key, now)
        elapsed = (now - self.phase(key)) / self.policy.window - index
        used = self.counts[key, index - 1] * (1 - elapsed) + self.counts[key, index]
        return self.policy.quota - used

    def take(self, key: int, cost: int, now: Fraction) -> None:
        self.counts[key, self.window(key, now)] += cost

    def settle(self, key: int, amount: int, now: Fraction) -> None:
        index = self.window(key, now)
        settled = self.counts[key, index] + amount
        self.counts[key, index] = max(settled, 0)
        self.counts[key, index - 1] = max(self.counts[key, index - 1] + min(settled, 0), 0)

    def reset(self, key: int) -> None:
        self.counts = Counter({each: count for each, count in self.counts.items() if each[0] != key})


@dataclass
class GcraModel:
    """Virtual scheduling (ITU-T I.371 annex A) of units that come in a batch."""

    policy: Policy
    full_at: dict[int, Fraction] = field(default_factory=dict)

    @property
    def interval(self) -> Fraction:
        return Fraction(self.policy.window, self.policy.quota)

    def free(self, key: int, now: Fraction) -> Fraction:
        return self.policy.capacity - max(self.full_at.get(key, now) - now, Fraction(0)) / self.interval

    def settle(self, key: int, amount: int, now: Fraction) -> None:
        self.full_at[key] = max(max(self.full_at.get(key, now), now) + amount * self.interval, now)

    take = settle

    def reset(self, key: int) -> None:
        self.full_at.pop(key, None)


@dataclass
class InFlightModel:
    policy: Policy
    counts: Counter[int] = field(default_factory=Counter)

    def free(self, key: int, now: Fraction) -> Fraction:
        return Fraction(self.policy.quota - self.counts[key])

    def settle(self, key: int, amount: int, now: Fraction) -> None:
        self.counts[key] = max(self.counts[key] + amount, 0)

    take = settle

    def reset(self, key: int) -> None:
        self.counts.pop(key, None)


Model = SlidingModel | GcraModel | InFlightModel


def model_of(policy: Policy) -> Model:
    models = {"sliding": SlidingModel, "gcra": GcraModel, "concurrent": InFlightModel}
    model: Model = models[policy.algorithm](policy)
    return model


def check_free(model: Model, key: int, now: float, *, at_least: int | None = None, below: int | None = None) -> None:
    """Check what is free, as far as the rounding of floats lets one say it."""
    time = Fraction(now)
    if at_least is not None:
        assert max(model.free(key, time), model.free(key, time + ROUNDING)) >= at_least
    if below is not None:
        assert model.free(key, time) < below
