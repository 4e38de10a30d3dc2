"""Refusals of a shared store that are repeated without asking it: only while the store would refuse as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from perfkit.features.rate_limit import Decision, Policy
from perfkit.features.rate_limit._decision import AHEAD
from perfkit.features.rate_limit._redis import Redis
from perfkit.features.rate_limit._shared import SharedStore
from perfkit.features.rate_limit._shared_backend import Entry, Operation
from perfkit.features.rate_limit._shared_refusals import MOST, Refusals
from tests.features.rate_limit import visits
from tests.features.rate_limit.models import Clock
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import KEY, Options, done, redis_store

FAST = Policy("fast", 2, 1, jitter=False)
SLOW = Policy("slow", 5, 100, jitter=False)
GCRA = Policy("gcra", 3, 6, "gcra")


class Counting(Redis):
    """Redis, which counts what it is asked."""

    def __init__(self, uri: str, options: Options, clock: Clock) -> None:
        super().__init__(uri, options, clock)
        self.asked = 0

    def ask(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        self.asked += 1
        return super().ask(operation, entries)


class Process:
    """One process of several that share a store, with the clock of all of them."""

    def __init__(self, uri: str, options: Options, clock: Clock) -> None:
        self.backend = Counting(uri, options, clock)
        self.store = SharedStore(uri, options, backend=self.backend, clock=clock)

    def take(self, *hits: tuple[Policy, int, int]) -> list[Decision]:
        return done(self.store.take_all(list(hits)))

    def asks(self, *hits: tuple[Policy, int, int]) -> bool:
        """Whether the server is asked."""
        before = self.backend.asked
        self.take(*hits)
        return self.backend.asked > before


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def process(redis_server: Server, clock: Clock):
    process = Process(redis_server.uri, Options(repeat_refusals=2.0), clock)
    yield process
    process.store.close()


class TestRepeated:
    def test_without_a_round_trip_for_as_long_as_said(self, process: Process, clock: Clock) -> None:
        process.take((SLOW, KEY, 5))
        refused = process.take((SLOW, KEY, 1))
        assert not refused[0].allowed
        clock.advance(0.5)
        before = process.backend.asked
        repeated = process.take((SLOW, KEY, 1))
        assert process.backend.asked == before
        expected = done(process.store.peek(SLOW, KEY))
        assert repeated[0][:2] == expected[:2]
        assert repeated[0][2:] == pytest.approx(expected[2:], abs=1e-6)
        clock.advance(1.5)
        assert process.asks((SLOW, KEY, 1))
        assert not process.asks((SLOW, KEY, 1))

    def test_never_longer_than_the_store_refuses(self, process: Process, clock: Clock) -> None:
        process.take((FAST, KEY, 2))
        wait = process.take((FAST, KEY, 1))[0].retry_after
        assert wait < 2.0
        clock.advance(wait - 0.001)
        assert not process.asks((FAST, KEY, 1))
        clock.advance(0.001 - AHEAD)
        assert process.take((FAST, KEY, 1))[0].allowed

    def test_until_one_of_those_that_refuse_would_admit(self, process: Process, clock: Clock) -> None:
        process.take((FAST, KEY, 2), (SLOW, KEY, 2))
        process.take((SLOW, KEY, 3))
        refused = process.take((FAST, KEY, 1), (SLOW, KEY, 1))
        clock.advance(refused[0].retry_after)
        assert [each.allowed for each in process.take((FAST, KEY, 1), (SLOW, KEY, 1))] == [True, False]

    def test_what_can_never_be_admitted(self, process: Process) -> None:
        assert process.asks((SLOW, KEY, 6))
        assert not process.asks((SLOW, KEY, 6))
        assert process.take((SLOW, KEY, 6))[0].retry_after == float("inf")

    def test_with_the_others_of_the_request_as_they_stood(self, process: Process) -> None:
        process.take((GCRA, KEY, 3))
        first = process.take((SLOW, KEY, 1), (GCRA, KEY, 1))
        assert not process.asks((SLOW, KEY, 1), (GCRA, KEY, 1))
        repeated = process.take((SLOW, KEY, 1), (GCRA, KEY, 1))
        assert [each[:2] for each in repeated] == [each[:2] for each in first] == [(True, 5), (False, 0)]

    def test_only_for_the_same_question(self, process: Process) -> None:
        process.take((SLOW, KEY, 4))
        process.take((SLOW, KEY, 2))
        assert process.asks((SLOW, KEY, 1))
        assert process.asks((SLOW, KEY + 1, 2))
        assert process.asks((SLOW, KEY, 2), (GCRA, KEY, 1))

    @pytest.mark.parametrize("policy", [Policy("f", 1, 0, "concurrent"), Policy("c", 1, 60, refunded=True)])
    def test_not_where_units_are_given_back_all_the_time(self, process: Process, policy: Policy) -> None:
        process.take((policy, KEY, 1))
        assert not process.take((policy, KEY, 1))[0].allowed
        assert process.asks((policy, KEY, 1))

    def test_not_where_it_is_off(self, redis_server: Server, clock: Clock) -> None:
        process = Process(redis_server.uri, Options(), clock)
        process.take((SLOW, KEY, 5))
        assert [process.asks((SLOW, KEY, 1)) for _ in range(2)] == [True, True]
        process.store.close()


class TestForgotten:
    def test_when_this_process_gives_back_or_resets(self, process: Process, clock: Clock) -> None:
        process.take((SLOW, KEY, 5))
        process.take((SLOW, KEY, 1))
        done(process.store.settle(SLOW, KEY, -1))
        assert process.take((SLOW, KEY, 1))[0].allowed
        clock.advance(0.1)
        process.take((SLOW, KEY, 1))
        assert not process.asks((SLOW, KEY, 1))
        done(process.store.reset(SLOW, KEY))
        assert process.take((SLOW, KEY, 1))[0].allowed

    def test_when_a_question_was_on_its_way_meanwhile(self, process: Process, clock: Clock) -> None:
        process.take((SLOW, KEY, 5))
        asked_at, refused = clock(), process.take((SLOW, KEY, 1))
        clock.advance(0.1)
        done(process.store.settle(SLOW, KEY, -5))
        process.store._refusals.note([(SLOW, KEY, 1)], refused, asked_at)  # whose answer comes last
        assert process.take((SLOW, KEY, 1))[0].allowed

    def test_what_another_process_gives_back_counts_after_so_many_seconds(
        self, process: Process, redis_server: Server, clock: Clock
    ) -> None:
        process.take((SLOW, KEY, 5))
        process.take((SLOW, KEY, 1))
        done(process.store._ask("settle", [Entry(SLOW, KEY + 1, 0)]))  # another key says nothing
        process.backend._client.delete(process.backend.key_of(SLOW, KEY))
        assert not process.take((SLOW, KEY, 1))[0].allowed
        clock.advance(2.0)
        assert process.take((SLOW, KEY, 1))[0].allowed

    def test_all_when_there_are_too_many(self, clock: Clock) -> None:
        refusals = Refusals(2.0, clock)
        refused = [Decision(False, 0, 9.0, 9.0)]
        for number in range(3 * MOST):
            refusals.note([(SLOW, KEY + number, 1)], refused, clock())
            assert len(refusals._known) <= MOST
        assert refusals.find([(SLOW, KEY + 3 * MOST - 1, 1)]) == refused
        assert refusals.find([(SLOW, KEY, 1)]) is None
        for number in range(3 * MOST):
            refusals.changed(KEY + number)
        assert len(refusals._known) <= MOST


class TestFeature:
    def test_a_flood_of_one_client_costs_no_round_trips(self, redis_server: Server) -> None:
        feature = visits.limited(
            visits.rule("2/hour"),
            visits.rule("1/hour", "trial", shadow=True),
            store=redis_server.uri,
            namespace=Options().namespace,
            store_timeout=20,
            repeat_refusals=5,
        )
        assert visits.statuses(feature, 3) == [200, 200, 429]
        before = redis_server.client().info("commandstats")["cmdstat_evalsha"]["calls"]
        found = [visits.visit(feature) for _ in range(50)]
        assert redis_server.client().info("commandstats")["cmdstat_evalsha"]["calls"] - before <= 2
        assert {exchange.status for exchange in found} == {429}
        assert all(int(exchange.header("Retry-After") or "") > 0 for exchange in found)
        feature.store.close()  # type: ignore[attr-defined]

    def test_every_refusal_counts_for_a_ban(self, redis_server: Server) -> None:
        feature = visits.limited(
            visits.rule("1/hour", ban={"after": 3, "for": 900}),
            store=redis_server.uri,
            namespace=Options().namespace,
            store_timeout=20,
            repeat_refusals=5,
        )
        results = [visits.visit(feature).outcome.result for _ in range(7)]
        assert results == ["allowed", "refused", "refused", "banned", "banned", "banned", "banned"]
        feature.store.close()  # type: ignore[attr-defined]

    def test_what_another_process_gives_back_of_a_response_that_does_not_count_counts_at_once(
        self, redis_server: Server
    ) -> None:
        namespace = Options().namespace
        one, other = (
            visits.limited(
                visits.rule("1/hour", count_when="5xx"),
                store=redis_server.uri,
                namespace=namespace,
                store_timeout=20,
                repeat_refusals=5,
            )
            for _ in range(2)
        )
        assert visits.visit(one, app=lambda _: visits.statuses(other, 1) == [429] or None).status == 200
        assert visits.statuses(other, 2) == [200, 200]
        for feature in (one, other):
            feature.store.close()  # type: ignore[attr-defined]


KEYS = [1 << 63 | 7, 1 << 63 | 40]


class NeverMoreThanTheStore(RuleBasedStateMachine):
    """Processes that repeat refusals, beside the store itself at the same time. No process gives back but its own."""

    uri: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(500.0)
        options = Options(repeat_refusals=2.0)
        self.processes = [Process(self.uri, options, self.clock) for _ in range(2)]
        self.store = redis_store(self.uri, options, self.clock)
        self.policies = [
            Policy("fast", 3, 2, jitter=False),
            Policy("spread", 6, 64),
            Policy("gcra", 3, 7, "gcra", burst=4),
            Policy("slow", 5, 100, "gcra"),
        ]
        self.told = 1.0

    def teardown(self) -> None:
        for each in [*(process.store for process in self.processes), self.store]:
            each.close()

    @rule(seconds=st.integers(1, 32).map(lambda eighths: eighths / 8) | st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def wait_as_told(self) -> None:
        self.clock.advance(self.told)

    @rule(
        which=st.integers(0, 1),
        chosen=st.lists(st.integers(0, 3), unique=True, min_size=1, max_size=3),
        key=st.sampled_from(KEYS),
        cost=st.integers(0, 7),
        times=st.integers(1, 4),
    )
    def take(self, which: int, chosen: list[int], key: int, cost: int, times: int) -> None:
        hits = [(self.policies[index], key, cost) for index in chosen]
        for _ in range(times):
            admitted = all(done(self.store.peek(*hit)).allowed for hit in hits)
            decisions = self.processes[which].take(*hits)
            assert all(each.allowed for each in decisions) is admitted
            waits = [each.retry_after for each in decisions if each.retry_after < 1e9]
            self.told = max([0.0, *waits]) or 1.0

    @rule(index=st.integers(0, 3), key=st.sampled_from(KEYS), amount=st.integers(0, 9))
    def charge(self, index: int, key: int, amount: int) -> None:
        done(self.processes[0].store.settle(self.policies[index], key, amount))

    @rule(index=st.integers(0, 3), key=st.sampled_from(KEYS), amount=st.integers(-9, -1))
    def give_back(self, index: int, key: int, amount: int) -> None:
        # What the others know of the key is too old at once.
        self.processes[1].store._refusals.changed(key)
        done(self.processes[0].store.settle(self.policies[index], key, amount))

    @rule(index=st.integers(0, 3), key=st.sampled_from(KEYS))
    def reset(self, index: int, key: int) -> None:
        self.processes[1].store._refusals.changed(key)
        done(self.processes[0].store.reset(self.policies[index], key))


def test_nothing_is_refused_that_the_store_would_admit(redis_server: Server) -> None:
    machine = type("Machine", (NeverMoreThanTheStore,), {"uri": redis_server.uri})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
