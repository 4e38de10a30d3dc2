"""Rows 20 and 21 of the table: WebSocket connections have series of their own, whatever becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket  # noqa: TC002 - FastAPI reads annotations

from tests.conformance import direct_asgi
from tests.conformance.direct_asgi import Talk
from tests.features.metrics.table.site import (
    ACTIVE_WEBSOCKETS,
    DURATION,
    MESSAGES,
    REQUESTS,
    WEBSOCKET_DURATION,
    Scrape,
    Served,
    of_asgi,
)
from tests.features.rate_limit.table.site import rule

CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}
HELLO = {"type": "websocket.send", "text": "hello"}
COUNT = f"{WEBSOCKET_DURATION}_count"
DENIAL: Any = {"websocket.http.response": {}}
SENTENCE = {"type": "websocket.receive", "text": "hi"}


def leaves(**code: int) -> dict[str, Any]:
    return {"type": "websocket.disconnect", **code}


def closes(**code: int) -> dict[str, Any]:
    return {"type": "websocket.close", **code}


def app(*messages: Any, error: BaseException | None = None) -> Any:
    """Takes the connection, sends these messages, raises, or waits until the client leaves."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        for message in messages:
            await send(message)
        if error is not None:
            raise error
        while (await receive())["type"] == "websocket.receive":
            pass

    return app


def connect(served: Served, *arrives: Any, path: str = "/talk", extensions: Any = None, **facts: Any) -> Talk:
    scope = direct_asgi.scope(type="websocket", scheme="ws", subprotocols=[], path=path, raw_path=path.encode())
    del scope["method"]
    if extensions is not None:
        scope["extensions"] = extensions
    arriving = [CONNECT, *(arrives or [leaves(code=1000)])]
    host: Any = served.host
    return direct_asgi.talk_to(host.app, scope=scope, arrives=arriving, **facts)


def counted(served: Served) -> dict[str, float]:
    """Connections by how they were closed; none of them is open, or counted as a request."""
    scrape = served.settled()
    assert scrape[REQUESTS] == scrape[f"{DURATION}_count"] == {}
    assert all(value == 0 for value in scrape[ACTIVE_WEBSOCKETS].values())
    return {close_class: value for (close_class, _), value in scrape[COUNT].items()}


# Row 20: they harm nothing


@pytest.mark.parametrize("middleware", ["PerfkitMiddleware", "MetricsMiddleware"])
@pytest.mark.parametrize("path", ["/talk", "/metrics"])
def test_20_a_connection_passes_as_it_is(middleware: str, path: str) -> None:
    served = of_asgi(app(ACCEPT, HELLO), middleware)
    talk = connect(served, SENTENCE, leaves(code=1000), path=path)
    assert (talk.types, talk.error) == (["websocket.accept", "websocket.send"], None)
    assert counted(served) == {"normal": 1}


def test_20_a_scope_with_as_little_in_it_as_asgi_allows() -> None:
    served = of_asgi(app(ACCEPT))
    scope = {**direct_asgi.scope(), "type": "websocket"}
    least = {key: scope[key] for key in ("type", "asgi", "path", "headers")}
    host: Any = served.host
    direct_asgi.talk_to(host.app, scope=least, arrives=[CONNECT, leaves(code=1000)])
    assert counted(served) == {"normal": 1}


# Row 21: what is told of them


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((code, "normal") for code in (1000, 1005)),
        (1001, "going_away"),
        (1008, "policy"),
        *((code, "error") for code in (1011, 1012, 1013, 1014)),
        *((code, "application") for code in (3000, 3999, 4000, 4999)),
        *((code, "abnormal") for code in (1006, 1015)),
        *((code, "protocol") for code in (1002, 1003, 1007, 1009, 1010, 1016, 2999, 5000, 0, -1, 10**9)),
    ],
)
@pytest.mark.parametrize("side", ["client", "application"])
def test_21_how_a_connection_was_closed_from_either_side(side: str, code: int, name: str) -> None:
    served = of_asgi(app(ACCEPT) if side == "client" else app(ACCEPT, closes(code=code)))
    connect(served, leaves(code=code) if side == "client" else leaves(code=1006))
    assert counted(served) == {name: 1}


@pytest.mark.parametrize(
    ("application", "arrives"),
    [(app(ACCEPT), leaves()), (app(ACCEPT, closes()), leaves(code=1006))],
    ids=["client", "application"],
)
def test_21_a_close_without_a_code_is_normal(application: Any, arrives: Any) -> None:
    served = of_asgi(application)
    connect(served, arrives)
    assert counted(served) == {"normal": 1}


def test_21_who_closes_first_says_why() -> None:
    served = of_asgi(app(ACCEPT, closes(code=4001)))
    connect(served, leaves(code=1001))
    assert counted(served) == {"application": 1}


