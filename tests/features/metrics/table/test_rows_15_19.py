"""Rows 15 to 19 of the table: what fails, is cancelled or left is counted once, as what the client saw of it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from django.http import HttpResponse
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - beside what else is Starlette's
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.conformance import direct_asgi
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door, Page, Seen
from tests.features.metrics.table.site import (
    ACTIVE,
    DURATION,
    FIRST_BYTE,
    REQUESTS,
    SENT,
    TEXT,
    Site,
    cancel,
    of_asgi,
    of_django,
)

LONG = b"x" * 9000
SECRET = "the-password-of-anna"


class Failing:
    class Error(LookupError):
        """What a view raises."""


def fails(_: Seen) -> Page:
    raise Failing.Error(SECRET)


def failing_after(*chunks: bytes) -> Page:
    def stream() -> Any:
        yield from chunks
        raise Failing.Error(SECRET)

    return Page(stream=stream, headers=[TEXT])


# Rows 15 and 17: exceptions before the start


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_15_17_an_exception_counts_once_as_what_the_client_got(door: Door, method: str) -> None:
    site = Site(door, fails)
    assert site.get("/books/7", method=method).status == 500
    scrape = site.settled()
    # Flask answers by itself, and tells nobody around it what was raised.
    told = "" if door.name == "flask" else "Failing.Error"
    assert scrape[REQUESTS] == {site.label(method, 500, told): 1}
    assert scrape[f"{DURATION}_count"] == {(method, "5xx", site.route): 1}
    assert scrape[ACTIVE] == {(method,): 0}


def test_15_an_exception_that_is_answered_is_that_answer(door: Door) -> None:
    def view(_: Seen) -> Page:
        return Page(status=503, body=b"sorry", headers=[TEXT])

    site = Site(door, view)
    assert site.get().status == 503
    assert site.scrape()[REQUESTS] == {site.label(status=503): 1}


def test_17_no_message_of_an_exception_is_shown(door: Door) -> None:
    site = Site(door, fails)
    site.get(f"/{SECRET}?q={SECRET}", ("Cookie", f"a={SECRET}"), ("User-Agent", SECRET))
    Site(door, failing_after(LONG), registry=site.registry).get(f"/{SECRET}")
    assert SECRET.encode() not in site.get("/metrics").body


# Row 16: exceptions after the start


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_16_an_exception_after_the_start_keeps_the_status_and_has_its_type(door: Door, chunks: int) -> None:
    site = Site(door, failing_after(*[LONG] * chunks))
    response = site.get()
    assert (response.status, len(response.body)) == (200, len(LONG) * chunks)
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(error_type="Failing.Error"): 1}
    assert scrape[f"{DURATION}_count"] == {("GET", "2xx", site.route): 1}
    assert scrape[f"{SENT}_sum"] == {("GET", site.route): len(LONG) * chunks}


def test_16_a_stream_that_fails_at_once_is_what_the_client_got(door: Door) -> None:
    site = Site(door, failing_after())
    response = site.get()
    # Under WSGI no head has been sent before the first of the body, and the server, or the framework, answers 500.
    assert response.status == (200 if door.protocol == "asgi" else 500)
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(status=response.status, error_type="Failing.Error"): 1}
    assert scrape[f"{DURATION}_count"] == {("GET", f"{response.status // 100}xx", site.route): 1}


# Row 18: cancelled requests

HEADED = [(b"content-type", b"text/plain"), (b"content-length", b"10000")]


async def hangs(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(3600)


def hangs_after(*messages: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        await hangs(scope, receive, send)

    return app


@pytest.mark.parametrize(
    "app",
    [hangs, hangs_after(direct_asgi.START), hangs_after(direct_asgi.start(headers=HEADED))],
    ids=["nothing said", "a head held back", "a head held back for long"],
)
def test_18_a_request_that_is_cancelled_before_the_start_is_a_499(app: Any) -> None:
    served = of_asgi(app)
    talk = direct_asgi.talk_to(served.host.app, cancelled=True)  # type: ignore[attr-defined]
    assert talk.sent == []
    scrape = served.settled()
    assert scrape[REQUESTS] == {("", "GET", "499", ""): 1}
    assert scrape[f"{DURATION}_count"] == {("GET", "4xx", ""): 1}
    assert scrape[f"{DURATION}_sum"]["GET", "4xx", ""] > 0
    assert scrape[f"{SENT}_count"] == scrape[f"{FIRST_BYTE}_count"] == {}


def test_18_so_it_is_behind_a_framework() -> None:
    async def endpoint(request: Request) -> None:
        await asyncio.sleep(3600)

    served = of_asgi(Starlette(routes=[Route("/slow/{id}", endpoint)]))
    flight = served.open("/slow/7")
    while served.scrape()[ACTIVE] != {("GET",): 1}:
        time.sleep(0.001)
    cancel(flight)
    assert served.settled()[REQUESTS] == {("", "GET", "499", "/slow/{id}"): 1}


def test_18_one_that_is_cancelled_after_it_keeps_its_status() -> None:
    chunk = direct_asgi.body(LONG, more=True)
    served = of_asgi(hangs_after(direct_asgi.START, chunk))
    direct_asgi.talk_to(served.host.app, cancelled=True)  # type: ignore[attr-defined]
    scrape = served.settled()
    assert scrape[REQUESTS] == {("CancelledError", "GET", "200", ""): 1}
    assert scrape[f"{SENT}_sum"] == {("GET", ""): len(LONG)}


# Row 19: clients that leave


async def listens(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def reads_on(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("ok")


async def looks(request: Request) -> PlainTextResponse:
    while not await request.is_disconnected():
        await asyncio.sleep(0)
    return PlainTextResponse("too late")


UPLOADS = Starlette(routes=[Route("/{rest:path}", reads_on, methods=["GET", "POST"])])
LOOKS = Starlette(routes=[Route("/{rest:path}", looks)])


@pytest.mark.parametrize("app", [listens, UPLOADS, LOOKS], ids=["returns silently", "raises", "answers"])
def test_19_a_client_that_leaves_before_the_start_is_a_499(app: Any) -> None:
    served = of_asgi(app)
    arrives = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]
    direct_asgi.talk_to(served.host.app, arrives=arrives * 3)  # type: ignore[attr-defined]
    scrape = served.settled()
    assert scrape[REQUESTS] == {("", "GET", "499", "" if app is listens else "/{rest:path}"): 1}
    assert list(scrape[f"{DURATION}_count"].values()) == [1]
    assert scrape[f"{SENT}_count"] == {}


def test_19_what_waits_in_django_when_the_client_leaves_is_a_499() -> None:
    waits = threading.Event()

    async def view(request: Any, rest: str = "") -> HttpResponse:
        waits.set()
        await asyncio.sleep(3600)
        return HttpResponse("never")

    served = of_django("asgi", view)
    with served.open("/books/7"):
        assert waits.wait(PATIENCE_SECONDS)
    assert served.settled()[REQUESTS] == {("", "GET", "499", "/<path:rest>"): 1}


def endless() -> Any:
    while True:
        yield LONG
        time.sleep(0.0005)


def test_19_a_client_that_leaves_in_the_middle_is_of_the_status_it_saw(door: Door) -> None:
    site = Site(door, Page(stream=endless, headers=[TEXT]))
    with site.open() as flight:
        assert flight.head().status == 200
        flight.chunk()
    scrape = site.settled()
    ((labels, count),) = scrape[REQUESTS].items()
    assert (labels[1:], count) == (("GET", "200", site.route), 1)
    # As the server, or the framework, says it.
    assert labels[0] in ("OSError", "ClientDisconnect", "CancelledError", "IncompleteResponseError")
    assert scrape[f"{SENT}_sum"]["GET", site.route] >= len(LONG)


def test_19_an_application_that_just_stops_is_no_client_that_left() -> None:
    async def stops(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    served = of_asgi(stops)
    served.open("/").leave()
    assert served.settled()[REQUESTS] == {("IncompleteResponseError", "GET", "500", ""): 1}
