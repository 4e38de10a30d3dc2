"""Rows 1 to 7 of the table: any application, units, and gauges that cannot leak."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from tests.doors import Door, Gate, Page, Seen
from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import (
    ACTIVE,
    ASGI_DOORS,
    DURATION,
    EVENTS,
    FIRST_BYTE,
    REQUESTS,
    TEXT,
    WSGI_DOORS,
    Site,
    cancel,
    name_of,
)

# Rows 1 and 2: any application, and no framework for it

BARE = """
import asyncio, sys
from prometheus_client import CollectorRegistry

registry = CollectorRegistry()

def ask_asgi():
    from perfkit.asgi import {middleware} as Middleware

    async def app(scope, receive, send):
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"ok"}})

    async def send(message):
        pass

    scope = {{"type": "http", "method": "GET", "path": "/", "headers": []}}
    asyncio.run(Middleware(app, {options})(scope, None, send))

def ask_wsgi():
    from perfkit.wsgi import {middleware} as Middleware

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"ok"]

    environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}}
    body = Middleware(app, {options})(environ, lambda *_: None)
    list(body)
    body.close()

ask_{protocol}()
labels = {{"http_request_method": "GET", "http_route": "", "http_response_status_code": "200", "error_type": ""}}
assert registry.get_sample_value("http_server_requests_total", labels) == 1
frameworks = {{"starlette", "fastapi", "django", "flask", "litestar", "werkzeug"}}
print(sorted(frameworks & set(sys.modules)))
"""


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    ("middleware", "options"),
    [("MetricsMiddleware", "registry=registry"), ("PerfkitMiddleware", "{'metrics': {'registry': registry}}")],
)
def test_01_02_a_bare_application_is_counted_without_any_framework(
    protocol: str, middleware: str, options: str
) -> None:
    script = BARE.format(protocol=protocol, middleware=middleware, options=options)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("middleware", ["PerfkitMiddleware", "MetricsMiddleware"])
def test_01_02_each_host_counts_the_same(door: Door, middleware: str) -> None:
    site = Site(door, middleware=middleware)
    for _ in range(3):
        site.get("/a/path")
    site.get("/a/path", method="POST")
    assert site.scrape()[REQUESTS] == {site.label(): 3, site.label("POST"): 1}


# Row 3: base units


def test_03_durations_are_in_seconds(door: Door) -> None:
    def view(_: Seen) -> Page:
        time.sleep(0.002)
        return Page(body=b"ok", headers=[TEXT])

    site = Site(door, view)
    started = time.perf_counter()
    site.get()
    elapsed = time.perf_counter() - started
    scrape = site.scrape()
    for name in (DURATION, FIRST_BYTE):
        ((_, seconds),) = scrape[f"{name}_sum"].items()
        assert 0.002 <= seconds <= elapsed


def test_03_each_histogram_names_its_unit(door: Door) -> None:
    site = Site(door, Page(stream=lambda: iter([b"data: 1\n\n"]), headers=[EVENTS]))
    site.get(method="POST", body=b"hello")
    Site(door, registry=site.registry).get()
    histograms = {family.name for family in site.scrape().families if family.type == "histogram"}
    assert len(histograms) >= 4
    assert all(name.endswith(("_seconds", "_bytes")) for name in histograms)


def test_03_buckets_are_those_of_opentelemetry(door: Door) -> None:
    site = Site(door)
    site.get()
    labels = [dict(labels) for name, labels in site.scrape().all if name == f"{DURATION}_bucket"]
    bounds = sorted(float(label["le"]) for label in labels)
    seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, float("inf")]
    assert bounds == seconds


# Rows 4 and 5: requests that run


def gated(gate: Gate) -> Page:
    items: list[bytes | Gate] = [b"x" * 9000, gate, b"the end"]
    return Page(stream=lambda: items, headers=[TEXT])


def test_04_05_requests_that_run_are_shown_by_their_method_alone(door: Door) -> None:
    gates = [Gate(), Gate()]
    waiting = iter(gates)
    site = Site(door, lambda _: gated(next(waiting)))
    with site.open("/a", method="GET") as first:
        first.chunk()
        with site.open("/b", method="POST") as second:
            second.chunk()
            assert site.scrape()[ACTIVE] == {("GET",): 1, ("POST",): 1}
            gates[1].open()
            second.rest()
        assert site.scrape()[ACTIVE] == {("GET",): 1, ("POST",): 0}
        gates[0].open()
        first.rest()
    assert site.settled()[ACTIVE] == {("GET",): 0, ("POST",): 0}


@pytest.mark.usefixtures("unvalidated")
def test_05_what_a_client_invents_is_one_gauge(door: Door) -> None:
    site = Site(door)
    for method in ("FOO1", "FOO2", "X" * 300, "PROPFIND"):
        site.get(method=method)
    assert site.scrape()[ACTIVE] == {("_OTHER",): 0}


# Row 6: gauges fall when a request is cancelled, and not before its body is sent


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
@pytest.mark.parametrize("first", [b"", b"x" * 9000], ids=["before the start", "in the middle"])
def test_06_cancelled_requests_run_no_longer(door: Door, first: bytes) -> None:
    items: list[Any] = [first, Gate()] if first else [Gate()]
    site = Site(door, Page(stream=lambda: iter(items), headers=[TEXT, ("Content-Length", "10000")]))
    flight = site.open()
    if first:
        flight.chunk()
    while site.scrape()[ACTIVE] != {("GET",): 1}:
        time.sleep(0.001)
    if door.django:
        flight.leave()  # it is Django that cancels then
    else:
        cancel(flight)
    assert site.settled()[ACTIVE] == {("GET",): 0}


@pytest.mark.parametrize("door", WSGI_DOORS, ids=name_of)
def test_06_a_request_runs_until_its_body_is_sent(door: Door) -> None:
    site = Site(door, Page(stream=lambda: iter([b"a", b"b", b"c"]), headers=[TEXT]))
    with site.open() as flight:
        for piece in (b"a", b"b", b"c"):
            assert flight.chunk() == piece
            scrape = site.scrape()
            assert (scrape[ACTIVE], scrape[REQUESTS]) == ({("GET",): 1}, {})
    assert site.scrape()[ACTIVE] == {("GET",): 0}


# Row 7: no gauge leaks, whatever a client announces

LENGTHS = ["abc", "-1", "+5", "5, 5", "9" * 40, "5.0", "0x5", " ", "\xff"]


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("length", LENGTHS, ids=ascii)
def test_07_a_content_length_that_is_none_harms_nothing(door: Door, length: str) -> None:
    site = Site(door)
    assert site.get("/x", ("Content-Length", length)).status == 200
    scrape = site.settled()
    assert scrape[ACTIVE] == {("GET",): 0}
    assert scrape[REQUESTS] == {site.label(): 1}


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("length", LENGTHS, ids=ascii)
def test_07_nor_does_it_behind_a_framework(framework: Framework, length: str) -> None:
    site = framework.serve()
    path = next(iter(framework.templates))
    site.get(path, ("Content-Length", length), method="POST", body=b"hello")
    scrape = site.settled()
    assert scrape[ACTIVE] == {("POST",): 0}
    assert sum(scrape[REQUESTS].values()) == 1
