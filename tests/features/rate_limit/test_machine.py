"""Any sequence of calls, for several policies and keys at once, beside the slow models."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from perfkit.features.rate_limit import Decision, MemoryStore, Policy
from tests.features.rate_limit.models import ROUNDING, Clock, Model, check_free, model_of

# Of three shards; two in one of them.
KEYS = [1 << 63 | 7, 1 << 63 | 7 | 1 << 20, 1 << 63 | 40, 1 << 63 | 63]
keys = st.sampled_from(KEYS)
which = st.integers(0, 4)
costs = st.integers(0, 6)


class StoreBesideModels(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self.policies = [
            Policy("sliding", 5, 10, jitter=False),
            Policy("spread", 6, 64),
            Policy("gcra", 3, 7, "gcra", burst=4),
            Policy("slow", 5, 100, "gcra"),
            Policy("flying", 3, 0, "concurrent"),
        ]
        self.models: list[Model] = [model_of(policy) for policy in self.policies]
        for policy in self.policies:
            self.store.peek(policy, KEYS[0])
        self.told: float = 1.0

    @rule(seconds=st.integers(1, 8 * 70).map(lambda eighths: eighths / 8) | st.floats(0, 300))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def wait_as_told(self) -> None:
        self.clock.advance(self.told)

    @rule(index=which, key=keys, cost=costs)
    def take(self, index: int, key: int, cost: int) -> None:
        self.compare(index, key, cost, self.store.take(self.policies[index], key, cost))

    def compare(self, index: int, key: int, cost: int, decision: Decision) -> None:
        model, now = self.models[index], self.clock.now
        if decision.allowed:
            check_free(model, key, now, at_least=cost)
            model.take(key, cost, Fraction(now))
        else:
            check_free(model, key, now, below=cost)
            if decision.retry_after < 1e9:
                self.told = decision.retry_after

    @rule(chosen=st.lists(which, unique=True, min_size=2), key=keys, cost=costs)
    def take_all(self, chosen: list[int], key: int, cost: int) -> None:
        decisions = self.store.take_all([(self.policies[index], key, cost) for index in chosen])
        refused = [each for each in zip(chosen, decisions, strict=True) if not each[1].allowed]
        for index, decision in refused or zip(chosen, decisions, strict=True):
            self.compare(index, key, cost, decision)

    @rule(index=which, key=keys, amount=st.integers(-8, 30))
    def settle(self, index: int, key: int, amount: int) -> None:
        self.store.settle(self.policies[index], key, amount)
        self.models[index].settle(key, amount, Fraction(self.clock.now))

    @rule(index=which, key=keys)
    def reset(self, index: int, key: int) -> None:
        self.store.reset(self.policies[index], key)
        self.models[index].reset(key)

    @invariant()
    def what_remains_is_right(self) -> None:
        for policy, model in zip(self.policies, self.models, strict=True):
            for key in KEYS:
                standing = self.store.peek(policy, key)
                now = Fraction(self.clock.now)
                free = [max(int(model.free(key, time)), 0) for time in (now, now + ROUNDING)]
                assert min(free) <= standing.remaining <= max(free)

    @invariant()
    def no_more_is_kept_than_keys_in_two_generations(self) -> None:
        assert 0 <= self.store.size <= 4 * 2 * len(KEYS)


TestStoreBesideModels = StoreBesideModels.TestCase
TestStoreBesideModels.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
