"""Metrics behind each door."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from perfkit.asgi import PerfkitMiddleware
from tests.conformance.client import Request
from tests.doors import DOORS, Door, Front, Page
from tests.features.metrics.measured import Measured

EACH = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
ROUTES = {
    "starlette": "/{rest:path}",
    "flask": "/<path:rest>",
    "django-wsgi": "/<path:rest>",
    "django-asgi": "/<path:rest>",
}


def behind(**options: Any) -> tuple[Measured, Front]:
    """Metrics, and a stack as it is without settings but for their registry."""
    measured = Measured(**options)
    return measured, Front(settings={"metrics": {"registry": measured.registry, **options}})


@EACH
def test_request(door: Door) -> None:
    measured, front = behind()
    body = b"<p>" + b"hello " * 200
    page = Page(headers=[("Content-Type", "text/html")], body=body)
    for _ in range(2):
        assert door.fetch(page, Request("GET", "/books/1"), front).status == 200
    route = ROUTES.get(door.name, "")
    assert measured.all("http_server_requests_total") == {("", "GET", "200", route): 2}
    assert measured.all("http_server_request_duration_seconds_count") == {("GET", "2xx", route): 2}
    assert measured.all("http_server_time_to_first_byte_seconds_count") == {("GET", "2xx", route): 2}
    assert measured.all("http_server_response_body_size_bytes_sum") == {("GET", route): 2 * len(body)}
    assert measured.all("http_server_active_requests") == {("GET",): 0}


@EACH
def test_what_other_features_tell(door: Door) -> None:
    measured, front = behind()
    page = Page(headers=[("Content-Type", "text/html")], body=b"hello " * 200)
    response = door.fetch(page, Request("GET", "/", headers=[("Accept-Encoding", "gzip")]), front)
    assert measured.value("perfkit_compression_responses_total", coding="gzip", skip_reason="") == 1
    assert measured.value("perfkit_compression_input_bytes_total", coding="gzip") == 1200
    assert measured.value("perfkit_compression_output_bytes_total", coding="gzip") == len(response.body)
    assert measured.all("http_server_response_body_size_bytes_sum").popitem()[1] == len(response.body)
    assert measured.value("perfkit_conditional_responses_total", outcome="made") == 1


@EACH
def test_event_stream(door: Door) -> None:
    measured, front = behind()
    page = Page(headers=[("Content-Type", "text/event-stream")], stream=lambda: [b"data: 1\n\n", b"data: 2\n\n"])
    assert door.fetch(page, Request("GET", "/events"), front).body == b"data: 1\n\ndata: 2\n\n"
    assert measured.all("http_server_stream_duration_seconds_count") == {(ROUTES.get(door.name, ""), "complete"): 1}
    assert measured.all("http_server_request_duration_seconds_count") == {}
    assert measured.value("http_server_active_streams") == 0


def chat(measured: Measured) -> TestClient:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass

    app = Starlette(routes=[WebSocketRoute("/rooms/{room}", endpoint)])
    return TestClient(PerfkitMiddleware(app, {}, features=[measured.metrics]))


def test_websocket() -> None:
    measured = Measured()
    with chat(measured).websocket_connect("/rooms/7") as websocket:
        for _ in range(3):
            websocket.send_text("hello")
            websocket.receive_text()
        assert measured.value("http_server_active_websockets") == 1
        websocket.close(4001)
    assert measured.value("http_server_active_websockets") == 0
    assert measured.all("http_server_websocket_duration_seconds_count") == {("application", "/rooms/{room}"): 1}
    assert measured.all("http_server_websocket_messages_total") == {
        ("received", "/rooms/{room}"): 3,
        ("sent", "/rooms/{room}"): 3,
    }


def test_loop_is_looked_at() -> None:
    measured = Measured()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def main() -> None:
        middleware: Any = PerfkitMiddleware(app, {}, features=[measured.metrics])
        await middleware({"type": "http", "method": "GET", "path": "/", "headers": []}, None, asyncio.Queue().put)
        assert len(measured.metrics._recorder.samplers._loops) == 1

    asyncio.run(main())
