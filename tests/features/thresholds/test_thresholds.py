"""What is said, when, how often, and of which requests."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from perfkit import Stack, Thresholds
from perfkit.asgi import PerfkitMiddleware
from perfkit.errors import IncompleteResponseError
from perfkit.feature import Position
from perfkit.features.thresholds import Report
from perfkit.features.thresholds._window import BOUNDS, Window
from tests.features.clock import Clock
from tests.features.thresholds.visits import Watched, visit

EVENTS = {"Content-Type": "text/event-stream; charset=utf-8"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "perfkit.thresholds")
    return caplog


# When a limit is broken


@pytest.mark.parametrize(("percentile", "allowed"), [("p50", 50), ("p95", 5), ("p99", 1)])
def test_a_percentile_is_broken_by_one_request_more_than_it_allows(clock: Clock, percentile: str, allowed: int) -> None:
    watched = Watched(clock, **{percentile: "300ms"})
    watched.visit(1, times=100 - allowed)
    watched.visit(400, times=allowed)
    assert watched.said == []
    watched.visit(400)
    assert watched.said == [(percentile, True)]


def test_what_is_measured_of_a_broken_limit_is_above_it(clock: Clock) -> None:
    # In the same bucket as the limit, whose middle is below both.
    bound = BOUNDS[160]
    watched = Watched(clock, p50=bound * 0.998)
    watched.visit(bound * 999, times=20)
    [report] = watched.reports
    assert report.measured == pytest.approx(bound * 0.999, rel=0.025)
    assert report.measured >= report.allowed


@pytest.mark.parametrize("status", [500, 503, 599])
def test_the_error_rate_is_the_share_of_statuses_from_500_up(clock: Clock, status: int) -> None:
    watched = Watched(clock, error_rate="5%")
    watched.visit(times=95)
    watched.visit(status=status, times=5)
    assert watched.said == []
    watched.visit(status=status)
    [report] = watched.reports
    assert (report.limit, report.measured, report.allowed) == ("error_rate", 6 / 101, 0.05)


@pytest.mark.parametrize(
    ("status", "error", "disconnected", "fails"),
    [
        (200, None, False, False),
        (404, None, False, False),
        (429, None, False, False),
        (500, None, False, True),
        (500, ValueError(), False, True),
        (200, ValueError(), False, True),  # after the response had begun
        (0, ValueError(), False, True),
        (0, IncompleteResponseError(), False, True),
        (200, IncompleteResponseError(), True, False),  # the client had enough
        (0, asyncio.CancelledError(), False, False),
        (0, GeneratorExit(), False, False),
        (200, ConnectionResetError(), True, False),
    ],
)
def test_what_is_a_failure(
    clock: Clock, status: int, error: BaseException | None, disconnected: bool, fails: bool
) -> None:
    watched = Watched(clock, error_rate=0, minimum=1)
    watched.visit(status=status, error=error, disconnected=disconnected)
    assert bool(watched.said) is fails


def test_a_single_slow_request_needs_no_others(clock: Clock) -> None:
    watched = Watched(clock, slow="2s")
    watched.visit(1900)
    assert watched.said == []
    watched.visit(2100, route="/books/{id}")
    [report] = watched.reports
    assert report.measured == pytest.approx(2.1)
    assert report[3:] == (2.0, 1, 300.0, "warning", True, "/books/{id}")


def test_nothing_is_said_of_too_few(clock: Clock) -> None:
    watched = Watched(clock, p95="10ms", error_rate="1%", minimum=50)
    watched.visit(100, status=500, times=49)
    assert watched.said == []
    watched.visit(100, status=500)
    assert watched.said == [("p95", True), ("error_rate", True)]


def test_event_streams_do_not_count_as_slow_and_can_fail(clock: Clock) -> None:
    watched = Watched(clock, p50="1s", slow="1s", error_rate="30%", window="2h", cooldown="2h")
    watched.visit(60_000, headers=EVENTS, times=30)
    assert watched.said == []
    watched.visit(1, times=25)
    assert watched.said == []
    watched.visit(60_000, headers=EVENTS, error=ValueError(), times=30)
    assert watched.said == [("error_rate", True)]


@pytest.mark.parametrize(("kind", "streams"), [("text/csv", True), ("Text/CSV; charset=x", True), ("text/html", False)])
def test_other_streams_can_be_named(clock: Clock, kind: str, streams: bool) -> None:
    reports: list[Report] = []
    feature = Thresholds(rules=[{"name": "all", "slow": 1}], streams=["text/csv"], on_breach=reports.append)
    visit(feature, clock, 2000, headers={"Content-Type": kind})
    assert bool(reports) is not streams


def test_websockets_are_not_seen() -> None:
    assert Stack([Thresholds(rules=[{"name": "a", "slow": 1}])]).websocket is None


def test_old_requests_leave_the_window(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", minimum=10, window="1m")
    watched.visit(100, times=9)
    watched.wait(61)
    watched.visit(100, times=9)
    assert watched.said == []
    watched.visit(100)
    assert watched.said == [("p50", True)]


# How often it is said


def test_a_breach_is_said_once_in_the_cooldown(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", cooldown="2m")
    watched.visit(100, times=100)
    assert watched.said == [("p50", True)]
    watched.wait(120)
    watched.visit(100, times=100)
    assert watched.said == [("p50", True)]


def test_slow_requests_are_said_once_in_the_cooldown_and_counted(clock: Clock) -> None:
    watched = Watched(clock, slow="1s", cooldown="1m")
    watched.visit(1500, times=10)
    watched.wait(60)
    watched.visit(1500)
    assert [report.requests for report in watched.reports] == [1, 10]


def test_limits_and_rules_have_cooldowns_of_their_own(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", p99="20ms", slow="50ms", minimum=2)
    watched.visit(100, times=3)
    assert watched.said == [("slow", True), ("p50", True), ("p99", True)]


def test_the_end_of_a_breach_is_said_once(clock: Clock) -> None:
    watched = Watched(clock, error_rate="10%", minimum=10)
    watched.visit(status=500, times=10)
    watched.visit(times=100)
    assert watched.said == [("error_rate", True), ("error_rate", False)]


def test_a_breach_ends_when_its_requests_are_too_old(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms")
    watched.visit(100, times=20)
    assert watched.said == [("p50", True)]
    watched.wait(600)
    watched.visit(1)
    assert watched.said == [("p50", False)]


def test_a_limit_that_flaps_is_said_once_in_the_cooldown(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", minimum=1, window="10s", cooldown="10m")
    for _ in range(10):
        watched.visit(100)
        watched.wait(20)
        watched.visit(1)
        watched.wait(20)
    assert watched.said == [("p50", True), ("p50", False)]


def test_a_breach_that_began_in_the_cooldown_is_said_after_it(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", minimum=1, window="10s", cooldown="1m")
    watched.visit(100)
    watched.wait(20)
    watched.visit(1)
    watched.visit(100, times=5)
    assert watched.said == [("p50", True), ("p50", False)]
    for _ in range(10):
        watched.wait(5)
        watched.visit(100)
    assert watched.said == [("p50", True)]


# Of which requests


@pytest.mark.parametrize(
    ("match", "target", "fits"),
    [
        ({}, "/", True),
        ({"path": "/login"}, "/login", True),
        ({"path": "/login"}, "/login/?next=/", True),
        ({"path": "/login"}, "//login", True),
        ({"path": "/login"}, "/login/x", False),
        ({"path": "/login"}, "/api/login", False),
        ({"path": ["/a", "/b*"]}, "/bc", True),
        ({"path": "/books/*/card"}, "/books/7/card", True),
        ({"path": "/"}, "/", True),
        ({"path": "/"}, "/a", False),
        ({"path": "*"}, "/a", True),
        ({"prefix": "/api"}, "/api", True),
        ({"prefix": "/api/"}, "/api/books", True),
        ({"prefix": "/api"}, "/apiary", False),
        ({"prefix": "/"}, "/apiary", True),
    ],
)
def test_a_rule_is_for_paths(clock: Clock, match: dict[str, Any], target: str, fits: bool) -> None:
    watched = Watched(clock, slow="10ms", match=match)
    watched.visit(100, target=target)
    assert bool(watched.said) is fits


@pytest.mark.parametrize(
    ("wanted", "route", "fits"),
    [
        ("/books/{id}", "/books/{id}", True),
        ("books/<int:id>/", "/books/<int:id>/", True),
        (["/a", "/books/{id}"], "/books/{id}", True),
        ("/books/{id}", "/books/{id}/card", False),
        ("/books/{id}", None, False),
    ],
)
def test_a_rule_is_for_routes(clock: Clock, wanted: str, route: str | None, fits: bool) -> None:
    watched = Watched(clock, slow="10ms", match={"route": wanted})
    watched.visit(100, target="/books/{id}", route=route)
    assert bool(watched.said) is fits


@pytest.mark.parametrize(
    ("wanted", "method", "fits"),
    [(["GET"], "GET", True), (["get"], "HEAD", True), (["POST"], "post", True), (["POST", "PUT"], "GET", False)],
)
def test_a_rule_is_for_methods(clock: Clock, wanted: list[str], method: str, fits: bool) -> None:
    watched = Watched(clock, slow="10ms", match={"path": "/a", "methods": wanted})
    watched.visit(100, target="/a", method=method)
    assert bool(watched.said) is fits


def test_every_rule_that_fits_counts_a_request(clock: Clock) -> None:
    reports: list[Report] = []
    rules = [{"name": "all", "slow": 1}, {"name": "api", "match": {"prefix": "/api"}, "slow": "50ms"}]
    feature = Thresholds(rules=rules, on_breach=reports.append)
    visit(feature, clock, 100, target="/api/books")
    visit(feature, clock, 2000, target="/")
    assert [report.rule for report in reports] == ["api", "all"]


# What is said


def test_a_breach_in_the_log(clock: Clock, lines: pytest.LogCaptureFixture) -> None:
    feature = Thresholds(rules=[{"name": "api", "p95": "300ms", "error_rate": "5%", "slow": "2s", "window": "10m"}])
    for _ in range(20):
        visit(feature, clock, 3000, status=500, target="/accounts/7?password=secret", route="/accounts/{id}")
    assert lines.messages == [
        "threshold 'api' broken: a request to /accounts/{id} took 3 s, more than 2 s",
        "threshold 'api' broken: p95 is 3.03 s, more than 300 ms (of 20 requests in 10 min)",
        "threshold 'api' broken: error_rate is 100 %, more than 5 % (of 20 requests in 10 min)",
    ]
    assert {record.name for record in lines.records} == {"perfkit.thresholds"}


def test_slow_requests_that_were_not_said_are_counted_in_the_log(clock: Clock, lines: pytest.LogCaptureFixture) -> None:
    feature = Thresholds(rules=[{"name": "api", "slow": "1s", "cooldown": "1m"}])
    for _ in range(32):
        visit(feature, clock, 2000, target="/nowhere/7")
    assert lines.messages == [
        "threshold 'api' broken: a request without a route took 2 s, more than 1 s",
        "threshold 'api' broken: a request without a route took 2 s, more than 1 s (30 since this was last said)",
    ]


def test_the_end_of_a_breach_in_the_log(clock: Clock, lines: pytest.LogCaptureFixture) -> None:
    feature = Thresholds(rules=[{"name": "api", "error_rate": "5%"}])
    for status in [500] * 20 + [200] * 380:
        visit(feature, clock, 1, status=status)
    assert lines.messages[1:] == [
        "threshold 'api' holds again: error_rate is 5 %, limit 5 % (of 400 requests in 5 min)",
    ]


@pytest.mark.parametrize(
    ("severity", "broken", "over"),
    [("info", "INFO", "INFO"), ("warning", "WARNING", "WARNING"), ("critical", "CRITICAL", "WARNING")],
)
def test_the_severity_is_the_level(
    clock: Clock, lines: pytest.LogCaptureFixture, severity: str, broken: str, over: str
) -> None:
    feature = Thresholds(rules=[{"name": "api", "error_rate": "50%", "minimum": 1, "severity": severity}])
    for status in (500, 200):
        visit(feature, clock, 1, status=status)
    assert [record.levelname for record in lines.records] == [broken, over]


def test_hooks_are_called_for_what_they_are_for(clock: Clock) -> None:
    breaches: list[Report] = []
    recoveries: list[Report] = []
    rules = [{"name": "api", "error_rate": "50%", "minimum": 1}]
    feature = Thresholds(rules=rules, on_breach=breaches.append, on_recovery=recoveries.append)
    visit(feature, clock, status=500)
    assert [report.broken for report in breaches] == [True]
    visit(feature, clock)
    assert [report.broken for report in recoveries] == [False]
    assert len(breaches) == 1


def test_a_hook_that_fails_is_logged_once_and_the_others_are_called(
    clock: Clock, lines: pytest.LogCaptureFixture
) -> None:
    called: list[Report] = []

    def fail(report: Report) -> None:
        called.append(report)
        raise ValueError("no network")

    rules = [{"name": "api", "p50": "1ms", "slow": "1ms", "minimum": 1, "cooldown": 0}]
    feature = Thresholds(rules=rules, on_breach=fail)
    for _ in range(5):
        visit(feature, clock, 100)
    assert len(called) == 10
    [failure] = [record for record in lines.records if record.exc_info]
    assert failure.getMessage() == "thresholds.on_breach failed; later errors of it are not logged"


def test_a_hook_may_block_without_stopping_an_event_loop(clock: Clock) -> None:
    threads = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500})
        await send({"type": "http.response.body"})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    rules = [{"name": "all", "error_rate": 0, "minimum": 1}]
    section = {"rules": rules, "on_breach": lambda _: threads.append(threading.current_thread())}
    served = PerfkitMiddleware(app, {"thresholds": section})
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "scheme": "http"}
    asyncio.run(served(scope, receive, send))
    [thread] = threads
    assert thread is not threading.main_thread()


def test_figures_of_the_limits(clock: Clock) -> None:
    watched = Watched(clock, p50="10ms", error_rate="50%", slow="50ms", cooldown="1s", minimum=10)

    def figures(name: str) -> dict[str, float]:
        found = [figure for figure in watched.feature.figures() if figure.name == name]
        assert {figure.labels["rule"] for figure in found} == {"all"}
        return {figure.labels["limit"]: figure.value for figure in found}

    watched.visit(100, times=9)
    assert figures("perfkit_threshold_broken") == {"p50": False, "error_rate": False}
    watched.visit(100, times=3)
    assert figures("perfkit_threshold_broken") == {"p50": True, "error_rate": False}
    assert figures("perfkit_threshold_breaches") == {"p50": 1, "error_rate": 0, "slow": 2}
    watched.wait(600)
    assert figures("perfkit_threshold_broken") == {"p50": False, "error_rate": False}


# Its place


def test_it_stands_just_inside_the_metrics() -> None:
    assert Position.METRICS < Thresholds.position < Position.TIMING


def test_an_error_of_its_own_never_reaches_a_response() -> None:
    assert Thresholds.observer


def test_it_counts_under_a_lock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    # A race is rare enough to pass for years.
    feature = Thresholds(rules=[{"name": "all", "p50": 1}])
    [watch] = feature._watches
    held = []
    monkeypatch.setattr(Window, "advance", lambda *_: held.append(watch._lock.locked()))
    visit(feature, clock)
    list(feature.figures())
    assert held == [True, True]


def test_no_request_is_lost_among_threads(clock: Clock) -> None:
    watched = Watched(clock, error_rate="50%", minimum=8 * 500)

    def run() -> None:
        watched.visit(0, status=500, times=500)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watched.said == [("error_rate", True)]
