"""The panels of the dashboard, row by row."""

from __future__ import annotations

from panels import STACKED, Panel, bars, heatmap, lines, quantile, rate, stat

REQUESTS = "http_server_requests_total"
DURATION = "http_server_request_duration_seconds"
FIRST_BYTE = "http_server_time_to_first_byte_seconds"
STREAM = "http_server_stream_duration_seconds"
WEBSOCKET = "http_server_websocket_duration_seconds"
RECEIVED = "http_server_request_body_size_bytes"
SENT = "http_server_response_body_size_bytes"
QUERIES = "db_client_request_queries"
QUERY_TIME = "db_client_request_duration_seconds"
LAG = "asyncio_event_loop_lag_seconds"
SPAN = "perfkit_span_duration_seconds"
INPUT = "perfkit_compression_input_bytes_total"
OUTPUT = "perfkit_compression_output_bytes_total"

FAILED = 'ROUTE,http_response_status_code=~"5.."'
ROUTE = "{{http_route}}"
INSTANCE = "{{instance}}"

OVERVIEW = [
    stat("Requests a second", "reqps", rate(REQUESTS)),
    stat(
        "Failed",
        "percentunit",
        f"({rate(REQUESTS, within=FAILED)} or vector(0)) / {rate(REQUESTS)}",
        "The share with a status from 500 up.",
    ),
    stat("p95", "s", quantile(95, DURATION), "What 95 of 100 requests take at most, to the last byte."),
    stat("Active requests", "short", "sum(http_server_active_requests{HERE})"),
    stat("Instances up", "short", "sum(up{HERE})"),
    stat(
        "Thresholds broken",
        "short",
        "sum(perfkit_threshold_broken{HERE}) or vector(0)",
        "Limits of the setting thresholds, each process for itself.",
    ),
]

TRAFFIC = [
    lines(
        "Requests by status",
        "reqps",
        (rate(REQUESTS, "http_response_status_code"), "{{http_response_status_code}}"),
        field=STACKED,
    ),
    lines(
        "Requests by route",
        "reqps",
        (rate(REQUESTS, "http_route"), ROUTE),
        description="The one without a name are requests that no route fits.",
        field=STACKED,
    ),
    lines(
        "Failed requests by route",
        "percentunit",
        (f"{rate(REQUESTS, 'http_route', FAILED)} / {rate(REQUESTS, 'http_route')}", ROUTE),
        description="The share with a status from 500 up.",
        width=8,
    ),
    lines(
        "Errors by type",
        "reqps",
        (rate(REQUESTS, "error_type", 'ROUTE,error_type!=""'), "{{error_type}}"),
        width=8,
    ),
    lines(
        "Active requests",
        "short",
        ("sum by (http_request_method) (http_server_active_requests{HERE})", "{{http_request_method}}"),
        description="Begun and not ended, open streams too.",
        width=8,
        field=STACKED,
    ),
]

DURATIONS = [
    lines(
        "Duration",
        "s",
        *((quantile(percent, DURATION), f"p{percent}") for percent in (50, 95, 99)),
        description="To the last byte, without event streams.",
    ),
    lines(
        "First byte and last byte",
        "s",
        (quantile(95, FIRST_BYTE), "p95 to the first byte"),
        (quantile(95, DURATION), "p95 to the last byte"),
        description="Far apart where bodies are large, clients slow, or responses stream.",
    ),
    *(
        lines(f"p{percent} by route", "s", (quantile(percent, DURATION, "http_route"), ROUTE), width=8)
        for percent in (50, 95, 99)
    ),
    bars(
        "Slowest routes",
        "s",
        f"topk(10, {quantile(95, DURATION, 'http_route', over='$__range')})",
        ROUTE,
        "p95 over the chosen time.",
    ),
    bars(
        "Routes that take most time",
        "percentunit",
        f"topk(10, {rate(f'{DURATION}_sum', 'http_route', over='$__range')}"
        f" / on () group_left () {rate(f'{DURATION}_sum', over='$__range')})",
        ROUTE,
        "Their share of the time of all requests: where to look first.",
    ),
    heatmap("All durations", DURATION),
]

