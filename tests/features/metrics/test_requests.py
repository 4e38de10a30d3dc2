"""What is counted of a request, whatever its end."""

import asyncio
import gc
import weakref

import pytest

from perfkit import Stack
from perfkit.errors import IncompleteResponseError
from perfkit.features.metrics._feature import BATCH
from tests.features.metrics.measured import AppError, Measured
from tests.memory_exchange import MemoryExchange

REQUESTS = "http_server_requests_total"
DURATION = "http_server_request_duration_seconds"
FIRST_BYTE = "http_server_time_to_first_byte_seconds"
ACTIVE = "http_server_active_requests"
SENT = "http_server_response_body_size_bytes"
RECEIVED = "http_server_request_body_size_bytes"


class TrioCancelled(BaseException):
    """trio's Cancelled is an exception like this."""


def counted(measured: Measured) -> dict[tuple[str, ...], float]:
    """Requests by type of error and status."""
    return {(error, status): n for (error, _, status, _), n in measured.all(REQUESTS).items()}


def test_request_is_counted_by_method_route_and_status(measured):
    measured.serve("GET", "/books/{id}", 200)
    measured.serve("GET", "/books/{id}", 200)
    measured.serve("POST", "/books", 201)
    labels = {"http_request_method": "GET", "http_route": "/books/{id}", "error_type": ""}
    assert measured.value(REQUESTS, http_response_status_code="200", **labels) == 2
    assert measured.all(REQUESTS) == {("", "GET", "200", "/books/{id}"): 2, ("", "POST", "201", "/books"): 1}


def test_route_is_empty_where_nothing_matched(measured):
    measured.serve("GET", None, 404, target="/wp-admin.php")
    assert measured.all(REQUESTS) == {("", "GET", "404", ""): 1}


def test_durations_have_the_class_of_the_status(measured):
    measured.serve(status=200)
    measured.serve(status=204)
    measured.serve(status=404)
    assert measured.all(f"{DURATION}_count") == {("GET", "2xx", "/books/{id}"): 2, ("GET", "4xx", "/books/{id}"): 1}


def test_durations_have_the_exact_status_where_it_is_wanted():
    measured = Measured(status="exact")
    measured.serve(status=200)
    measured.serve(status=204)
    assert set(measured.all(f"{DURATION}_count")) == {("GET", "200", "/books/{id}"), ("GET", "204", "/books/{id}")}
    assert set(measured.all(f"{FIRST_BYTE}_count")) == {("GET", "200", "/books/{id}"), ("GET", "204", "/books/{id}")}


def test_duration_goes_to_the_last_byte_and_time_to_first_byte_to_the_start(measured):
    exchange = measured.begin()
    exchange.started = 1000.0
    measured.respond(exchange, after=1000.25)
    measured.end(exchange, after=1004.0)
    assert list(measured.all(f"{DURATION}_sum").values()) == [4.0]
    assert list(measured.all(f"{FIRST_BYTE}_sum").values()) == [0.25]


def test_value_on_a_bound_belongs_to_the_bucket_of_that_bound():
    measured = Measured(buckets=[0.1, 1.0])
    for seconds in (0.1, 0.5, 1.0, 1.5):
        measured.serve(seconds=seconds)
    buckets = {labels[-1]: value for labels, value in measured.all(f"{DURATION}_bucket").items()}
    assert buckets == {"0.1": 1, "1.0": 3, "+Inf": 4}


def test_clock_that_goes_back_counts_as_no_time(measured):
    measured.serve(seconds=-5.0)
    assert list(measured.all(f"{DURATION}_sum").values()) == [0.0]
    assert list(measured.all(f"{FIRST_BYTE}_sum").values()) == [0.0]


def test_short_names(measured):
    short = Measured(names="short")
    short.serve("POST", received=5)
    labels = {"method": "POST", "handler": "/books/{id}"}
    assert short.value("http_requests_total", status="200", error_type="", **labels) == 1
    assert short.value("http_request_duration_seconds_count", status="2xx", **labels) == 1
    assert short.value("http_time_to_first_byte_seconds_count", status="2xx", **labels) == 1
    assert short.value("http_requests_inprogress", method="POST") == 0
    assert short.value("http_request_size_bytes_sum", **labels) == 5
    assert short.value("http_response_size_bytes_count", **labels) == 1
    measured.serve("POST", received=5)
    assert not short.names() & measured.names()


# Methods and statuses


