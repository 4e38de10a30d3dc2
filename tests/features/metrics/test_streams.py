"""Event streams and WebSocket connections have series of their own."""

import asyncio
from typing import Any

import pytest

from perfkit.errors import IncompleteResponseError
from tests.features.metrics.measured import AppError, Measured, WebSocket
from tests.memory_exchange import MemoryExchange

EVENTS = [("Content-Type", "text/event-stream")]
STREAM = "http_server_stream_duration_seconds"
STREAMS = "http_server_active_streams"
DURATION = "http_server_request_duration_seconds"
REQUESTS = "http_server_requests_total"
WEBSOCKET = "http_server_websocket_duration_seconds"
WEBSOCKETS = "http_server_active_websockets"
MESSAGES = "http_server_websocket_messages_total"


def stream(measured: Measured, **given: Any) -> MemoryExchange:
    return measured.serve(**{"route": "/events", "headers": EVENTS, "body": None, **given})


def test_stream_is_not_among_the_durations_of_requests(measured):
    stream(measured, seconds=7200.0)
    assert measured.all(f"{DURATION}_count") == {}
    assert measured.all(f"{STREAM}_sum") == {("/events", "complete"): 7200.0}


def test_stream_is_a_request_all_the_same(measured):
    stream(measured, seconds=7200.0, sent=800)
    assert measured.all(REQUESTS) == {("", "GET", "200", "/events"): 1}
    assert list(measured.all("http_server_time_to_first_byte_seconds_sum").values()) == [3600.0]
    assert list(measured.all("http_server_response_body_size_bytes_sum").values()) == [800]


def test_open_streams_are_active_and_active_requests_too(measured):
    exchange = measured.begin()
    measured.respond(exchange, headers=EVENTS, body=None)
    assert measured.value(STREAMS) == 1
    assert measured.all("http_server_active_requests") == {("GET",): 1}
    measured.end(exchange)
    assert measured.value(STREAMS) == 0
    assert measured.all("http_server_active_requests") == {("GET",): 0}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream",
        "text/event-stream; charset=utf-8",
        "Text/Event-Stream",
        "text/event-stream ;x",
        " text/event-stream",
    ],
)
def test_stream_is_known_by_its_type(measured, content_type):
    stream(measured, headers=[("Content-Type", content_type)])
    assert set(measured.all(f"{STREAM}_count")) == {("/events", "complete")}


@pytest.mark.parametrize("headers", [[], [("Content-Type", "text/plain")], [("Content-Type", "text/event-streams")]])
def test_other_streams_are_requests_like_all(measured, headers):
    stream(measured, headers=headers)
    assert measured.all(f"{STREAM}_count") == {}
    assert set(measured.all(f"{DURATION}_count")) == {("GET", "2xx", "/events")}


def test_whole_body_of_that_type_is_no_stream(measured):
    stream(measured, body=b"data: hello\n\n")
    assert measured.all(f"{STREAM}_count") == {}


def test_types_of_streams_can_be_chosen():
    measured = Measured(streams=["multipart/x-mixed-replace"])
    stream(measured, headers=[("Content-Type", "multipart/x-mixed-replace; boundary=frame")])
    assert set(measured.all(f"{STREAM}_count")) == {("/events", "complete")}
    stream(measured)
    assert set(measured.all(f"{DURATION}_count")) == {("GET", "2xx", "/events")}


@pytest.mark.parametrize(
    ("error", "disconnected", "outcome"),
    [
        (None, False, "complete"),
        (None, True, "complete"),
        (asyncio.CancelledError(), False, "disconnected"),
        (GeneratorExit(), False, "disconnected"),
        (IncompleteResponseError(), True, "disconnected"),
        (OSError(), True, "disconnected"),
        (IncompleteResponseError(), False, "error"),
        (AppError(), False, "error"),
    ],
)
def test_stream_tells_how_it_ended(measured, error, disconnected, outcome):
    stream(measured, error=error, disconnected=disconnected)
    assert measured.all(f"{STREAM}_count") == {("/events", outcome): 1}
    assert measured.value(STREAMS) == 0


