"""Rows 30 to 34 of the table: who sees the metrics, where, how, and that nobody waits for it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from perfkit.asgi import metrics_app as asgi_metrics_app
from perfkit.wsgi import metrics_app as wsgi_metrics_app
from tests.conformance.client import Response
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door, Page
from tests.features.metrics.scrapes import PROMETHEUS
from tests.features.metrics.table.site import ACTIVE, ASGI_DOORS, REQUESTS, TEXT, Served, Site, name_of

TOKEN = "a-token-from-the-secrets"
OWN = Page(body=b"the application's own", headers=[TEXT])
PROXIED = ("X-Forwarded-For", "203.0.113.9")


def shown(response: Response) -> bool:
    """Whether it is the metrics, and not what the application answers."""
    assert response.status == 200
    assert (response.body == OWN.body) is not (response.header("Content-Type") or "").startswith("text/plain; version")
    return response.body != OWN.body


# Row 30: who may see them


def test_30_clients_behind_a_proxy_do_not_see_them_and_do_not_learn_of_them(door: Door) -> None:
    site = Site(door, OWN)
    assert shown(site.get("/metrics"))
    assert not shown(site.get("/metrics", PROXIED))
    assert site.scrape()[REQUESTS] == {site.label(): 1}


@pytest.mark.parametrize(
    ("authorization", "seen"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        ("Bearer ", False),
        ("Bearer", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer \xff\xfe", False),
    ],
)
def test_30_who_brings_the_token_does(door: Door, authorization: str, seen: bool) -> None:
    site = Site(door, OWN, sections={"internal": {"token": TOKEN, "networks": []}})
    assert shown(site.get("/metrics", PROXIED, ("Authorization", authorization))) is seen
    assert not shown(site.get("/metrics"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_30_they_are_only_read(door: Door, method: str) -> None:
    site = Site(door, OWN)
    refused = site.get("/metrics", method=method)
    assert (refused.status, refused.header("Allow")) == (405, "GET, HEAD")
    assert site.get("/metrics", PROXIED, method=method).body == OWN.body


def test_30_scrapes_do_not_count_themselves(door: Door) -> None:
    site = Site(door)
    for method in ("GET", "HEAD", "POST"):
        site.get("/metrics", method=method)
    scrape = site.scrape()
    assert (scrape[REQUESTS], scrape[ACTIVE]) == ({}, {})


@pytest.mark.parametrize("path", ["/metrics/", "/Metrics", "/metrics/x", "//metrics", "/x/metrics", "/metricsx"])
def test_30_only_that_path_is_theirs(door: Door, path: str) -> None:
    assert not shown(Site(door, OWN).get(path))


def test_30_they_can_be_moved_and_turned_off(door: Door) -> None:
    moved = Site(door, OWN, path="/inside/metrics")
    assert (shown(moved.get("/inside/metrics")), shown(moved.get("/metrics"))) == (True, False)
    off = Site(door, OWN, path=None)
    assert not shown(off.get("/metrics"))


# Row 31: on a port of their own


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening(app: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.server
def test_31_a_port_of_their_own(door: Door) -> None:
    site = Site(door, OWN, path=None)
    site.get()
    with listening(wsgi_metrics_app(site.registry)) as address:
        for path in ("/", "/metrics", "/anything"):
            with urllib.request.urlopen(address + path, timeout=PATIENCE_SECONDS) as answer:
                names = {sample.name for family in read_text(answer.read().decode()) for sample in family.samples}
            assert REQUESTS in names
    nobody = wsgi_metrics_app(site.registry, internal={"networks": []})
    with listening(nobody) as address, pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address, timeout=PATIENCE_SECONDS)
    assert not shown(site.get("/metrics"))


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_31_the_application_for_it_is_no_other(protocol: str) -> None:
    site = Site(ASGI_DOORS[0])
    site.get()
    if protocol == "asgi":
        alone = Served(AsgiHost(Kind("metrics", "asgi"), asgi_metrics_app(site.registry)))
    else:
        alone = Served(WsgiHost(Kind("metrics", "wsgi"), wsgi_metrics_app(site.registry)))
    assert alone.scrape("/").steady == site.scrape().steady
    assert alone.get("/", method="POST").status == 405
    assert alone.get("/", PROXIED).status == 404


# Row 32: nobody waits


class Slow:
    """A collector that takes until the test, or a request of it, lets it go on."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.collections = 0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self.collections += 1
        self.entered.set()
        assert self.leave.wait(PATIENCE_SECONDS), "nobody else could be served meanwhile"
        yield GaugeMetricFamily("slow", "Slow.", 1)

    def describe(self) -> list[Any]:
        return []


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
def test_32_others_are_served_while_metrics_are_written(door: Door) -> None:
    slow = Slow()
    site = Site(door)
    site.registry.register(slow)
    with site.open("/metrics") as flight:
        assert slow.entered.wait(PATIENCE_SECONDS)
        for _ in range(20):
            assert site.get().status == 200
        slow.leave.set()
        assert b"slow 1.0" in flight.rest().body


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
def test_32_many_scrapes_at_once_are_few(door: Door) -> None:
    slow = Slow()
    site = Site(door)
    site.registry.register(slow)
    flights = [site.open("/metrics") for _ in range(50)]
    assert slow.entered.wait(PATIENCE_SECONDS)
    threads = threading.active_count()
    slow.leave.set()
    bodies = {flight.rest().body for flight in flights}
    for flight in reversed(flights):
        flight.leave()
    assert all(b"slow 1.0" in body for body in bodies)
    assert slow.collections < 10
    assert door.django or threads < 40  # Django itself takes one for each request


# Rows 33 and 34: format and compression


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0"),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", "text/plain; version=1.0.0; charset=utf-8"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/plain; version=0.0.4"),
        ("application/vnd.google.protobuf;q=1, text/plain;q=0.2", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;q=0, text/plain", "text/plain; version=0.0.4"),
        ("\xff;;;,,q=", "text/plain; version=0.0.4"),
    ],
)
def test_33_the_client_says_in_which_format(door: Door, accept: str, content_type: str) -> None:
    site = Site(door)
    site.get()
    response = site.get("/metrics", ("Accept", accept))
    assert (response.header("Content-Type") or "").startswith(content_type)
    openmetrics = content_type.startswith("application/openmetrics")
    assert list((read_openmetrics if openmetrics else read_text)(response.body.decode()))
    assert response.body.endswith(b"# EOF\n") is openmetrics
    assert "Accept" in response.members("Vary")
    assert response.members("Cache-Control") == ["no-store"]


def test_34_who_takes_gzip_gets_it(door: Door) -> None:
    site = Site(door)
    site.get()
    plain = site.get("/metrics")
    packed = site.get("/metrics", ("Accept-Encoding", "gzip"))
    assert (plain.header("Content-Encoding"), packed.header("Content-Encoding")) == (None, "gzip")
    assert zlib.decompress(packed.body, 31).count(b"\n") == plain.body.count(b"\n")
    assert len(packed.body) < len(plain.body) / 3
    for response in (plain, packed):
        assert "Accept-Encoding" in response.members("Vary")
        assert int(response.header("Content-Length") or 0) == len(response.body)
    assert site.get("/metrics", ("Accept-Encoding", "gzip;q=0")).header("Content-Encoding") is None


def test_34_head_says_the_same_and_sends_nothing(door: Door) -> None:
    site = Site(door, middleware="MetricsMiddleware", registry=CollectorRegistry())
    site.get()
    head, get = site.get("/metrics", method="HEAD"), site.get("/metrics")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Type") == get.header("Content-Type")
