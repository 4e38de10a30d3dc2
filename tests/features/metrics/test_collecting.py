"""What a registry collects of the values."""

import time
from typing import Any, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from perfkit import Metrics, span
from perfkit.features.metrics import _memory
from perfkit.features.metrics._series import ALL, Names
from tests.features.metrics.measured import Measured

NAMES: tuple[Names, ...] = get_args(Names)


def everything(measured: Measured) -> None:
    """Exchanges after which each metric has a value."""
    measured.serve(received=1, sent=1)
    measured.serve(headers=[("Content-Type", "text/event-stream")], body=None)
    measured.end(measured.connect(messages_sent=1, messages_received=1))
    recorder = measured.metrics._recorder
    recorder.observe_lag(0.1)
    recorder.observe_span("db", 0.1)


def test_metric_without_values_is_not_shown(measured):
    assert measured.names() == set()
    measured.serve()
    assert "http_server_active_websockets" not in measured.names()


def test_no_series_tells_when_it_was_made(measured):
    everything(measured)
    assert b"_created" not in generate_latest(measured.registry)
    assert b"_created" not in generate_openmetrics(measured.registry)


def test_all_names_are_known_to_the_registry_from_the_start():
    registry = CollectorRegistry()
    Metrics(registry=registry)
    assert {series.name for series in ALL} <= set(registry._names_to_collectors)


def test_some_metrics_can_be_asked_for(measured):
    everything(measured)
    some = measured.registry.restricted_registry(["http_server_requests_total", "http_server_active_streams"])
    assert {family.name for family in some.collect()} == {"http_server_requests", "http_server_active_streams"}


def test_names_and_help_are_well_formed(measured):
    for series in ALL:
        assert series.help.endswith(".")
        assert "\n" not in series.help
        assert (series.kind == "counter") == series.name.endswith("_total")
        assert (series.kind == "histogram") == bool(series.bounds)
        for names in NAMES:
            labels = series.label_names(names)
            assert len(set(labels)) == len(labels)
    for names in NAMES:
        assert len({series.named(names) for series in ALL}) == len(ALL)
    assert measured.names() == set()


def test_buckets_add_up(measured):
    for seconds in (0.001, 0.3, 0.4, 99.0):
        measured.serve(seconds=seconds)
    buckets = {labels[-1]: v for labels, v in measured.all("http_server_request_duration_seconds_bucket").items()}
    assert [buckets[bound] for bound in ("0.005", "0.25", "0.5", "10.0", "+Inf")] == [1, 1, 3, 3, 4]
    assert list(measured.all("http_server_request_duration_seconds_count").values()) == [4]


def test_lock_is_held_for_few_series_at_a_time(monkeypatch):
    """Requests wait meanwhile."""
    monkeypatch.setattr(_memory, "SLICE", 10)
    measured = Measured(max_series=100)
    for number in range(100):
        measured.serve(route=f"/{number}")
    backend: Any
    (backend,) = measured.registry._collector_to_names
    lock, taken = backend._lock, []

    class Counting:
        def __enter__(self) -> None:
            taken.append(time.perf_counter())
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()

    backend._lock = Counting()
    assert len(measured.all("http_server_requests_total")) == 100
    assert len(taken) >= 4 * 10


def test_request_during_a_scrape_is_counted(monkeypatch):
    monkeypatch.setattr(_memory, "SLICE", 1)
    measured = Measured()
    for number in range(3):
        measured.serve(route=f"/{number}")
    families = measured.registry.collect()
    next(iter(families))
    measured.serve(route="/new")
    list(families)
    assert sum(measured.all("http_server_requests_total").values()) == 4


def test_span_is_counted_by_its_name(measured):
    recorder = measured.metrics._recorder
    recorder.observe_span("db", 0.25)
    recorder.observe_span("db", 0.5)
    recorder.observe_span("\udcff", -1.0)
    assert measured.all("perfkit_span_duration_seconds_sum") == {("db",): 0.75, ("?",): 0.0}


def test_spans_of_the_application_that_ask_for_it_are_counted(measured):
    with span("db", metric=True), span("only in the header"):
        pass
    assert measured.all("perfkit_span_duration_seconds_count") == {("db",): 1}


def test_names_of_spans_are_capped():
    measured = Measured(max_series=5)
    for number in range(100):
        measured.metrics._recorder.observe_span(f"span {number}", 0.1)
    counts = measured.all("perfkit_span_duration_seconds_count")
    assert len(counts) == 6
    assert counts["__overflow__",] == 95