CONNECTIONS = [
    lines(
        "Open event streams",
        "short",
        ("sum by (instance) (http_server_active_streams{HERE})", INSTANCE),
        width=8,
    ),
    lines("Streams by how they ended", "cps", (rate(f"{STREAM}_count", "outcome"), "{{outcome}}"), width=8),
    lines("How long streams are open, p95", "s", (quantile(95, STREAM, "http_route"), ROUTE), width=8),
    lines(
        "Open WebSockets",
        "short",
        ("sum by (instance) (http_server_active_websockets{HERE})", INSTANCE),
        width=8,
    ),
    lines(
        "WebSockets by how they were closed",
        "cps",
        (rate(f"{WEBSOCKET}_count", "close_class"), "{{close_class}}"),
        width=8,
    ),
    lines(
        "Messages of WebSockets",
        "cps",
        (rate("http_server_websocket_messages_total", "direction"), "{{direction}}"),
        description="Counted when a connection ends.",
        width=8,
    ),
]

SIZES = [
    lines("Bytes of bodies", "Bps", (rate(f"{RECEIVED}_sum"), "received"), (rate(f"{SENT}_sum"), "sent"), width=8),
    lines("Size of responses, p95 by route", "bytes", (quantile(95, SENT, "http_route"), ROUTE), width=8),
    lines("Size of requests, p95 by route", "bytes", (quantile(95, RECEIVED, "http_route"), ROUTE), width=8),
]

DATABASE = [
    lines(
        "Queries of a request",
        "short",
        (f"{rate(f'{QUERIES}_sum', 'http_route')} / {rate(f'{QUERIES}_count', 'http_route')}", ROUTE),
        description="On average. A number that grows with the data is an N+1.",
        width=8,
    ),
    lines("Database time of a request, p95", "s", (quantile(95, QUERY_TIME, "http_route"), ROUTE), width=8),
    lines(
        "Share of the time that the database takes",
        "percentunit",
        (f"{rate(f'{QUERY_TIME}_sum', 'http_route')} / {rate(f'{DURATION}_sum', 'http_route')}", ROUTE),
        width=8,
    ),
]

PROCESS = [
    lines(
        "Event loop lag",
        "s",
        *((quantile(percent, LAG, "instance", "HERE"), f"p{percent} {INSTANCE}") for percent in (50, 99)),
        description="How late the loop runs what is due. Above some 50 ms, something blocks it.",
        width=8,
    ),
    lines(
        "Processor",
        "percentunit",
        (rate("process_cpu_seconds_total", "instance", "HERE"), INSTANCE),
        description="1 is one core. Not known where several processes answer at one address.",
        width=8,
    ),
    lines("Memory", "bytes", ("process_resident_memory_bytes{HERE}", INSTANCE), width=8),
]

FEATURES = [
    lines(
        "Rate limit",
        "reqps",
        (rate("perfkit_rate_limit_decisions_total", "rule, outcome", "HERE"), "{{rule}} {{outcome}}"),
        field=STACKED,
    ),
    lines(
        "Conditional requests",
        "reqps",
        (rate("perfkit_conditional_responses_total", "outcome", "HERE"), "{{outcome}}"),
        field=STACKED,
    ),
    lines(
        "Bytes that compression saves",
        "Bps",
        (f"{rate(INPUT, 'coding', 'HERE')} - {rate(OUTPUT, 'coding', 'HERE')}", "{{coding}}"),
        width=8,
        field=STACKED,
    ),
    lines(
        "Size after compression",
        "percentunit",
        (f"{rate(OUTPUT, 'coding', 'HERE')} / {rate(INPUT, 'coding', 'HERE')}", "{{coding}}"),
        width=8,
    ),
    lines(
        "Why responses are not compressed",
        "reqps",
        (rate("perfkit_compression_responses_total", "skip_reason", 'HERE,skip_reason!=""'), "{{skip_reason}}"),
        width=8,
        field=STACKED,
    ),
    lines(
        "Spans, p95",
        "s",
        (quantile(95, SPAN, "name", "HERE"), "{{name}}"),
        description="Pieces of work that are measured by name, in requests and outside.",
        width=8,
    ),
    lines(
        "Thresholds",
        "short",
        ("sum by (rule, limit) (perfkit_threshold_broken{HERE})", "{{rule}} {{limit}}"),
        description="In how many processes a limit is broken.",
        width=8,
    ),
    lines(
        "Observations without a series of their own",
        "cps",
        (rate("perfkit_metrics_overflow_total", "metric", "HERE"), "{{metric}}"),
        description="They count as __overflow__, since their metric has metrics.max_series of them.",
        width=8,
    ),
]

ROWS: list[tuple[str, list[Panel]]] = [
    ("Overview", OVERVIEW),
    ("Requests", TRAFFIC),
    ("Durations", DURATIONS),
    ("Streams and WebSockets", CONNECTIONS),
    ("Sizes", SIZES),
    ("Database", DATABASE),
    ("Process", PROCESS),
    ("What perfkit does", FEATURES),
]
