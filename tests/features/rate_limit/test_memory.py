"""The store: all or nothing, what it forgets and when, what it does when full, threads, forks and clocks."""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeAlias

import pytest

from perfkit.features.rate_limit import MemoryStore, Policy
from perfkit.features.rate_limit._generations import SMALLEST
from tests.features.rate_limit.models import Clock

KEY = 1 << 63 | 12345
TIMED = pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
Timed: TypeAlias = Literal["sliding", "gcra"]


def key(number: int) -> int:
    return random.Random(number).getrandbits(63) | 1 << 63


# All or nothing


def test_several_policies_are_taken_together() -> None:
    store, burst, daily = MemoryStore(clock=Clock()), Policy("burst", 5, 1), Policy("daily", 100, 86_400)
    decisions = store.take_all([(burst, KEY, 1), (daily, KEY, 30)])
    assert [(each.allowed, each.remaining) for each in decisions] == [(True, 4), (True, 70)]


@pytest.mark.parametrize("refusing", [0, 1, 2])
def test_where_one_refuses_nothing_is_taken_of_the_others(refusing: int) -> None:
    store = MemoryStore(clock=Clock())
    policies = [Policy("a", 5, 60), Policy("b", 5, 60, "gcra"), Policy("c", 5, 0, "concurrent")]
    store.take(policies[refusing], KEY, 5)
    decisions = store.take_all([(policy, KEY, 1) for policy in policies])
    assert [each.allowed for each in decisions] == [index != refusing for index in range(3)]
    assert [each.remaining for each in decisions] == [0 if index == refusing else 5 for index in range(3)]
    assert [store.peek(policy, KEY).remaining for policy in policies] == [each.remaining for each in decisions]


def test_each_decision_is_for_its_own_cost() -> None:
    store = MemoryStore(clock=Clock())
    fast, slow = Policy("fast", 10, 10, "gcra"), Policy("slow", 10, 100, "gcra")
    store.take_all([(fast, KEY, 10), (slow, KEY, 10)])
    decisions = store.take_all([(fast, KEY, 2), (slow, KEY, 3)])
    assert [each.retry_after for each in decisions] == [2.0, 30.0]


def test_a_policy_twice_is_an_error_and_takes_nothing() -> None:
    store, policy = MemoryStore(clock=Clock()), Policy("a", 5, 60)
    with pytest.raises(ValueError, match="a policy can be asked once"):
        store.take_all([(policy, KEY, 1), (policy, KEY + 1, 1)])
    with pytest.raises(ValueError, match="a cost is 0 or more"):
        store.take_all([(policy, KEY, 1), (Policy("b", 5, 60), KEY, -1)])
    assert store.peek(policy, KEY).remaining == 5


def test_no_policies_at_all() -> None:
    assert MemoryStore(clock=Clock()).take_all([]) == []


def test_a_cost_of_nothing_keeps_nothing() -> None:
    store, policies = MemoryStore(clock=Clock()), [Policy("a", 5, 60), Policy("b", 5, 60, "gcra")]
    store.take(policies[0], KEY, 0)
    store.take_all([(policy, KEY, 0) for policy in policies])
    store.settle(policies[0], KEY, -1)
    store.settle(policies[1], KEY, -1)
    assert store.size == 0


def test_two_policies_alike_count_apart() -> None:
    store = MemoryStore(clock=Clock())
    store.take(Policy("a", 5, 60), KEY, 5)
    assert store.take(Policy("a", 5, 60), KEY, 5).allowed


# What is forgotten


@TIMED
def test_keys_expire_with_their_own_window(algorithm: Timed) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    short, long = Policy("short", 5, 2, algorithm), Policy("long", 5, 1000, algorithm)
    for number in range(100):
        store.take_all([(short, key(number), 1), (long, key(number), 5)])
    assert store.size == 200
    for _ in range(12):
        clock.advance(1)
        store.peek(short, KEY)
    assert store.size == 100
    assert not any(store.peek(long, key(number), 5).allowed for number in range(100))


@TIMED
def test_an_idle_store_keeps_nothing_after_a_while(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 5, 60, algorithm)
    store = MemoryStore(clock=clock)
    for number in range(5000):
        store.take(policy, key(number))
    clock.advance(121)
    store.take(policy, KEY)
    assert store.size <= 1


@TIMED
def test_generations_are_as_large_as_needed(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 5, 60, algorithm)
    store = MemoryStore(clock=clock)
    for round_ in range(3):
        for number in range(5000):
            store.take(policy, key(number))
            clock.advance(60 / 5000)
        assert 5000 <= store.size <= 10_000, round_
    for _ in range(4):
        clock.advance(60)
        store.take(policy, KEY)
        store.peek(policy, KEY)
    shards = store._meters[policy]._shards  # type: ignore[attr-defined]
    sizes = {len(each.values) for shard in shards for each in (shard.current, shard.previous)}
    assert sizes == {SMALLEST}


@TIMED
def test_a_key_takes_at_most_80_bytes_however_many_there_are(algorithm: Timed) -> None:
    policy, store = Policy("p", 5, 60, algorithm), MemoryStore(max_keys=10**6, clock=Clock())
    for number in range(60_000):
        store.take(policy, key(number))
        if number >= 10_000 and number % 2500 == 0:
            arrays = [
                array
                for shard in store._meters[policy]._shards  # type: ignore[attr-defined]
                for generation in (shard.current, shard.previous)
                for array in (generation.keys, generation.values)
            ]
            assert sum(map(sys.getsizeof, arrays)) / store.size <= 80


