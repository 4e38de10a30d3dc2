"""Labels stay few, short and readable, whatever clients and applications do."""

import logging
import random
import string
import sys
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.features.metrics.measured import AppError, Measured

REQUESTS = "http_server_requests_total"
DURATION = "http_server_request_duration_seconds_count"
OVERFLOW = "perfkit_metrics_overflow_total"


def routes(measured: Measured, name: str = DURATION) -> set[str]:
    return {labels[-1] for labels in measured.all(name)}


# Whatever clients do


def test_ten_thousand_scanned_paths_and_methods_make_three_series_of_a_metric(measured):
    chance = random.Random(4)
    for _ in range(10_000):
        word = "".join(chance.choices(string.printable, k=8))
        measured.serve(chance.choice(["GET", "POST", word]), None, 404, target=f"/{word}")
    for name in (REQUESTS, DURATION, "http_server_active_requests", "http_server_response_body_size_bytes_count"):
        assert len(measured.all(name)) == 3
    assert sum(measured.all(REQUESTS).values()) == 10_000


def test_statuses_that_are_none_make_one_series(measured):
    for status in range(600, 5000):
        measured.serve(status=status)
    assert measured.all(REQUESTS) == {("", "GET", "0", "/books/{id}"): 4400}


# Whatever applications do


def test_lone_surrogate_does_not_break_the_scrape(measured):
    measured.serve(route="/\udcff")
    assert routes(measured) == {"/?"}
    parsed = list(text_string_to_metric_families(generate_latest(measured.registry).decode()))
    assert {
        sample.labels["http_route"] for family in parsed for sample in family.samples if "http_route" in sample.labels
    } == {"/?"}


def test_long_route_is_cut(measured):
    measured.serve(route="/" + "a" * 1000)
    assert routes(measured) == {"/" + "a" * 255}


@pytest.mark.parametrize("route", ['/"quoted"', "/back\\slash", "/new\nline", "/ü", "/\0"])
def test_any_other_character_is_shown_as_it_is(measured, route):
    measured.serve(route=route)
    parsed = list(text_string_to_metric_families(generate_latest(measured.registry).decode()))
    shown = {
        sample.labels["http_route"] for family in parsed for sample in family.samples if "http_route" in sample.labels
    }
    assert shown == {route}


def test_long_type_of_an_error_is_cut(measured):
    measured.serve(status=0, error=type("E" * 300, (AppError,), {})())
    assert list(measured.all(REQUESTS)) == [("E" * 256, "GET", "500", "/books/{id}")]


def test_type_of_an_error_inside_another_class_is_told_with_it(measured):
    class Book:
        class MissingError(Exception): ...

    Book.MissingError.__qualname__ = "Book.MissingError"
    measured.serve(status=404, error=Book.MissingError())
    assert list(measured.all(REQUESTS)) == [("Book.MissingError", "GET", "404", "/books/{id}")]


# The cap


def test_metric_never_has_more_series_than_the_cap_and_its_overflow():
    measured = Measured(max_series=10)
    for number in range(1000):
        measured.serve(route=f"/{number}", received=1)
    assert routes(measured) == {*[f"/{number}" for number in range(10)], "__overflow__"}
    for name in (REQUESTS, DURATION, "http_server_request_body_size_bytes_count"):
        assert len(measured.all(name)) == 11
        assert sum(measured.all(name).values()) == 1000


def test_series_that_is_there_goes_on_when_the_cap_is_reached():
    measured = Measured(max_series=2)
    for route in ("/a", "/b", "/c", "/a", "/c"):
        measured.serve(route=route)
    assert {labels[-1]: value for labels, value in measured.all(REQUESTS).items()} == {
        "/a": 2,
        "/b": 1,
        "__overflow__": 2,
    }


def test_overflow_keeps_the_class_of_the_status_and_nothing_else():
    measured = Measured(max_series=1, labels={"tenant": lambda exchange: "a"})
    measured.serve("GET", "/a", 200)
    measured.serve("POST", "/b", 503, error=AppError())
    measured.serve("PUT", "/c", 500)
    measured.serve("PUT", "/d", 9999)
    overflow = {labels: value for labels, value in measured.all(REQUESTS).items() if "__overflow__" in labels}
    assert overflow == {("", "_OTHER", "5xx", "__overflow__", ""): 2, ("", "_OTHER", "0", "__overflow__", ""): 1}
    durations = {labels: value for labels, value in measured.all(DURATION).items() if "__overflow__" in labels}
    assert durations == {("_OTHER", "5xx", "__overflow__", ""): 2, ("_OTHER", "0", "__overflow__", ""): 1}


def test_overflow_is_at_most_one_series_for_each_class():
    measured = Measured(max_series=1)
    for status in range(700):
        measured.serve(route=f"/{status}", status=status)
    assert len([labels for labels in measured.all(REQUESTS) if "__overflow__" in labels]) == 6


