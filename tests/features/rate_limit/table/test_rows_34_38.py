"""Rows 34 to 38 of the table: streams, files, and applications of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Litestar
from litestar import get as litestar_get
from starlette.testclient import TestClient

from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.asgi import RateLimitMiddleware as AsgiRateLimit
from perfkit.wsgi import RateLimitMiddleware as WsgiRateLimit
from tests.conformance import direct_asgi, direct_wsgi
from tests.doors import Door, Gate, Page
from tests.features.rate_limit.table.site import FILE_DOORS, HELLO, TEXT, Site, name_of, rule, state

if TYPE_CHECKING:
    from pathlib import Path

CHUNKS = [b"a" * 1000, b"b", b"c" * 3000]
RULES: Any = [rule("2/hour")]


def streamed(*chunks: bytes | Gate, kind: str = "text/plain") -> Page:
    return Page(stream=lambda: iter(chunks), headers=[("Content-Type", kind)])


# 34: streams and files; that there is one start only, the server of each door checks


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream", "application/x-ndjson"])
def test_34_a_stream_passes_piece_by_piece(door: Door, kind: str) -> None:
    site = Site(door, rule("2/hour"), view=streamed(*CHUNKS, kind=kind), sections={"compression": False})
    response = site.get()
    assert [chunk for chunk in response.chunks if chunk] == CHUNKS
    assert state(response)["rule"]["r"] == 1
    assert site.statuses(2) == [200, 429]


def test_34_each_piece_arrives_before_the_next_is_made(door: Door) -> None:
    gates = [Gate(), Gate()]
    page = streamed(b"one", gates[0], b"two", gates[1], b"three")
    site = Site(door, rule("2/hour"), view=page, sections={"compression": False})
    with site.open() as flight:
        assert state(flight.head())["rule"]["r"] == 1
        found = [flight.chunk()]
        for gate in gates:
            gate.open()
            found.append(flight.chunk())
    assert found == [b"one", b"two", b"three"]


@pytest.mark.parametrize("door", FILE_DOORS, ids=name_of)
def test_34_a_file_passes_whole(door: Door, tmp_path: Path) -> None:
    book = tmp_path / "book.bin"
    book.write_bytes(bytes(range(256)) * 1000)
    page = Page(file=book, headers=[("Content-Type", "application/octet-stream")])
    site = Site(door, rule("2/hour"), view=page)
    response = site.get()
    assert response.body == book.read_bytes()
    assert response.header("Content-Length") in (None, "256000")
    assert site.statuses(2) == [200, 429]


def test_34_an_application_that_starts_twice_gets_the_headers_once() -> None:
    """As slowapi's does with each chunk. What is wrong with it the server says, not perfkit."""
    messages = [direct_asgi.START, direct_asgi.START, direct_asgi.body(b"a")]
    sent = direct_asgi.talk_to(AsgiRateLimit(direct_asgi.says(*messages), rules=RULES))
    starts = [dict(message["headers"]) for message in sent.sent if message["type"] == "http.response.start"]
    assert [b"ratelimit" in headers for headers in starts] == [True, False]
    assert direct_asgi.START["headers"] == [(b"content-type", b"text/plain")]


# 35: any ASGI application


def test_35_lifespan_and_what_is_unknown_pass() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    host = AsgiRateLimit(app, rules=[rule("1/hour")])
    scopes: list[Any] = [{"type": "lifespan", "state": {}}, {"type": "invented"}] * 3
    for scope in scopes:
        asyncio.run(host(scope, None, None))  # type: ignore[arg-type]
    assert all(one is other for one, other in zip(seen, scopes, strict=True))


def test_35_an_application_with_a_lifespan_of_its_own() -> None:
    @litestar_get("/")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    started: list[str] = []
    app: Any = Litestar([hello], on_startup=[lambda: started.append("yes")], openapi_config=None)
    with TestClient(Asgi(app, {"rate_limit": {"rules": RULES}})) as client:
        found = [client.get("/") for _ in range(3)]
    assert [response.status_code for response in found] == [200, 200, 429]
    assert (found[0].json(), started) == ({"hello": "world"}, ["yes"])


def test_35_messages_that_are_not_ours_pass_in_order() -> None:
    hints = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
    messages = [hints, direct_asgi.start(trailers=True), direct_asgi.body(b"a"), {"type": "http.response.trailers"}]
    sent = direct_asgi.talk_to(AsgiRateLimit(direct_asgi.says(*messages), rules=RULES))
    assert sent.types == [message["type"] for message in messages]
    assert b"ratelimit" in sent.headers


# 36: any WSGI application


def generator(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    yield b"hel"
    yield b"lo"


def writer(environ: Any, start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"hel")
    return [b"lo"]


def in_two_minds(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("500 Internal Server Error", [TEXT])
    try:
        raise ValueError
    except ValueError as error:
        start_response("200 OK", [TEXT], (ValueError, error, None))
    return [b"hello"]


@pytest.mark.parametrize("app", [generator, writer, in_two_minds])
def test_36_however_an_application_answers(app: Any) -> None:
    host = WsgiRateLimit(app, rules=RULES)
    for expected in ("200 OK", "200 OK", "429 Too Many Requests"):
        call = direct_wsgi.call_host(host)
        body = b"".join(call.items())
        assert call.status == expected
        assert "RateLimit" in call.headers
        if expected == "200 OK":
            assert b"".join(call.written) + body == b"hello"


# 38 (37 has a module of its own): all at the same time


@pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
def test_38_at_the_same_time_no_more_are_admitted(door: Door, algorithm: str) -> None:
    """In Django under ASGI that is a native view, which Django's own cache cannot count right."""
    site = Site(door, rule("7/hour", algorithm=algorithm))
    if door.protocol == "asgi":
        flights = [site.open() for _ in range(20)]
        found = [flight.rest().status for flight in flights]
        for flight in reversed(flights):  # the settings of Django's door hold one in the other
            flight.leave()
    elif door.django:
        found = site.statuses(20)  # the settings of the test hold for one request at a time
    else:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _: site.get().status, range(20)))
    assert sorted(found) == [200] * 7 + [429] * 13


def test_38_sections_of_their_own_and_middlewares_alone(door: Door) -> None:
    site = Site(door, rule("2/hour"), middleware="RateLimitMiddleware", view=HELLO)
    found = [site.get() for _ in range(3)]
    assert [response.status for response in found] == [200, 200, 429]
    assert found[0].header("Server-Timing") is None