def test_a_policy_can_be_forgotten() -> None:
    store, policy = MemoryStore(clock=Clock()), Policy("p", 5, 60)
    store.take(policy, KEY, 5)
    store.forget(policy)
    store.forget(policy)
    store.reset(policy, KEY)
    assert store.size == 0
    assert store.take(policy, KEY, 5).allowed


# When it is full


@TIMED
def test_new_keys_share_buckets_when_the_store_is_full(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 5, 60, algorithm)
    store = MemoryStore(max_keys=100, clock=clock)
    admitted = sum(store.take(policy, key(number), 5).allowed for number in range(20_000))
    assert 100 + 1000 <= admitted <= 100 + 1024
    assert store.size == admitted
    assert store.overflowed == admitted - 100


@TIMED
def test_known_keys_keep_their_quota_when_the_store_is_full(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 100, 60, algorithm)
    store = MemoryStore(max_keys=100, clock=clock)
    known = [key(-number) for number in range(1, 51)]
    for each in known:
        store.take(policy, each, 1)
    for round_ in range(5):
        for number in range(2000):
            store.take(policy, key(number + 2000 * round_), 100)
        clock.advance(25)
        for each in known:
            assert store.take(policy, each, 1).remaining >= 90
    assert store.size <= 2 * 100 + 2 * 1024


def test_a_debt_makes_a_key_known() -> None:
    clock, policy = Clock(), Policy("p", 10, 60, "gcra")
    store = MemoryStore(max_keys=3, clock=clock)
    store.settle(policy, KEY, 100)
    clock.advance(200)
    for number in range(10):
        store.take(policy, key(number))
    assert not store.peek(policy, KEY).allowed


def test_reset_leaves_shared_buckets_alone() -> None:
    policy, store = Policy("p", 5, 60), MemoryStore(max_keys=0, clock=Clock())
    store.take(policy, KEY, 5)
    store.reset(policy, KEY)
    assert not store.take(policy, KEY).allowed
    assert not store.take(policy, KEY + 1024).allowed
    assert store.take(policy, KEY + 1).allowed


# Clocks


@TIMED
@pytest.mark.parametrize("step", [0.5, 3600.0, 1e9])
def test_a_clock_that_steps_back_stands_still(algorithm: Timed, step: float) -> None:
    clock, policy = Clock(2e9), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    store.take(policy, KEY, 10)
    clock.advance(-step)
    decision = store.take(policy, KEY, 5)
    assert not decision.allowed
    assert decision.retry_after <= 120
    clock.advance(decision.retry_after)
    assert store.take(policy, KEY, 5).allowed


@TIMED
@pytest.mark.parametrize("step", [3600.0, 1e12])
def test_a_clock_that_leaps_ahead_frees_one_quota(algorithm: Timed, step: float) -> None:
    clock, policy = Clock(), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    store.take(policy, KEY, 10)
    clock.advance(step)
    decision = store.take(policy, KEY, 10)
    assert decision.allowed
    assert 60 <= decision.reset_after <= 120
    assert not store.take(policy, KEY, 1).allowed
    clock.advance(120)
    assert store.take(policy, KEY, 10).allowed


# Threads and forks


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "policy",
    [Policy("p", 2000, 3600), Policy("p", 2000, 360_000, "gcra"), Policy("p", 2000, 0, "concurrent")],
    ids=lambda policy: policy.algorithm,
)
def test_eight_threads_take_exactly_the_quota(policy: Policy) -> None:
    store, other = MemoryStore(), Policy("other", 3000, 3600)

    def take(_: int) -> int:
        return sum(
            all(each.allowed for each in store.take_all([(policy, KEY, 1), (other, KEY, 1)])) for _ in range(500)
        )

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 2000
    assert store.peek(policy, KEY).remaining == 0
    assert store.peek(other, KEY).remaining == 1000


@pytest.mark.usefixtures("hasty")
def test_threads_that_add_keys_lose_none() -> None:
    store, policy = MemoryStore(), Policy("p", 5, 3600)

    def take(start: int) -> Counter[bool]:
        return Counter(store.take(policy, key(number), 5).allowed for number in range(start, start + 3000))

    with ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(take, [0, 0, 1000, 1000, 2000, 2000, 0, 2000]), Counter[bool]())
    assert total[True] == store.size == 5000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_decision_leaves_a_working_child() -> None:
    store, policy, flying = MemoryStore(), Policy("p", 10**9, 3600), Policy("f", 2, 0, "concurrent")
    store.take(policy, KEY, 10)
    store.take(flying, KEY, 2)
    stop = threading.Event()

    def take() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            store.take(policy, key(number % 5000))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                # In the child: what was counted is there, what is in flight is the parent's.
                right = 10**9 - store.peek(policy, KEY).remaining == 10 and store.take(flying, KEY, 2).allowed
                os._exit(0 if right else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not store.take(flying, KEY).allowed


def test_a_store_is_not_kept_alive() -> None:
    store = MemoryStore()
    gone = weakref.ref(store)
    del store
    gc.collect()
    assert gone() is None
