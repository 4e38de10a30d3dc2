"""Endings beside the usual: work after the last byte, features that fail, steps of the clock, and all at once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest  # noqa: TC002 - beside what else is Starlette's
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from perfkit import Feature, Metrics
from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.conformance import direct_asgi
from tests.conformance.client import Request
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import background_loop
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door, Page
from tests.features.metrics.table.site import (
    ACTIVE,
    DURATION,
    FIRST_BYTE,
    REQUESTS,
    Site,
    of_asgi,
)

# What comes after the last byte, and what never gets that far


def test_background_work_is_no_part_of_a_request() -> None:
    done = threading.Event()

    async def work() -> None:
        while not done.is_set():
            await asyncio.sleep(0.001)

    async def endpoint(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse("ok", background=BackgroundTask(work))

    served = of_asgi(Starlette(routes=[Route("/x", endpoint)]))
    with served.open("/x") as flight:
        assert flight.chunk() == b"ok"
        scrape = served.settled()
        assert scrape[REQUESTS] == {("", "GET", "200", "/x"): 1}
        done.set()
        flight.rest()
    assert served.settled()[REQUESTS] == {("", "GET", "200", "/x"): 1}


class Failing(Feature):
    """A feature, further in, that fails when it sees the response."""

    position: ClassVar[int] = 900

    def on_response(self, exchange: Any) -> None:
        raise LookupError


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_a_response_that_a_feature_refused_was_never_seen(protocol: str) -> None:
    registry = CollectorRegistry()
    features = [Metrics(registry=registry), Failing()]
    if protocol == "asgi":
        app = perfkit_asgi.PerfkitMiddleware(direct_asgi.says(*direct_asgi.TWO_CHUNKS), {}, features=features)
        talk = direct_asgi.talk_to(app)
        assert talk.sent == []
    else:
        body = [b"hello"]

        def says(environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return body

        host = WsgiHost(Kind("made here", "wsgi"), perfkit_wsgi.PerfkitMiddleware(says, {}, features=features))
        assert host.fetch(Request("GET", "/x")).status == 500
    labels = {"http_request_method": "GET", "http_route": "", "http_response_status_code": "500"}
    assert registry.get_sample_value(REQUESTS, {**labels, "error_type": "LookupError"}) == 1
    assert registry.get_sample_value(ACTIVE, {"http_request_method": "GET"}) == 0


# Steps of the clock


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_steps_of_the_clock_do_not_show(door: Door, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    now = {"step": 0.0}
    monkeypatch.setattr(time, "time", lambda: real() + now["step"])

    def view(_: Any) -> Page:
        now["step"] += step
        return Page(stream=lambda: iter([b"a" * 9000, b"b"]), headers=[("Content-Type", "text/plain")])

    site = Site(door, view)
    for _ in range(3):
        site.get()
    scrape = site.settled()
    for name in (DURATION, FIRST_BYTE):
        assert all(0 <= value < 3600 for value in scrape[f"{name}_sum"].values())
        assert sum(scrape[f"{name}_count"].values()) == 3


# Everything at once, on one loop


def test_requests_that_end_in_all_ways_at_the_same_time() -> None:
    ways = ["answers", "raises", "stops", "hangs", "fails"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        way = scope["path"][1:]
        scope["perfkit.route"] = f"/{way}"
        await asyncio.sleep(0.001)
        if way == "raises":
            raise LookupError
        if way == "hangs":
            await asyncio.sleep(3600)
        if way != "stops":
            await send(direct_asgi.START)
            await send(direct_asgi.body(b"x" * 9000, more=True))
            if way == "fails":
                raise LookupError
            await send(direct_asgi.body(b""))

    served = of_asgi(app)
    host: Any = served.host

    async def main() -> None:
        talks = [direct_asgi.Talk(scope=direct_asgi.scope(path=f"/{way}")) for way in ways * 40]
        await asyncio.gather(*[talk.run(host.app, cancelled=talk.scope["path"] == "/hangs") for talk in talks])

    asyncio.run_coroutine_threadsafe(main(), background_loop()).result(PATIENCE_SECONDS * 3)
    assert served.settled()[REQUESTS] == {
        ("", "GET", "200", "/answers"): 40,
        ("LookupError", "GET", "500", "/raises"): 40,
        ("IncompleteResponseError", "GET", "500", "/stops"): 40,
        ("", "GET", "499", "/hangs"): 40,
        ("LookupError", "GET", "200", "/fails"): 40,
    }