# WebSockets


def test_connection_is_active_from_its_acceptance_to_its_end(measured):
    exchange = measured.connect()
    exchange.started = 1000.0
    assert measured.value(WEBSOCKETS) == 1
    measured.end(exchange, after=1090.0)
    assert measured.value(WEBSOCKETS) == 0
    assert list(measured.all(f"{WEBSOCKET}_sum").values()) == [90.0]


def test_connection_is_no_request(measured):
    measured.end(measured.connect())
    assert measured.names() == {WEBSOCKETS, WEBSOCKET}


def test_end_of_a_connection_counts_once(measured):
    exchange = measured.connect()
    measured.end(exchange)
    measured.end(exchange)
    assert measured.value(WEBSOCKETS) == 0
    assert list(measured.all(f"{WEBSOCKET}_count").values()) == [1]


@pytest.mark.parametrize(("after", "seconds"), [(0.25, 0.25), (-1.0, 0.0)])
def test_short_connection_is_no_longer_than_it_was(measured, after, seconds):
    measured.end(measured.connect(), after=after)
    assert list(measured.all(f"{WEBSOCKET}_sum").values()) == [seconds]


def test_messages_are_counted_by_direction(measured):
    measured.end(measured.connect(messages_received=3, messages_sent=5))
    measured.end(measured.connect(messages_received=1))
    assert measured.all(MESSAGES) == {("received", "/chat"): 4, ("sent", "/chat"): 5}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1000, "normal"),
        (1005, "normal"),
        (1001, "going_away"),
        (1002, "protocol"),
        (1003, "protocol"),
        (1007, "protocol"),
        (1009, "protocol"),
        (2999, "protocol"),
        (5000, "protocol"),
        (1008, "policy"),
        (1011, "error"),
        (1012, "error"),
        (1014, "error"),
        (1006, "abnormal"),
        (1015, "abnormal"),
        (None, "abnormal"),
        (3000, "application"),
        (4999, "application"),
    ],
)
def test_connection_tells_how_it_was_closed(measured, code, name):
    measured.end(measured.connect(close_code=code))
    assert measured.all(f"{WEBSOCKET}_count") == {(name, "/chat"): 1}


@pytest.mark.parametrize("status", [403, 0, 429])
def test_refused_connection_was_never_active(measured, status):
    exchange = measured.connect(status, close_code=1006)
    assert measured.value(WEBSOCKETS) is None
    measured.end(exchange)
    assert measured.all(f"{WEBSOCKET}_count") == {("refused", "/chat"): 1}


@pytest.mark.parametrize(
    ("error", "disconnected", "name"),
    [
        (AppError(), False, "error"),
        (AppError(), True, "abnormal"),
        (IncompleteResponseError(), False, "abnormal"),
        (asyncio.CancelledError(), False, "abnormal"),
    ],
)
def test_connection_that_just_ended_tells_why(measured, error, disconnected, name):
    measured.end(measured.connect(disconnected=disconnected), error)
    assert measured.all(f"{WEBSOCKET}_count") == {(name, "/chat"): 1}


def test_routes_of_connections_are_cleaned(measured):
    measured.end(measured.connect(route=None, messages_sent=1))
    measured.end(measured.connect(route="/\udcff" + "x" * 300, messages_sent=1))
    assert set(measured.all(MESSAGES)) == {("sent", ""), ("sent", "/?" + "x" * 254)}


def test_excluded_connections_are_not_measured():
    measured = Measured(exclude=["/chat"])
    measured.end(measured.connect())
    assert measured.names() == set()


def test_connection_to_the_path_of_the_metrics_is_the_applications(measured):
    exchange = WebSocket(target="/metrics", internal=True)
    assert measured.metrics.on_request(exchange) is None
