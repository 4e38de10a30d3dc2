"""All series in one table. Their names and units are those of OpenTelemetry where it has any."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Names: TypeAlias = Literal["otel", "short"]

METHOD: Final = "http_request_method"
ROUTE: Final = "http_route"
STATUS: Final = "http_response_status_code"
ERROR_TYPE: Final = "error_type"

# What labels are called with names = "short"; the others keep their name.
SHORT_LABELS: Final = {METHOD: "method", ROUTE: "handler", STATUS: "status"}

# Seconds: the buckets of prometheus-client and of OpenTelemetry's instrumentations.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# Streams and connections stay open for long: from a second to a day.
LONG: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
# An event loop that is 5 ms late is in trouble already.
LAG: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BYTES: Final = (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
QUERIES: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


class Series(NamedTuple):
    """What is known of a metric at start-up.

    Attributes:
        kind: its type.
        name: its name; counters end in ``_total``.
        help: what it says, in one line.
        labels: names of its labels.
        bounds: upper bounds of the buckets of a histogram; `SECONDS` stands for what the option ``buckets`` says.
        short: its name with names = "short", where that is another one.
        custom: whether the labels of the application are added.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    short: str = ""
    custom: bool = False

    def named(self, names: Names) -> str:
        """Its name, of the two."""
        return self.short or self.name if names == "short" else self.name

    def label_names(self, names: Names) -> tuple[str, ...]:
        """The names of its labels, without those of the application."""
        return tuple(SHORT_LABELS.get(label, label) for label in self.labels) if names == "short" else self.labels


REQUESTS: Final = Series(
    "counter",
    "http_server_requests_total",
    "Requests that have ended, by status and type of error.",
    (METHOD, ROUTE, STATUS, ERROR_TYPE),
    short="http_requests_total",
    custom=True,
)
DURATION: Final = Series(
    "histogram",
    "http_server_request_duration_seconds",
    "Time from the request to the last byte of the response, without event streams.",
    (METHOD, ROUTE, STATUS),
    SECONDS,
    short="http_request_duration_seconds",
    custom=True,
)
FIRST_BYTE: Final = Series(
    "histogram",
    "http_server_time_to_first_byte_seconds",
    "Time from the request to the start of the response.",
    (METHOD, ROUTE, STATUS),
    SECONDS,
    short="http_time_to_first_byte_seconds",
)
ACTIVE: Final = Series(
    "gauge",
    "http_server_active_requests",
    "Requests that have begun and not ended, open event streams included.",
    (METHOD,),
    short="http_requests_inprogress",
)
RECEIVED: Final = Series(
    "histogram",
    "http_server_request_body_size_bytes",
    "Bytes of the body the application took, of requests that have one.",
    (METHOD, ROUTE),
    BYTES,
    short="http_request_size_bytes",
)
SENT: Final = Series(
    "histogram",
    "http_server_response_body_size_bytes",
    "Bytes of the body as it was sent; 0 for HEAD, 204 and 304.",
    (METHOD, ROUTE),
    BYTES,
    short="http_response_size_bytes",
)
ACTIVE_STREAMS: Final = Series(
    "gauge",
    "http_server_active_streams",
    "Event streams that are open.",
    short="http_streams_inprogress",
)
STREAM_DURATION: Final = Series(
    "histogram",
    "http_server_stream_duration_seconds",
    "Time an event stream was open, by how it ended.",
    (ROUTE, "outcome"),
    LONG,
    short="http_stream_duration_seconds",
)
ACTIVE_WEBSOCKETS: Final = Series(
    "gauge",
    "http_server_active_websockets",
    "WebSocket connections that are open.",
    short="http_websockets_inprogress",
)
WEBSOCKET_DURATION: Final = Series(
    "histogram",
    "http_server_websocket_duration_seconds",
    "Time a WebSocket connection took, from the handshake on, by how it was closed.",
    (ROUTE, "close_class"),
    LONG,
    short="http_websocket_duration_seconds",
)
MESSAGES: Final = Series(
    "counter",
    "http_server_websocket_messages_total",
    "Messages of WebSocket connections that have ended.",
    (ROUTE, "direction"),
    short="http_websocket_messages_total",
)
QUERY_COUNT: Final = Series(
    "histogram",
    "db_client_request_queries",
    "Database queries of one request.",
    (ROUTE,),
    QUERIES,
)
QUERY_DURATION: Final = Series(
    "histogram",
    "db_client_request_duration_seconds",
    "Time all database queries of one request took.",
    (ROUTE,),
    SECONDS,
)
LOOP_LAG: Final = Series(
    "histogram",
    "asyncio_event_loop_lag_seconds",
    "How late the event loop ran what was due, looked at four times a second.",
    (),
    LAG,
)
RATE_LIMIT: Final = Series(
    "counter",
    "perfkit_rate_limit_decisions_total",
    "What the rules of the rate limit said of requests.",
    ("rule", "outcome"),
)
COMPRESSION: Final = Series(
    "counter",
    "perfkit_compression_responses_total",
    "Responses by their coding, or by why they have none.",
    ("coding", "skip_reason"),
)
COMPRESSION_INPUT: Final = Series(
    "counter",
    "perfkit_compression_input_bytes_total",
    "Bytes before compression.",
    ("coding",),
)
COMPRESSION_OUTPUT: Final = Series(
    "counter",
    "perfkit_compression_output_bytes_total",
    "Bytes after compression.",
    ("coding",),
)
CONDITIONAL: Final = Series(
    "counter",
    "perfkit_conditional_responses_total",
    "What became of conditional requests and of ETags.",
    ("outcome",),
)
SPANS: Final = Series(
    "histogram",
    "perfkit_span_duration_seconds",
    "Time the pieces of work took that are measured by name.",
    ("name",),
    SECONDS,
)
OVERFLOW: Final = Series(
    "counter",
    "perfkit_metrics_overflow_total",
    "Observations without a series of their own, since their metric has max_series of them.",
    ("metric",),
)

ALL: Final = (
    REQUESTS,
    DURATION,
    FIRST_BYTE,
    ACTIVE,
    RECEIVED,
    SENT,
    ACTIVE_STREAMS,
    STREAM_DURATION,
    ACTIVE_WEBSOCKETS,
    WEBSOCKET_DURATION,
    MESSAGES,
    QUERY_COUNT,
    QUERY_DURATION,
    LOOP_LAG,
    RATE_LIMIT,
    COMPRESSION,
    COMPRESSION_INPUT,
    COMPRESSION_OUTPUT,
    CONDITIONAL,
    SPANS,
    OVERFLOW,
)