@pytest.mark.parametrize("method", "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split())
def test_known_methods_are_told(measured, method):
    measured.serve(method)
    assert measured.all(REQUESTS) == {("", method, "200", "/books/{id}"): 1}
    assert measured.all(ACTIVE) == {(method,): 0}


@pytest.mark.parametrize("method", ["get", "FOO", "GET ", "", "PROPFIND", "\udcff"])
def test_other_methods_are_one(measured, method):
    measured.serve(method)
    assert measured.all(REQUESTS) == {("", "_OTHER", "200", "/books/{id}"): 1}
    assert measured.all(ACTIVE) == {("_OTHER",): 0}


@pytest.mark.parametrize(("status", "label"), [(100, "100"), (599, "599"), (99, "0"), (600, "0"), (999999, "0")])
def test_what_is_no_status_is_zero(measured, status, label):
    measured.serve(status=status)
    assert counted(measured) == {("", label): 1}
    expected = "0" if label == "0" else f"{label[0]}xx"
    assert measured.all(f"{DURATION}_count") == {("GET", expected, "/books/{id}"): 1}


# Endings


def test_exception_before_the_response_is_a_500_with_its_type(measured):
    measured.serve(status=0, error=AppError())
    assert counted(measured) == {("AppError", "500"): 1}
    assert measured.all(f"{DURATION}_count") == {("GET", "5xx", "/books/{id}"): 1}


def test_application_that_gives_no_response_is_a_500(measured):
    measured.serve(status=0, error=IncompleteResponseError())
    assert counted(measured) == {("IncompleteResponseError", "500"): 1}


def test_end_without_response_and_error_is_never_a_200(measured):
    measured.serve(status=0)
    assert counted(measured) == {("", "500"): 1}


def test_exception_after_the_start_keeps_the_status(measured):
    measured.serve(status=200, error=AppError())
    assert counted(measured) == {("AppError", "200"): 1}


def test_answer_of_an_error_handler_has_the_type_of_the_error(measured):
    measured.serve(status=503, error=AppError())
    assert counted(measured) == {("AppError", "503"): 1}


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), TrioCancelled()])
def test_cancellation_before_the_response_is_a_499(measured, error):
    measured.serve(status=0, error=error)
    assert counted(measured) == {("", "499"): 1}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_end_of_the_process_is_no_499(measured, error):
    measured.serve(status=0, error=error)
    assert counted(measured) == {(type(error).__name__, "500"): 1}


@pytest.mark.parametrize("error", [AppError(), IncompleteResponseError(), asyncio.CancelledError()])
def test_client_that_left_before_the_response_is_a_499(measured, error):
    measured.serve(status=0, error=error, disconnected=True)
    assert counted(measured) == {("", "499"): 1}


def test_response_that_begins_when_the_client_has_left_is_a_499(measured):
    exchange = measured.begin()
    exchange.disconnected, exchange.sent = True, 10
    measured.respond(exchange, headers=[("Content-Type", "text/event-stream")], body=None)
    measured.end(exchange, after=2.0)
    assert counted(measured) == {("", "499"): 1}
    assert measured.all(f"{DURATION}_sum") == {("GET", "4xx", ""): 2.0}
    assert measured.names() == {REQUESTS.removesuffix("_total"), DURATION, ACTIVE}


def test_client_that_left_during_the_response_keeps_the_status(measured):
    measured.serve(status=206, error=IncompleteResponseError(), disconnected=True)
    assert counted(measured) == {("IncompleteResponseError", "206"): 1}


def test_end_counts_once(measured):
    exchange = measured.serve()
    measured.end(exchange)
    assert counted(measured) == {("", "200"): 1}
    assert measured.all(ACTIVE) == {("GET",): 0}


# The gauge of requests


def test_active_requests_rise_and_fall(measured):
    first, second = measured.begin(), measured.begin(method="PUT")
    assert measured.all(ACTIVE) == {("GET",): 1, ("PUT",): 1}
    measured.end(first, AppError())
    assert measured.all(ACTIVE) == {("GET",): 0, ("PUT",): 1}
    measured.end(second, GeneratorExit())
    assert measured.all(ACTIVE) == {("GET",): 0, ("PUT",): 0}


def test_method_that_changes_underway_does_not_unbalance_active_requests(measured):
    exchange = measured.begin(method="POST")
    exchange.method = "DELETE"
    measured.respond(exchange)
    measured.end(exchange)
    assert measured.all(ACTIVE) == {("POST",): 0}
    assert list(measured.all(REQUESTS)) == [("", "POST", "200", "")]


class Routeless(MemoryExchange):
    """An exchange whose host fails to tell the route."""

    failure: BaseException

    @property
    def route(self):  # type: ignore[override]
        raise self.failure