def test_each_overflow_is_counted_by_its_metric():
    measured = Measured(max_series=1, sizes=False, time_to_first_byte=False)
    for route in ("/a", "/b", "/b", "/c"):
        measured.serve(route=route)
    assert measured.value(OVERFLOW, metric=REQUESTS) == 3
    assert measured.value(OVERFLOW, metric="http_server_request_duration_seconds") == 3
    assert len(measured.all(OVERFLOW)) == 2


def test_overflow_is_logged_once_for_each_metric(caplog):
    measured = Measured(max_series=1, sizes=False, time_to_first_byte=False)
    with caplog.at_level(logging.WARNING, "perfkit"):
        for number in range(20):
            measured.serve(route=f"/{number}")
        measured.flush()
    logged = sorted(record.getMessage() for record in caplog.records)
    assert [message.split()[1] for message in logged] == ["http_server_request_duration_seconds", REQUESTS]
    assert all("metrics.max_series" in message for message in logged)


def test_overflow_of_connections_and_of_spans_is_logged_at_once(caplog):
    measured = Measured(max_series=1)
    for route in ("/a", "/b"):
        measured.end(measured.connect(route=route))
    assert [record.getMessage().split()[1] for record in caplog.records] == ["http_server_websocket_duration_seconds"]
    for name in ("a", "b"):
        measured.metrics._recorder.observe_span(name, 1.0)
    assert caplog.records[-1].getMessage().split()[1] == "perfkit_span_duration_seconds"


def test_log_of_an_overflow_is_written_without_the_lock():
    """A handler may wait for a lock of its own, which who waits for ours may have."""
    measured = Measured(max_series=1)
    free = []

    class Watching(logging.Handler):
        def emit(self, record):
            lock: Any = measured.metrics._recorder._lock
            free.append(not lock._is_owned())

    handler = Watching()
    logging.getLogger("perfkit").addHandler(handler)
    try:
        measured.serve(route="/a")
        measured.serve(route="/b")
        measured.flush()
    finally:
        logging.getLogger("perfkit").removeHandler(handler)
    assert free
    assert all(free)


def test_memory_does_not_grow_with_routes_over_the_cap():
    measured = Measured(max_series=10)
    for number in range(100):
        measured.serve(route=f"/{number}")
    measured.flush()
    assert len(measured.metrics._recorder._entries) == 20


def test_series_are_found_once_for_each_combination(measured):
    """Which is what makes a request cheap."""
    for _ in range(2):
        measured.serve("POST", received=1)
    measured.flush()
    (entry,) = measured.metrics._recorder._entries.values()
    assert None not in (entry.requests, entry.duration, entry.first_byte, entry.sent, entry.received)


# Labels of the application's own


def test_own_labels_are_those_of_requests_and_durations():
    measured = Measured(
        labels={"tenant": lambda exchange: "acme", "status_text": lambda exchange: str(exchange.status)}
    )
    measured.serve(received=1)
    labels = {"http_request_method": "GET", "http_route": "/books/{id}", "tenant": "acme", "status_text": "200"}
    assert measured.value(REQUESTS, http_response_status_code="200", error_type="", **labels) == 1
    assert measured.value(DURATION, http_response_status_code="2xx", **labels) == 1
    assert measured.all("http_server_response_body_size_bytes_count") == {("GET", "/books/{id}"): 1}


def test_own_label_that_fails_is_empty_and_logged_once(caplog):
    def tenant(exchange):
        raise AppError("no tenant")

    measured = Measured(labels={"tenant": tenant, "shop": lambda exchange: "a"})
    measured.serve()
    measured.serve()
    assert measured.all(DURATION) == {("GET", "2xx", "/books/{id}", "a", ""): 2}
    (record,) = caplog.records
    assert "metrics.labels.tenant" in record.getMessage()


class Unspeakable:
    def __str__(self):
        raise AppError("no text")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (7, "7"), ("\udcff", "?"), ("a" * 300, "a" * 256), (["a"], "['a']"), (Unspeakable(), "")],
)
def test_own_label_may_be_anything(value, shown):
    measured = Measured(labels={"own": lambda exchange: value})
    measured.serve()
    assert measured.all(DURATION) == {("GET", "2xx", "/books/{id}", shown): 1}


def test_own_labels_count_towards_the_cap():
    numbers = iter(range(1000))
    measured = Measured(max_series=5, labels={"number": lambda exchange: str(next(numbers))})
    for _ in range(100):
        measured.serve()
    assert len(measured.all(REQUESTS)) == 6


def test_recursion_of_an_own_label_ends_in_the_log(caplog):
    def endless(exchange):
        return endless(exchange)

    measured = Measured(labels={"own": endless})
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(300)
        measured.serve()
    finally:
        sys.setrecursionlimit(limit)
    assert measured.all(DURATION) == {("GET", "2xx", "/books/{id}", ""): 1}
