"""The rows of metrics measure what counts every request, and scrapes that show all of it."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import process_time, sleep
from typing import Any

import pytest

from benchmarks.apart import Apart, serve
from benchmarks.codings import decoded
from benchmarks.goals import Ceiling
from benchmarks.inprocess import Asgi, Wsgi
from benchmarks.measure import check
from benchmarks.model import BARE, Answer, Key, Setting, Variant
from benchmarks.pauses import LoopPauses
from benchmarks.rows import flask, metrics, metrics_hosts, wsgi
from benchmarks.rows.imports import IMPORTS, Import
from benchmarks.rows.metrics import counted, in_batches, measuring, starlette
from benchmarks.rows.metrics_apart import BUCKETS, MEMORY, PAUSE, PROCESSES, SCRAPE, perfkit_app, scraping
from benchmarks.traced import Traced
from perfkit.features.metrics._feature import BATCH

FEW = 20
ON_ASGI = partial(starlette, 0)
# What sends requests, what measures them, the application, and what says that one was counted.
COUNTING: list[tuple[Any, Any, Callable[[], Any], Callable[[Any], bool]]] = [
    (Asgi, metrics.with_metrics, ON_ASGI, counted),
    (Asgi, metrics.with_both_and_metrics, ON_ASGI, counted),
    (Asgi, metrics.with_prometheus_by_hand, ON_ASGI, counted),
    (Asgi, metrics.with_instrumentator, ON_ASGI, counted),
    (Asgi, metrics.with_otel, ON_ASGI, metrics.otel_counted),
    (Asgi, metrics.with_aioprometheus, ON_ASGI, metrics.aioprometheus_counted),
    (Wsgi, metrics_hosts.with_metrics, wsgi.bare, counted),
    (Wsgi, metrics_hosts.with_both_and_metrics, wsgi.bare, counted),
    (Wsgi, metrics_hosts.with_prometheus_by_hand, wsgi.bare, counted),
    (Wsgi, metrics_hosts.around(metrics_hosts.with_metrics), flask.bare, counted),
    (Wsgi, metrics_hosts.with_flask_exporter, flask.bare, counted),
]
SHARED = [variant for variant in PROCESSES.variants if variant.name != BARE]
SCRAPES = [(each, one) for each in (SCRAPE, PAUSE) for one in each.variants]


def named(setting: Setting, name: str) -> Variant:
    return next(variant for variant in setting.variants if variant.name == name)


@pytest.mark.parametrize(("driver", "wrap", "app", "proof"), COUNTING)
def test_what_is_measured_counts_the_request(driver: Any, wrap: Any, app: Any, proof: Any) -> None:
    variant = measuring("anybody", wrap, app, proof)
    try:
        made = driver(variant.build())
    except ImportError:
        assert "metrics" not in wrap.__name__  # that of a peer
        return
    assert not variant.proof()
    made.answer()
    assert variant.proof()


def test_middleware_that_does_not_count_is_not_measured() -> None:
    def with_nothing(app: Any, counting: list[Any]) -> Any:
        metrics.registry_of(counting)
        return app

    idle = measuring("idle", with_nothing, wsgi.bare)
    answer = Wsgi(idle.build()).answer()
    with pytest.raises(AssertionError, match="metrics-wsgi, idle: it has not run"):
        check(Key("metrics-wsgi", "idle"), idle, {Key("metrics-wsgi", "idle"): answer})


def test_budget_in_microseconds_is_shown_with_a_decimal() -> None:
    goal = Ceiling(of="ours", beyond=BARE, at_most=5e-6, unit="us")
    verdict = goal.verdict("s", {Key("s", BARE): 1e-6, Key("s", "ours"): 5.5e-6})
    assert (verdict.shown, verdict.budget, verdict.spread(2.5e-7)) == ("4.5 us", "at most 5.0 us", "±0.2 us")


def test_each_series_has_whole_batches() -> None:
    counted = []

    def app(environ, start_response):
        counted.append(1)
        return wsgi.bare()(environ, start_response)

    driver = in_batches(Wsgi(app))
    assert driver.requests_in(1e-9) == BATCH
    assert driver.requests_in(0.01) % BATCH == 0
    counted.clear()
    series = driver.requests_in(0.001)
    driver.measure()
    assert len(counted) == series + 10  # those that warm up


@pytest.mark.parametrize("variant", SHARED, ids=[variant.name for variant in SHARED])
def test_processes_that_share_files_answer(variant: Variant) -> None:
    try:
        driver = PROCESSES.driver(variant)
    except ImportError:
        assert variant.side == "peer"
        return
    key, bare = Key(PROCESSES.name, variant.name), PROCESSES.driver(named(PROCESSES, BARE))
    try:
        check(key, variant, {Key(PROCESSES.name, BARE): bare.answer(), key: driver.answer()})
        assert driver.measure() > 0
        assert driver.garbage() == 0
    finally:
        driver.close()
        bare.close()


@pytest.mark.parametrize(("setting", "variant"), SCRAPES, ids=[f"{each.name}-{one.name}" for each, one in SCRAPES])
def test_scrape_shows_all_series(setting: Setting, variant: Variant) -> None:
    try:
        driver = Apart(variant, module="benchmarks.rows.metrics_apart", setting=setting.name, numbers=(FEW,))
    except ImportError:
        assert variant.side == "peer"
        return
    try:
        lines = decoded(driver.answer()).splitlines()
        assert sum(b"_seconds_count{" in line for line in lines) == FEW
        assert driver.measure() > 0
    finally:
        driver.close()


def test_scrape_that_shows_too_little_is_not_measured() -> None:
    with pytest.raises(AssertionError, match=f"{BUCKETS * FEW} buckets of {FEW + 1} histograms"):
        scraping(Asgi, lambda count: perfkit_app(count - 1), FEW + 1)


def test_driver_does_what_is_asked_until_nothing_is() -> None:
    class Counting:
        asked = 0

        def answer(self):
            return Answer(200, ("etag",), b"\xff", "gzip")

        def measure(self):
            self.asked += 1
            return 0.25

        def garbage(self):
            return 0

        def close(self): ...

    driver, answers = Counting(), io.StringIO()
    serve(driver, io.StringIO("answer\nmeasure\nmeasure\n"), answers)
    answer, *measured = map(json.loads, answers.getvalue().splitlines())
    assert (answer["status"], answer["headers"], answer["body"], answer["coding"]) == (200, ["etag"], "/w==", "gzip")
    assert measured == [0.25, 0.25]
    assert driver.asked == 2


def test_memory_is_what_each_name_takes() -> None:
    kept: list[object] = []
    variant = replace(MEMORY.variants[0], build=lambda: lambda: kept.extend)
    assert Traced(variant, ["a"] * 1000).measure() < 20  # a place in the list
    variant = replace(variant, build=lambda: lambda: lambda names: kept.extend([bytes(1000) for _ in names]))
    assert 1000 < Traced(variant, ["a"] * 1000).measure() < 1100


def test_nothing_kept_takes_no_memory() -> None:
    assert MEMORY.driver(named(MEMORY, BARE)).measure() < 10  # what else the process does in the meantime


@pytest.mark.parametrize(("busy", "least", "most"), [(True, 0.01, 60), (False, 0, 0.04)])
def test_pause_is_what_the_process_is_busy_for(busy: bool, least: float, most: float) -> None:
    async def app(scope, receive, send):
        until = process_time() + 0.02
        while busy and process_time() < until:
            pass
        sleep(0 if busy else 0.05)  # as if another program had the processor

    driver = LoopPauses(app)
    try:
        assert least <= driver.repeat(1) < most
    finally:
        driver.close()


def test_code_is_run_and_tells_what_it_loads() -> None:
    ours = Import(named(IMPORTS, "the same, and a stack without settings"))
    assert "msgspec" in ours.answer().headers
    assert ours.measure() > 0
    assert Import(named(IMPORTS, "import perfkit")).answer().headers == ()


def test_code_whose_package_is_not_installed_is_skipped() -> None:
    absent = replace(IMPORTS.variants[0], build=lambda: "import nobody_has_this")
    with pytest.raises(ImportError, match="nobody_has_this"):
        Import(absent).answer()
