"""Endings where more is going on: requests in requests and at the same time, and clients that leave streams."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import httpx
import pytest
from django.http import HttpResponse
from django.test import Client
from flask import Flask
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest  # noqa: TC002 - beside what else is Starlette's
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from perfkit import wsgi as perfkit_wsgi
from tests.conformance import direct_asgi
from tests.conformance.client import Request
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.doors import Door, Page
from tests.features.metrics.table.bulk import send_all
from tests.features.metrics.table.site import (
    ACTIVE,
    ACTIVE_STREAMS,
    DURATION,
    EVENTS,
    OPENMETRICS,
    REQUESTS,
    STREAM_DURATION,
    WSGI_DOORS,
    Scrape,
    Served,
    Site,
    name_of,
    of_asgi,
    of_django,
)

EVENT = b"data: 1\n\n"


# Requests that are made while another runs


def test_a_request_of_djangos_test_client_in_a_request() -> None:
    seen: list[Scrape] = []

    def view(request: Any, rest: str = "") -> HttpResponse:
        if rest == "outer":
            assert Client().get("/inner").status_code == 200
        else:
            seen.append(served.scrape())
        return HttpResponse("ok")

    served = of_django("wsgi", view)
    served.get("/outer")
    assert seen[0][ACTIVE] == {("GET",): 2}
    scrape = served.settled()
    assert scrape[REQUESTS] == {("", "GET", "200", "/<path:rest>"): 2}
    assert scrape[ACTIVE] == {("GET",): 0}


def test_a_request_of_flasks_test_client_in_a_request() -> None:
    seen: list[Scrape] = []
    app = Flask(__name__)

    @app.get("/outer")
    def outer() -> str:
        return app.test_client().get("/inner").text

    @app.get("/inner")
    def inner() -> str:
        seen.append(served.scrape())
        return "ok"

    counting = {"metrics": {"registry": CollectorRegistry()}}
    app.wsgi_app = perfkit_wsgi.PerfkitMiddleware(app.wsgi_app, counting)  # type: ignore[method-assign]
    served = Served(WsgiHost(Kind("flask", "wsgi"), app))
    assert served.get("/outer").body == b"ok"
    assert seen[0][ACTIVE] == {("GET",): 2}
    assert served.settled()[REQUESTS] == {("", "GET", "200", "/outer"): 1, ("", "GET", "200", "/inner"): 1}


def test_a_request_that_an_application_makes_of_itself() -> None:
    async def outer(request: StarletteRequest) -> PlainTextResponse:
        host: Any = served.host
        async with httpx.AsyncClient(transport=httpx.ASGITransport(host.app), base_url="http://shop.example") as client:
            answers = await asyncio.gather(*[client.get("/inner") for _ in range(20)])
        return PlainTextResponse(str({answer.text for answer in answers}))

    async def inner(request: StarletteRequest) -> PlainTextResponse:
        await asyncio.sleep(0)
        return PlainTextResponse("ok")

    served = of_asgi(Starlette(routes=[Route("/outer", outer), Route("/inner", inner)]))
    assert served.get("/outer").body == b"{'ok'}"
    assert served.settled()[REQUESTS] == {("", "GET", "200", "/outer"): 1, ("", "GET", "200", "/inner"): 20}


# At the same time


# Of the others the settings, or the loop, are of one thread here.
@pytest.mark.parametrize("door", [door for door in WSGI_DOORS if not door.django], ids=name_of)
def test_requests_in_many_threads_all_count_while_they_are_scraped(door: Door) -> None:
    site, threads, each = Site(door), 8, 300
    sending = [threading.Thread(target=send_all, args=(site, [Request("GET", "/x")] * each)) for _ in range(threads)]
    for thread in sending:
        thread.start()
    while any(thread.is_alive() for thread in sending):
        assert site.get("/metrics", ("Accept", OPENMETRICS)).body.endswith(b"# EOF\n")
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(): threads * each}
    assert scrape[f"{DURATION}_count"] == {("GET", "2xx", site.route): threads * each}
    assert scrape[ACTIVE] == {("GET",): 0}


# Clients that leave an event stream


def endless() -> Any:
    while True:
        yield EVENT * 500
        time.sleep(0.0005)


def test_a_client_that_leaves_an_event_stream_is_no_error(door: Door) -> None:
    site = Site(door, Page(stream=endless, headers=[EVENTS]))
    with site.open("/x") as flight:
        flight.chunk()
        scrape = site.scrape()
        assert scrape.value(ACTIVE_STREAMS) == 1
        assert scrape[REQUESTS] == {}
    scrape = site.settled()
    assert scrape[f"{STREAM_DURATION}_count"] == {(site.route, "disconnected"): 1}
    assert scrape[f"{DURATION}_count"] == {}
    assert [(*labels[1:], value) for labels, value in scrape[REQUESTS].items()] == [("GET", "200", site.route, 1)]


@pytest.mark.parametrize("leaves", ["cancelled", "at the start", "in the middle", "seen"])
def test_whatever_way_it_shows_that_the_client_left(leaves: str) -> None:
    async def events(scope: Any, receive: Any, send: Any) -> None:
        await send(direct_asgi.start(headers=[(b"content-type", b"text/event-stream")]))
        await send(direct_asgi.body(EVENT, more=True))
        if leaves in ("cancelled", "seen"):
            while (await receive())["type"] != "http.disconnect":
                pass

    served = of_asgi(events)
    host: Any = served.host
    at = {"at the start": "http.response.start", "in the middle": "http.response.body"}.get(leaves, "")
    arrives = [{"type": "http.disconnect"}] if leaves == "seen" else []
    direct_asgi.talk_to(host.app, cancelled=leaves == "cancelled", fails_at=at, arrives=arrives)
    assert served.settled()[f"{STREAM_DURATION}_count"] == {("", "disconnected"): 1}


def test_an_error_of_a_file_or_a_database_is_no_client_that_left() -> None:
    async def events(scope: Any, receive: Any, send: Any) -> None:
        await send(direct_asgi.start(headers=[(b"content-type", b"text/event-stream")]))
        await send(direct_asgi.body(EVENT, more=True))
        raise ConnectionRefusedError("the database is down")

    served = of_asgi(events)
    served.get()
    assert served.settled()[f"{STREAM_DURATION}_count"] == {("", "error"): 1}
