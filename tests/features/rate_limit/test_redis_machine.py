"""Redis beside the store in this process: any sequence of calls gives the same decisions and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from perfkit.features.rate_limit import Decision, MemoryStore, Policy
from tests.features.rate_limit.models import Clock
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import Options, done, redis_store

KEYS = [1 << 63 | 7, 1 << 63 | 7 | 1 << 20, 1 << 63 | 40, 1 << 63 | 63]
FLYING = 4
keys = st.sampled_from(KEYS)
which = st.integers(0, 4)
costs = st.integers(0, 6)


class RedisBesideMemory(RuleBasedStateMachine):
    uri: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.memory = MemoryStore(clock=self.clock)
        self.redis = redis_store(self.uri, Options(store_options=self.options), self.clock)
        self.policies = [
            Policy("sliding", 5, 10, jitter=False),
            Policy("spread", 6, 64),
            Policy("gcra", 3, 7, "gcra", burst=4),
            Policy("slow", 5, 100, "gcra"),
            Policy("flying", 3, 0, "concurrent"),
        ]
        self.flying: Counter[tuple[int, int]] = Counter()
        self.told: float = 1.0
        for policy in self.policies:
            self.memory.peek(policy, KEYS[0])  # windows begin now

    def teardown(self) -> None:
        self.redis.close()

    @rule(seconds=st.integers(1, 8 * 7).map(lambda eighths: eighths / 8) | st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        # In this time leases are not renewed, so no more passes than they last.
        self.clock.advance(0 if self.flying else seconds * 10)
        self.clock.advance(min(seconds, 0.01))

    @rule()
    def wait_as_told(self) -> None:
        self.clock.advance(0 if self.flying else self.told)

    @rule(chosen=st.lists(which, unique=True, min_size=1), key=keys, cost=costs)
    def take_all(self, chosen: list[int], key: int, cost: int) -> None:
        hits = [(self.policies[index], key, cost) for index in chosen]
        expected, found = self.memory.take_all(hits), done(self.redis.take_all(hits))
        same(found, expected)
        self.told = max([1.0, *(each.retry_after for each in expected if each.retry_after < 1e9)])
        if FLYING in chosen and cost and all(each.allowed for each in expected):
            self.flying[key, cost] += 1

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.flying:
            key, cost = data.draw(st.sampled_from(sorted(self.flying)))
            self.flying -= Counter([(key, cost)])
            self.memory.release(self.policies[FLYING], key, cost)
            done(self.redis.release(self.policies[FLYING], key, cost))

    @rule(index=st.integers(0, 3), key=keys, amount=st.integers(-8, 30))
    def settle(self, index: int, key: int, amount: int) -> None:
        policy = self.policies[index]
        same([done(self.redis.settle(policy, key, amount))], [self.memory.settle(policy, key, amount)])

    @rule(index=which, key=keys)
    def reset(self, index: int, key: int) -> None:
        self.memory.reset(self.policies[index], key)
        done(self.redis.reset(self.policies[index], key))
        if index == FLYING:
            self.flying = Counter({each: count for each, count in self.flying.items() if each[0] != key})

    @rule(index=which, key=keys, cost=costs)
    def peek(self, index: int, key: int, cost: int) -> None:
        policy = self.policies[index]
        same([done(self.redis.peek(policy, key, cost))], [self.memory.peek(policy, key, cost)])

    @invariant()
    def both_know_the_same(self) -> None:
        for policy in self.policies:
            same([done(self.redis.peek(policy, KEYS[0]))], [self.memory.peek(policy, KEYS[0])])


def same(found: list[Decision], expected: list[Decision]) -> None:
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[2:] == pytest.approx(theirs[2:], abs=1e-7)


def test_redis_decides_as_the_store_in_this_process_does(redis_server: Server) -> None:
    machine = type("Machine", (RedisBesideMemory,), {"uri": redis_server.uri})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


@pytest.mark.parametrize(
    "policy", [Policy("s", 50, 10), Policy("g", 50, 10, "gcra")], ids=lambda policy: policy.algorithm
)
def test_it_does_so_at_any_time_in_a_window(redis_server: Server, policy: Policy) -> None:
    clock = Clock()
    memory, redis = MemoryStore(clock=clock), redis_store(redis_server.uri, clock=clock)
    for number in range(300):
        hits = [(policy, KEYS[0], number % 7)]
        same(done(redis.take_all(hits)), memory.take_all(hits))
        clock.advance(0.09)
    redis.close()
