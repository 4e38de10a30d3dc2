"""When a store is left alone, who asks whether it is back, and what the log says."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from perfkit.features.rate_limit._breaker import Breaker
from tests.features.rate_limit.models import Clock

if TYPE_CHECKING:
    import pytest

ERROR = TimeoutError("no answer")


def breaker(clock: Clock, failures: int = 3, pause: float = 10.0) -> Breaker:
    return Breaker("redis://there", failures, pause, clock)


def fail(breaker: Breaker, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        clock.advance(0.001)
        started = breaker.started()
        clock.advance(0.05)
        breaker.failed(started, ERROR)


def test_a_store_is_asked_until_it_fails_so_often_in_a_row() -> None:
    clock = Clock()
    subject = breaker(clock)
    fail(subject, clock, 2)
    assert subject.admits()
    subject.succeeded()
    fail(subject, clock, 2)
    assert subject.admits()
    fail(subject, clock)
    assert not subject.admits()
    assert (subject.errors, subject.skipped, subject.openings) == (5, 1, 1)


def test_failures_at_the_same_time_are_one() -> None:
    clock = Clock()
    subject = breaker(clock)
    started = [subject.started() for _ in range(100)]
    clock.advance(0.05)
    for each in started:
        subject.failed(each, ERROR)
    assert subject.admits()
    assert subject.errors == 100


def test_one_request_asks_after_the_pause_and_the_others_wait_for_it() -> None:
    clock = Clock()
    subject = breaker(clock)
    fail(subject, clock, 3)
    clock.advance(9.9)
    assert not subject.admits()
    clock.advance(0.2)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: subject.admits(), range(100))) == 1


def test_a_probe_that_fails_begins_another_pause() -> None:
    clock = Clock()
    subject = breaker(clock)
    fail(subject, clock, 3)
    clock.advance(10)
    assert subject.admits()
    fail(subject, clock)
    clock.advance(9.9)
    assert not subject.admits()
    clock.advance(0.2)
    assert subject.admits()
    assert subject.openings == 1


def test_a_probe_that_succeeds_lets_all_ask() -> None:
    clock = Clock()
    subject = breaker(clock)
    fail(subject, clock, 3)
    clock.advance(10)
    assert subject.admits()
    was_open = subject.is_open
    subject.succeeded()
    assert (was_open, subject.is_open) == (True, False)
    assert all(subject.admits() for _ in range(10))
    fail(subject, clock, 2)
    assert subject.admits()


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    clock = Clock()
    subject = breaker(clock)
    fail(subject, clock, 3)
    clock.advance(10)
    assert subject.admits()
    clock.advance(10)
    assert subject.admits()
    assert not subject.admits()


def test_the_log_has_one_line_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "perfkit")
    clock = Clock()
    subject = breaker(clock)
    for _ in range(2):
        fail(subject, clock, 3)
        for _ in range(5):
            clock.advance(10)
            assert subject.admits()
            fail(subject, clock)
            assert not any(subject.admits() for _ in range(100))
        subject.succeeded()
        subject.succeeded()
        fail(subject, clock)
        subject.succeeded()
    lost, back, *_ = messages = [record.getMessage() for record in caplog.records]
    assert messages == [lost, back] * 2
    assert lost.startswith("The rate limit store redis://there does not answer (TimeoutError: no answer).")
    assert "every 10 s" in lost
    assert back == "The rate limit store redis://there answers again."
