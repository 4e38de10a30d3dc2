"""What is admitted, beside exact oracles, and the figures that go with it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.features.rate_limit import MemoryStore, Policy, whole_seconds
from perfkit.features.rate_limit._rates import MAX_WINDOW
from tests.features.rate_limit.models import ROUNDING, Clock, check_free, model_of

KEY = 1 << 63 | 12345
# No deadline: the machine may be busy.
unhurried = settings(max_examples=200, deadline=None)
BOTH = pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
Timed = Literal["sliding", "gcra"]

windows = st.sampled_from([1, 7, 60, 3600, 86_400, 31_536_000, 315_360_000])
# Seconds: thirty years. Some centuries on, floats are further apart than decisions look ahead.
LONG = 1e9
starts = st.sampled_from([0.0, 0.1, 12_345.678, 3e7 + 1 / 3])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    algorithm: Timed = draw(st.sampled_from(["sliding", "gcra"]))
    quota = draw(st.integers(1, 20) | st.sampled_from([100, 100_000, *[1_000_000] * (algorithm == "sliding")]))
    window = draw(windows)
    most = min(30, MAX_WINDOW * quota // window)
    burst = draw(st.none() | st.integers(1, most)) if algorithm == "gcra" else None
    return Policy("p", quota, window, algorithm, burst=burst, jitter=draw(st.booleans()))


# Parts of a window to wait before each request, and what part of the capacity it costs.
requests = st.lists(st.tuples(st.floats(0, 2.5), st.floats(0, 1)), min_size=1, max_size=40)


@given(policies(), requests)
@unhurried
def test_admits_exactly_what_the_definition_admits(policy: Policy, requests: list[tuple[float, float]]) -> None:
    clock, model = Clock(), model_of(policy)
    store = MemoryStore(clock=clock)
    store.peek(policy, KEY)  # windows begin with the first use of a policy
    for wait, part in requests:
        clock.advance(wait * policy.window / 4)
        cost = round(part * policy.capacity)
        decision = store.take(policy, KEY, cost)
        if decision.allowed:
            check_free(model, KEY, clock.now, at_least=cost)
            model.take(KEY, cost, Fraction(clock.now))
        else:
            check_free(model, KEY, clock.now, below=cost)
        check_free(model, KEY, clock.now, at_least=decision.remaining, below=decision.remaining + 1)


@given(policies(), starts, requests)
@unhurried
def test_a_client_that_waits_as_told_is_admitted(
    policy: Policy, start: float, requests: list[tuple[float, float]]
) -> None:
    clock = Clock(start)
    store = MemoryStore(clock=clock)
    for index, (wait, part) in enumerate(requests):
        clock.advance(wait * policy.window / 50)
        cost = round(part * policy.capacity)
        decision = store.take(policy, KEY, cost)
        if clock.now + decision.reset_after > LONG:
            return
        if not decision.allowed:
            assert decision.retry_after > 0
            rounded = whole_seconds(decision.retry_after)
            assert rounded is not None
            clock.advance(rounded if index % 2 else decision.retry_after)
            assert store.take(policy, KEY, cost).allowed


@given(policies(), requests)
@unhurried
def test_no_client_is_told_to_wait_longer_than_needed(policy: Policy, requests: list[tuple[float, float]]) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    for wait, part in requests:
        clock.advance(wait * policy.window / 50)
        cost = round(part * policy.capacity)
        decision = store.take(policy, KEY, cost)
        if not decision.allowed and decision.retry_after > 1e-3:
            clock.advance(decision.retry_after - 1e-4)
            assert not store.peek(policy, KEY, cost).allowed


@given(policies(), requests)
@unhurried
def test_what_is_said_to_remain_can_be_taken(policy: Policy, requests: list[tuple[float, float]]) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    for wait, part in requests:
        clock.advance(wait * policy.window / 50)
        decision = store.take(policy, KEY, round(part * policy.capacity))
        assert store.peek(policy, KEY, decision.remaining).allowed
        assert store.peek(policy, KEY, 0).remaining == decision.remaining


@given(policies(), requests)
@unhurried
def test_after_reset_the_whole_quota_is_free(policy: Policy, requests: list[tuple[float, float]]) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    for wait, part in requests:
        clock.advance(wait * policy.window / 50)
        store.take(policy, KEY, round(part * policy.capacity))
    clock.advance(store.peek(policy, KEY).reset_after)
    assert store.peek(policy, KEY, policy.capacity).allowed
    assert store.peek(policy, KEY).reset_after <= policy.window * 1e-6


# The bounds, from a log of what was admitted.


def log_of(policy: Policy, requests: list[tuple[float, float]]) -> list[tuple[Fraction, int]]:
    clock = Clock()
    store = MemoryStore(clock=clock)
    log = []
    for wait, part in requests:
        clock.advance(wait * policy.window / 20)
        cost = 1 + int(part * policy.capacity / 2)
        if store.take(policy, KEY, cost).allowed:
            log.append((Fraction(clock.now), cost))
    return log


@given(policies().filter(lambda each: each.algorithm == "sliding"), requests)
@unhurried
def test_sliding_admits_less_than_two_quotas_in_any_time_as_long_as_a_window(
    policy: Policy, requests: list[tuple[float, float]]
) -> None:
    log = log_of(policy, requests)
    for end, _ in log:
        start = end - policy.window + ROUNDING
        assert sum(cost for time, cost in log if start < time <= end) < 2 * policy.quota


@given(policies().filter(lambda each: each.algorithm == "gcra"), requests)
@unhurried
def test_gcra_admits_no_more_than_a_burst_and_the_refill_in_any_time(
    policy: Policy, requests: list[tuple[float, float]]
) -> None:
    log = log_of(policy, requests)
    rate = Fraction(policy.quota, policy.window)
    for index, (start, _) in enumerate(log):
        taken = 0
        for time, cost in log[index:]:
            taken += cost
            assert taken <= policy.capacity + (time - start + ROUNDING) * rate


# By example.


def test_the_sliding_counter_counts_the_window_before_by_what_is_left_of_it() -> None:
    clock, policy = Clock(), Policy("p", 10, 60, jitter=False)
    store = MemoryStore(clock=clock)
    assert store.take(policy, KEY, 10) == (True, 0, 120.0, 0.0)
    assert store.take(policy, KEY, 1) == (False, 0, 120.0, 66.0)
    clock.advance(75)  # a quarter of the next window
    assert store.take(policy, KEY, 3) == (False, 2, 45.0, 3.0)
    assert store.take(policy, KEY, 2) == (True, 0, 105.0, 0.0)


def test_gcra_refills_evenly() -> None:
    clock, policy = Clock(), Policy("p", 60, 60, "gcra", burst=10)
    store = MemoryStore(clock=clock)
    assert store.take(policy, KEY, 10) == (True, 0, 10.0, 0.0)
    assert store.take(policy, KEY) == (False, 0, 10.0, 1.0)
    assert store.take(policy, KEY, 4) == (False, 0, 10.0, 4.0)
    clock.advance(4)
    assert store.take(policy, KEY, 4) == (True, 0, 10.0, 0.0)


def test_requests_in_flight_are_given_back() -> None:
    policy, store = Policy("p", 2, 0, "concurrent"), MemoryStore(clock=Clock())
    assert store.take(policy, KEY) == (True, 1, 0.0, 0.0)
    assert store.take(policy, KEY) == (True, 0, 0.0, 0.0)
    assert store.take(policy, KEY) == (False, 0, 0.0, 1.0)
    store.release(policy, KEY)
    assert store.take(policy, KEY).allowed
    store.release(policy, KEY, 2)
    store.release(policy, KEY)  # one too many
    assert store.peek(policy, KEY).remaining == 2


@pytest.mark.parametrize(
    "policy", [Policy("p", 5, 60), Policy("p", 9, 60, "gcra", burst=5), Policy("p", 5, 0, "concurrent")]
)
@pytest.mark.parametrize("cost", [6, 10**400, float("inf"), float("nan")])
def test_a_cost_above_the_capacity_is_never_admitted_and_takes_nothing(policy: Policy, cost: int) -> None:
    store = MemoryStore(clock=Clock())
    decision = store.take(policy, KEY, cost)
    assert decision == (False, 5, 0.0, math.inf)
    assert whole_seconds(decision.retry_after) is None
    assert store.take(policy, KEY, 5).allowed


@pytest.mark.parametrize("policy", [Policy("p", 5, 60), Policy("p", 5, 60, "gcra"), Policy("p", 5, 0, "concurrent")])
def test_a_cost_below_nothing_is_an_error(policy: Policy) -> None:
    store = MemoryStore(clock=Clock())
    with pytest.raises(ValueError, match=r"a cost of -1: a cost is 0 or more; settle\(\) gives back"):
        store.take(policy, KEY, -1)
    assert store.peek(policy, KEY).remaining == 5


@BOTH
def test_a_denied_hit_takes_nothing(algorithm: Timed) -> None:
    policy, store = Policy("p", 10, 60, algorithm), MemoryStore(clock=Clock())
    store.take(policy, KEY, 8)
    assert not store.take(policy, KEY, 5).allowed
    assert store.take(policy, KEY, 2).allowed


@BOTH
def test_a_cost_of_nothing_is_refused_only_in_debt(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    store.take(policy, KEY, 10)
    assert store.take(policy, KEY, 0).allowed
    assert not store.settle(policy, KEY, 1).allowed
    assert not store.take(policy, KEY, 0).allowed
    assert store.size == 1


@BOTH
def test_a_cost_settled_after_the_response_is_a_debt_until_it_is_paid(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    store.take(policy, KEY)
    store.settle(policy, KEY, 14)
    decision = store.take(policy, KEY)
    assert (decision.allowed, decision.remaining) == (False, 0)
    clock.advance(decision.retry_after - 0.01)
    assert not store.take(policy, KEY).allowed
    clock.advance(0.01)
    assert store.take(policy, KEY).allowed


def test_gcra_keeps_a_debt_for_longer_than_what_is_taken() -> None:
    clock, policy = Clock(), Policy("p", 10, 60, "gcra")
    store = MemoryStore(clock=clock)
    store.settle(policy, KEY, 100)  # ten minutes
    for _ in range(53):
        clock.advance(10)
        assert not store.take(policy, KEY).allowed
    clock.advance(16)
    assert store.take(policy, KEY).allowed


def test_a_long_debt_that_was_given_back_does_not_return() -> None:
    clock, policy = Clock(), Policy("p", 10, 60, "gcra")
    store = MemoryStore(clock=clock)
    store.settle(policy, KEY, 100)
    store.settle(policy, KEY, -100)
    for _ in range(3):
        clock.advance(70)
        assert store.peek(policy, KEY).remaining == 10


def test_long_debts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfkit.features.rate_limit._gcra.MAX_DEBTS", 2)
    clock, policy = Clock(), Policy("p", 10, 60, "gcra")
    store = MemoryStore(clock=clock)
    for index in range(3):
        store.settle(policy, KEY + 64 * index, 100)
    clock.advance(300)
    assert [store.peek(policy, KEY + 64 * index).allowed for index in range(3)] == [False, False, True]
    clock.advance(400)
    store.settle(policy, KEY, 100)
    store.settle(policy, KEY + 64, 100)
    clock.advance(300)
    assert not store.peek(policy, KEY + 64).allowed


@BOTH
def test_what_is_settled_may_be_any_number(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    assert not store.settle(policy, KEY, 10**400).allowed
    assert store.settle(policy, KEY, -(10**400)) == (True, 10, 0.0, 0.0)


@BOTH
def test_a_refund_gives_back_no_more_than_was_taken(algorithm: Timed) -> None:
    policy, store = Policy("p", 10, 60, algorithm), MemoryStore(clock=Clock())
    store.take(policy, KEY, 3)
    assert store.settle(policy, KEY, -2).remaining == 9
    assert store.settle(policy, KEY, -5).remaining == 10


def test_a_refund_reaches_into_the_window_before() -> None:
    clock, policy = Clock(), Policy("p", 10, 60, jitter=False)
    store = MemoryStore(clock=clock)
    store.take(policy, KEY, 8)
    clock.advance(60)
    store.take(policy, KEY, 2)
    store.settle(policy, KEY, -4)  # 2 of this window, 2 of the one before
    clock.advance(30)
    assert store.peek(policy, KEY).remaining == 7


@BOTH
def test_reset_forgets_one_key(algorithm: Timed) -> None:
    clock, policy = Clock(), Policy("p", 10, 60, algorithm)
    store = MemoryStore(clock=clock)
    for key in (KEY, KEY + 1):
        store.settle(policy, key, 100)
        clock.advance(1)
    clock.advance(60)
    for key in (KEY, KEY + 1):
        store.settle(policy, key, 1)
    store.reset(policy, KEY)
    assert store.peek(policy, KEY).remaining == 10
    assert store.peek(policy, KEY + 1).remaining == 0
    assert not store.peek(policy, KEY + 1).allowed


def test_windows_of_different_keys_begin_at_different_times() -> None:
    clock, policy = Clock(), Policy("p", 10, 64)
    store = MemoryStore(clock=clock)
    resets = {store.take(policy, 1 << 63 | key).reset_after for key in range(64)}
    assert resets == {64.0 + step for step in range(1, 65)}


def test_a_refund_counts_for_what_the_generation_before_remembers() -> None:
    policy, clock = Policy("p", 5, 100, "gcra"), Clock()
    store = MemoryStore(clock=clock)
    for start in range(0, 200, 5):  # a generation turns somewhere in between
        store.reset(policy, KEY)
        clock.advance(5 + start % 3)
        store.settle(policy, KEY, 3)
        clock.advance(55)
        assert store.settle(policy, KEY, -1)[:2] == (True, 5)
