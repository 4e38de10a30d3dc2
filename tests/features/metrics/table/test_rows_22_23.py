"""Rows 22 and 23 of the table: when a response begins and ends, and the bytes of a request."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from django.http import HttpResponse
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - beside what else is Starlette's
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.conformance import direct_asgi, direct_wsgi
from tests.doors import Door, Gate, Page
from tests.features.metrics.table.reading import reading
from tests.features.metrics.table.site import (
    DURATION,
    EVENTS,
    FIRST_BYTE,
    RECEIVED,
    REQUESTS,
    SENT,
    STREAM_DURATION,
    TEXT,
    Served,
    Site,
    of_asgi,
    of_django,
    of_wsgi,
)

PAUSE = 0.05
GZIP = ("Accept-Encoding", "gzip")
PROSE = b"It is a truth universally acknowledged, that a single man in possession of a good fortune. " * 40


def only(values: Any) -> float:
    (value,) = values.values()
    return float(value)


def bytes_sent(served: Served) -> tuple[float, float]:
    """How many bytes all bodies had, and how many bodies there were."""
    scrape = served.settled()
    return sum(scrape[f"{SENT}_sum"].values()), sum(scrape[f"{SENT}_count"].values())


# Row 22: the first byte and the last


def paused(kind: tuple[str, str]) -> tuple[Page, Gate]:
    gate = Gate()
    items: list[bytes | Gate] = [b"x" * 9000, gate, b"the end"]
    return Page(stream=lambda: items, headers=[kind]), gate


def ask_and_pause(site: Served, gate: Gate) -> float:
    started = time.perf_counter()
    with site.open("/x") as flight:
        flight.chunk()
        time.sleep(PAUSE)
        gate.open()
        flight.rest()
    return time.perf_counter() - started


def test_22_a_stream_lasts_until_its_last_byte_and_begins_with_its_first(door: Door) -> None:
    page, gate = paused(TEXT)
    site = Site(door, page)
    elapsed = ask_and_pause(site, gate)
    scrape = site.settled()
    first, last = only(scrape[f"{FIRST_BYTE}_sum"]), only(scrape[f"{DURATION}_sum"])
    assert first > 0
    assert first + PAUSE <= last <= elapsed


def test_22_event_streams_are_no_requests_that_last(door: Door) -> None:
    page, gate = paused(EVENTS)
    site = Site(door, page)
    elapsed = ask_and_pause(site, gate)
    scrape = site.settled()
    assert scrape[f"{DURATION}_count"] == {}
    assert scrape[f"{STREAM_DURATION}_count"] == {(site.route, "complete"): 1}
    assert PAUSE <= only(scrape[f"{STREAM_DURATION}_sum"]) <= elapsed
    assert scrape[REQUESTS] == {site.label(): 1}
    assert only(scrape[f"{FIRST_BYTE}_sum"]) + PAUSE <= elapsed


def test_22_what_is_sent_at_once_begins_before_it_ends(door: Door) -> None:
    site = Site(door)
    site.get()
    scrape = site.settled()
    assert 0 < only(scrape[f"{FIRST_BYTE}_sum"]) <= only(scrape[f"{DURATION}_sum"])


# Row 23: bytes of requests


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_23_bytes_that_the_application_took(door: Door, size: int) -> None:
    site = Site(door, inner=reading(door))
    for _ in range(2):
        site.get(method="POST", body=b"x" * size)
    scrape = site.settled()
    assert scrape[f"{RECEIVED}_sum"] == {("POST", site.route): 2 * size}
    assert scrape[f"{RECEIVED}_count"] == {("POST", site.route): 2}


def test_23_requests_without_a_body_are_not_counted(door: Door) -> None:
    site = Site(door, inner=reading(door))
    site.get()
    site.get(method="POST")
    assert site.settled()[f"{RECEIVED}_count"] == {}


def test_23_a_length_that_is_only_announced_is_not_believed() -> None:
    served = of_asgi(Starlette(routes=[Route("/x", takes_all, methods=["POST"])]))
    served.get("/x", ("Content-Length", "1000000000"), method="POST", body=b"hello")
    assert served.settled()[f"{RECEIVED}_sum"] == {("POST", "/x"): 5}


def test_23_only_as_much_as_was_taken() -> None:
    async def takes_two(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            await receive()
        for message in direct_asgi.TWO_CHUNKS:
            await send(message)

    served = of_asgi(takes_two)
    pieces = [{"type": "http.request", "body": b"x" * 10, "more_body": True} for _ in range(5)]
    direct_asgi.talk_to(served.host.app, arrives=pieces)  # type: ignore[attr-defined]
    assert served.settled()[f"{RECEIVED}_sum"] == {("GET", ""): 20}


@pytest.mark.usefixtures("unvalidated")
def test_23_a_body_in_chunks_has_no_length() -> None:
    def takes_all_there_is(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        start_response("200 OK", [TEXT])
        return [b"ok"]

    served = of_wsgi(takes_all_there_is)
    changes: Any = {"wsgi.input": io.BytesIO(b"x" * 700), "HTTP_TRANSFER_ENCODING": "chunked"}
    direct_wsgi.call_host(served.host.app, **changes).items()  # type: ignore[attr-defined]
    assert served.settled()[f"{RECEIVED}_sum"] == {("GET", ""): 700}


async def takes_all(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def takes_a_stream(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(sum([len(piece) async for piece in request.stream()])))


def flask_form() -> Served:
    app = Flask(__name__)

    @app.post("/x")
    def form() -> str:
        return str(len(flask_request.form["a"]))

    return of_wsgi(app)


def flask_stream() -> Served:
    app = Flask(__name__)

    @app.post("/x")
    def stream() -> str:
        return str(sum(map(len, flask_request.stream)))

    return of_wsgi(app)


def django_form(request: Any, rest: str = "") -> HttpResponse:
    return HttpResponse(str(len(request.POST["a"])))


def django_read(request: Any, rest: str = "") -> HttpResponse:
    return HttpResponse(str(len(request.read())))


async def django_async(request: Any, rest: str = "") -> HttpResponse:
    return HttpResponse(str(len(request.body)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: of_asgi(Starlette(routes=[Route("/x", takes_all, methods=["POST"])])),
        lambda: of_asgi(Starlette(routes=[Route("/x", takes_a_stream, methods=["POST"])])),
        flask_form,
        flask_stream,
        lambda: of_django("wsgi", django_form),
        lambda: of_django("wsgi", django_read),
        lambda: of_django("asgi", django_async),
    ],
    ids=["starlette", "starlette stream", "flask form", "flask stream", "django form", "django read", "django async"],
)
def test_23_whatever_way_a_framework_reads(make: Any) -> None:
    served = make()
    body = b"a=" + b"b" * 5000
    response = served.get("/x", ("Content-Type", "application/x-www-form-urlencoded"), method="POST", body=body)
    assert response.body in (b"5000", b"5002")
    assert list(served.settled()[f"{RECEIVED}_sum"].values()) == [5002]