def test_21_random_codes_make_few_series() -> None:
    served = of_asgi(app(ACCEPT))
    for code in range(0, 7000, 7):
        connect(served, leaves(code=code))
    assert len(counted(served)) <= 8


START = {"type": "websocket.http.response.start", "status": 401, "headers": []}
BODY = {"type": "websocket.http.response.body", "body": b"no"}


@pytest.mark.parametrize("messages", [[closes(code=1008)], [closes()], [START, BODY]], ids=["1008", "close", "401"])
def test_21_a_handshake_that_is_refused_was_never_open(messages: Any) -> None:
    served = of_asgi(app(*messages))
    connect(served, leaves(code=1006), extensions=DENIAL)
    assert counted(served) == {"refused": 1}
    assert ACTIVE_WEBSOCKETS not in served.scrape().names


@pytest.mark.parametrize("extensions", [None, DENIAL])
def test_21_one_that_a_feature_refuses_likewise(extensions: Any) -> None:
    served = of_asgi(app(ACCEPT), rate_limit={"rules": [rule("1/hour")]})
    for _ in range(3):
        connect(served, extensions=extensions)
    assert counted(served) == {"normal": 1, "refused": 2}
    assert served.scrape()["perfkit_rate_limit_decisions_total"] == {("allowed", "rule"): 1, ("refused", "rule"): 2}


@pytest.mark.parametrize("messages", [[], [ACCEPT], [ACCEPT, HELLO]], ids=["before", "accepted", "later"])
def test_21_an_application_that_fails_is_an_error(messages: Any) -> None:
    served = of_asgi(app(*messages, error=LookupError()))
    assert isinstance(connect(served).error, LookupError)
    assert counted(served) == {"error": 1}


def test_21_a_connection_that_is_cancelled_just_broke() -> None:
    served = of_asgi(app(ACCEPT))
    connect(served, SENTENCE, cancelled=True)
    assert counted(served) == {"abnormal": 1}


async def swallows(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(ACCEPT)
    with pytest.raises(OSError, match="has left"):
        await send(HELLO)


async def pushes(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text("hello")


PUSHES = Starlette(routes=[WebSocketRoute("/talk", pushes)])


@pytest.mark.parametrize(
    "application", [app(ACCEPT, HELLO), swallows, PUSHES], ids=["raised", "swallowed", "starlette"]
)
def test_21_a_client_that_was_gone_when_something_was_sent_just_broke(application: Any) -> None:
    served = of_asgi(application)
    connect(served, SENTENCE, fails_at="websocket.send")
    assert counted(served) == {"abnormal": 1}


def test_21_open_connections_are_shown_while_they_are() -> None:
    seen: list[Scrape] = []

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.append(served.scrape())
        await send(ACCEPT)
        seen.append(served.scrape())
        await receive()

    served = of_asgi(looking)
    connect(served)
    assert [scrape.value(ACTIVE_WEBSOCKETS) for scrape in seen] == [None, 1]
    assert counted(served) == {"normal": 1}


def test_21_messages_of_both_directions() -> None:
    served = of_asgi(app(ACCEPT, *[HELLO] * 5))
    connect(served, *[SENTENCE] * 3, leaves(code=1000))
    connect(served)
    assert served.scrape()[MESSAGES] == {("received", ""): 3, ("sent", ""): 10}


async def endpoint(websocket: WebSocket, room: str = "") -> None:
    await websocket.accept()
    await websocket.close(4000)


def fastapi() -> FastAPI:
    router, outer, application = APIRouter(prefix="/rooms"), APIRouter(), FastAPI()
    router.websocket("/{room}")(endpoint)
    outer.include_router(router, prefix="/v1")
    application.include_router(outer)
    return application


@pytest.mark.parametrize(
    ("application", "path", "template"),
    [
        (Starlette(routes=[WebSocketRoute("/rooms/{room}", endpoint)]), "/rooms/7", "/rooms/{room}"),
        (
            Starlette(routes=[Mount("/of/{id:int}", routes=[WebSocketRoute("/{room}", endpoint)])]),
            "/of/007/7",
            "/of/{id:int}/{room}",
        ),
        (fastapi(), "/v1/rooms/7", "/v1/rooms/{room}"),
        (Starlette(routes=[Route("/rooms", lambda _: None)]), "/scanned", ""),
    ],
    ids=["starlette", "mounted", "fastapi", "no route"],
)
def test_21_their_route_is_the_template(application: Any, path: str, template: str) -> None:
    served = of_asgi(application)
    connect(served, path=path)
    assert [route for _, route in served.settled()[COUNT]] == [template]


def test_21_short_names() -> None:
    served = of_asgi(app(ACCEPT, HELLO), metrics={"names": "short"})
    connect(served)
    scrape = served.scrape()
    assert scrape.value("http_websockets_inprogress") == 0
    assert scrape["http_websocket_duration_seconds_count"] == {("normal", ""): 1}
    assert scrape["http_websocket_messages_total"] == {("sent", ""): 1}
