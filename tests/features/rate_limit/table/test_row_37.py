"""Row 37 of the table: the handshake of a WebSocket counts, and a refused one is answered as the server can."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from perfkit.asgi import PerfkitMiddleware, RateLimitMiddleware
from perfkit.starlette import rate_limit
from tests.conformance import direct_asgi
from tests.conformance.direct_asgi import Talk
from tests.features.rate_limit.table.serving import Served
from tests.features.rate_limit.table.site import rule

WEBSOCKET: Any = {"match": {"type": "websocket"}}
DENIAL: Any = {"websocket.http.response": {}}


async def accepts(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": "chat"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def connect(host: Any, extensions: Any = None, *headers: tuple[bytes, bytes], **changes: Any) -> Talk:
    scope = direct_asgi.scope(type="websocket", scheme="wss", subprotocols=["chat"], **changes)
    del scope["method"]
    scope["headers"] = [*scope["headers"], *headers]
    if extensions is not None:
        scope["extensions"] = extensions
    arrives: Any = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    return direct_asgi.talk_to(host, scope=scope, arrives=arrives)


def test_37_an_accepted_handshake_says_what_is_left() -> None:
    sent = connect(RateLimitMiddleware(accepts, rules=[rule("3/hour", **WEBSOCKET)]))
    assert sent.types == ["websocket.accept"]
    assert sent.sent[0]["subprotocol"] == "chat"
    assert sent.headers[b"ratelimit"].startswith(b'"rule";r=2;t=')


def test_37_a_refused_one_is_answered_with_a_429() -> None:
    host = PerfkitMiddleware(accepts, {"rate_limit": {"rules": [rule("1/hour", **WEBSOCKET)]}})
    connect(host)
    refused = connect(host, DENIAL)
    assert refused.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert refused.sent[0]["status"] == 429
    assert int(refused.headers[b"retry-after"]) >= 1
    assert refused.headers[b"cache-control"] == b"no-store"
    assert json.loads(refused.body)["violated-policies"] == ["rule"]


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}])
def test_37_or_closed_before_it_is_accepted_where_there_are_no_answers(extensions: Any) -> None:
    host = RateLimitMiddleware(accepts, rules=[rule("1/hour")])
    connect(host)
    refused = connect(host, extensions)
    assert (refused.types, refused.error) == (["websocket.close"], None)


@pytest.mark.parametrize(
    ("match", "counts"),
    [({}, True), ({"type": "http"}, False), ({"methods": ["GET"]}, True), ({"methods": ["POST"]}, False)],
)
@pytest.mark.parametrize("extensions", [None, DENIAL])
def test_37_rules_for_all_are_for_handshakes_too(match: Any, counts: bool, extensions: Any) -> None:
    host = RateLimitMiddleware(accepts, rules=[rule("1/hour", match=match)])
    accepted = [connect(host, extensions).types == ["websocket.accept"] for _ in range(2)]
    assert accepted == [True, not counts]


def test_37_http_and_handshakes_share_a_rule_for_both() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        kind = accepts if scope["type"] == "websocket" else direct_asgi.says(*direct_asgi.TWO_CHUNKS)
        await kind(scope, receive, send)

    host = RateLimitMiddleware(app, rules=[rule("1/hour")])
    assert direct_asgi.talk_to(host).sent[0]["status"] == 200
    assert connect(host).types == ["websocket.close"]


def test_37_connections_are_in_flight_while_they_are_open() -> None:
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            try:
                await websocket.send_text(await websocket.receive_text())
            except WebSocketDisconnect:
                return

    app = Starlette(routes=[WebSocketRoute("/", echo)])
    client = TestClient(RateLimitMiddleware(app, rules=[rule("1 concurrent", **WEBSOCKET)]))
    for _ in range(3):
        with client.websocket_connect("/") as first:
            first.send_text("hello")
            assert first.receive_text() == "hello"
            with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/"):
                pass
            assert refused.value.status_code == 429


@pytest.mark.parametrize("fails", ["before", "after"])
def test_37_and_no_longer_when_the_application_fails(fails: str) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if fails == "after":
            await send({"type": "websocket.accept"})
        raise ValueError

    host = RateLimitMiddleware(failing, rules=[rule("1 concurrent")])
    assert [type(connect(host).error) for _ in range(3)] == [ValueError] * 3


@pytest.mark.parametrize(("closes", "count_when", "counts"), [(True, "4xx", True), (False, "4xx", False)])
def test_37_what_counts_can_depend_on_the_answer(closes: bool, count_when: str, counts: bool) -> None:
    """An application that closes refuses with a 403."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close" if closes else "websocket.accept"})

    host = RateLimitMiddleware(app, rules=[rule("1/hour", count_when=count_when)])
    types = [connect(host, DENIAL).types[0] for _ in range(2)]
    assert (types[1] == "websocket.http.response.start") is counts


@pytest.mark.parametrize("extensions", [None, DENIAL])
def test_37_so_is_one_by_the_rule_of_a_view(extensions: Any) -> None:
    @rate_limit("1/hour", name="view")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()

    host = RateLimitMiddleware(Starlette(routes=[WebSocketRoute("/", echo)]))
    assert connect(host, extensions).types[0] == "websocket.accept"
    refused = connect(host, extensions)
    assert refused.error is None
    if extensions is None:
        assert refused.types == ["websocket.close"]
        return
    assert refused.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert refused.sent[0]["status"] == 429
    assert int(refused.headers[b"retry-after"]) >= 1
    assert json.loads(refused.body)["violated-policies"] == ["view"]


# Real servers


@pytest.fixture(
    scope="module",
    params=[
        "uvicorn {app} --port {port} --ws wsproto --log-level critical",
        "hypercorn {app} --bind 127.0.0.1:{port}",
        "daphne {app} --bind 127.0.0.1 --port {port} --verbosity 0",
    ],
    ids=["uvicorn", "hypercorn", "daphne"],
)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    server = Served(request.param)
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.server
def test_37_real_servers_refuse_handshakes(served: Served) -> None:
    for expected in ((101,), (429, 403)):
        status, head, connection = served.head("/rate")
        connection.close()
        assert status in expected
        assert b"retry-after: " in head or status != 429


@pytest.mark.server
def test_37_and_those_that_are_too_many_at_a_time(served: Served) -> None:
    status, _, first = served.head("/open")
    assert status == 101
    status, _, second = served.head("/open")
    second.close()
    assert status in (429, 403)
    first.close()
    deadline = time.monotonic() + 10
    while status != 101:
        assert time.monotonic() < deadline, "the connection is gone, and still counts"
        time.sleep(0.02)
        status, _, third = served.head("/open")
        third.close()