@pytest.mark.parametrize("error", [AppError(), KeyboardInterrupt()])
def test_active_requests_fall_even_if_the_route_cannot_be_told(measured, error):
    exchange = measured.begin()
    measured.respond(exchange, headers=[("Content-Type", "text/event-stream")], body=None)
    exchange.__class__ = Routeless
    exchange.failure = error
    with pytest.raises(type(error)):
        measured.end(exchange)
    assert measured.all(ACTIVE) == {("GET",): 0}
    assert measured.value("http_server_active_streams") == 0


def test_what_cannot_be_measured_changes_no_response(measured, caplog):
    stack = Stack([measured.metrics])
    for _ in range(2):
        exchange = Routeless()
        exchange.failure = AppError()
        assert stack.request(exchange) is None
        exchange.status = 200
        stack.respond(exchange)
        stack.end(exchange, None)
    assert measured.metrics.observer
    assert len(caplog.records) == 1


# When it is counted


def test_requests_wait_until_some_can_be_counted_together(measured):
    recorder = measured.metrics._recorder
    for number in range(1, BATCH):
        measured.serve()
        assert len(recorder.ended) == number
    measured.serve()
    assert not recorder.ended
    assert not recorder.begun


def test_requests_that_wait_are_counted_before_anybody_looks(measured):
    measured.serve()
    measured.begin()
    assert len(measured.metrics._recorder.ended) == 1
    assert counted(measured) == {("", "200"): 1}
    assert measured.all(ACTIVE) == {("GET",): 1}


def test_stacks_with_one_registry_wait_in_one_queue(measured):
    other = Measured(registry=measured.registry)
    for _ in range(BATCH // 2):
        measured.serve()
        other.serve()
    assert not measured.metrics._recorder.ended


def test_nothing_that_waits_keeps_its_exchange(measured):
    exchange = measured.serve(facts={"compression": object(), "content_type": "text/html"})
    exchange.facts["itself"] = exchange
    gone = weakref.ref(exchange)
    del exchange
    gc.collect()
    assert len(measured.metrics._recorder.ended) == 1
    assert gone() is None


# Bytes


def test_bytes_of_bodies(measured):
    measured.serve("POST", "/books", sent=2000, received=50)
    measured.serve("POST", "/books", sent=3000, received=60)
    assert measured.all(f"{SENT}_sum") == {("POST", "/books"): 5000}
    assert measured.all(f"{SENT}_count") == {("POST", "/books"): 2}
    assert measured.all(f"{RECEIVED}_sum") == {("POST", "/books"): 110}


def test_request_without_a_body_has_no_size(measured):
    measured.serve("POST", "/books", received=0)
    assert measured.all(f"{RECEIVED}_count") == {}


def test_empty_response_has_size_zero(measured):
    measured.serve(status=304, sent=0)
    assert measured.all(f"{SENT}_count") == {("GET", "/books/{id}"): 1}
    assert measured.all(f"{SENT}_sum") == {("GET", "/books/{id}"): 0}


def test_response_that_never_began_has_no_size_and_no_first_byte(measured):
    measured.serve(status=0, error=AppError())
    assert measured.all(f"{SENT}_count") == {}
    assert measured.all(f"{FIRST_BYTE}_count") == {}


def test_sizes_and_first_byte_can_be_left_out():
    measured = Measured(sizes=False, time_to_first_byte=False)
    measured.serve("POST", sent=2000, received=50)
    assert measured.names() == {ACTIVE, REQUESTS.removesuffix("_total"), DURATION}


# What is not measured


def test_excluded_paths_are_not_measured():
    measured = Measured(exclude=["/static/*", "/ping"])
    measured.serve(target="/static/site.css", facts={"conditional": "made"})
    measured.serve(target="/ping")
    assert measured.names() == set()
    measured.serve(target="/ping/pong")
    assert counted(measured) == {("", "200"): 1}


def test_own_page_is_not_measured(measured):
    exchange = MemoryExchange(target="/metrics", internal=True)
    assert measured.metrics.on_request(exchange) is not None
    measured.end(exchange)
    assert measured.names() == set()


def test_page_of_that_path_which_is_not_ours_is_measured(measured):
    measured.serve(target="/metrics", route="/metrics")  # by a client that may not see internals
    assert measured.all(REQUESTS) == {("", "GET", "200", "/metrics"): 1}


def test_without_a_path_there_is_no_page():
    measured = Measured(path=None)
    assert measured.metrics.on_request(MemoryExchange(target="/metrics", internal=True)) is None
