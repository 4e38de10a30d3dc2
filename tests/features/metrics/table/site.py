"""An application behind perfkit, whose metrics are read as Prometheus reads them: by requests, in both formats."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.conformance.client import Flight, Host, Request, Response
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiFlight, AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import DOORS, Door, Front, InProject, Page, View

REQUESTS: Final = "http_server_requests_total"
DURATION: Final = "http_server_request_duration_seconds"
FIRST_BYTE: Final = "http_server_time_to_first_byte_seconds"
ACTIVE: Final = "http_server_active_requests"
RECEIVED: Final = "http_server_request_body_size_bytes"
SENT: Final = "http_server_response_body_size_bytes"
ACTIVE_STREAMS: Final = "http_server_active_streams"
STREAM_DURATION: Final = "http_server_stream_duration_seconds"
ACTIVE_WEBSOCKETS: Final = "http_server_active_websockets"
WEBSOCKET_DURATION: Final = "http_server_websocket_duration_seconds"
MESSAGES: Final = "http_server_websocket_messages_total"
LAG: Final = "asyncio_event_loop_lag_seconds"
GAUGES: Final = (ACTIVE, ACTIVE_STREAMS, ACTIVE_WEBSOCKETS)

TEXT: Final = ("Content-Type", "text/plain")
EVENTS: Final = ("Content-Type", "text/event-stream")
HELLO: Final = Page(body=b"hello", headers=[TEXT])

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"

# The one route that the application of each door has.
ROUTES: Final = {
    "asgi": "",
    "starlette": "/{rest:path}",
    "wsgi": "",
    "flask": "/<path:rest>",
    "django-wsgi": "/<path:rest>",
    "django-asgi": "/<path:rest>",
}
# The doors of one kind, for tests that the others cannot show.
ASGI_DOORS: Final = [door for door in DOORS if door.protocol == "asgi"]
WSGI_DOORS: Final = [door for door in DOORS if door.protocol == "wsgi"]

Values = Mapping[tuple[str, ...], float]


def name_of(door: Door) -> str:
    """The id of a test."""
    return door.name


class Scrape:
    """What was read at one time.

    Attributes:
        families: what the parser of the format found.
    """

    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def __getitem__(self, name: str) -> Values:
        """All values of that name, by the values of their labels in the order of the labels' names."""
        return {tuple(dict(sorted(labels)).values()): value for (own, labels), value in self.all.items() if own == name}

    def value(self, name: str, /, **labels: str) -> float | None:
        """The value of one series; None where there is no such series."""
        return self.all.get((name, frozenset(labels.items())))

    @property
    def all(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All values by their names and labels."""
        samples = [sample for family in self.families for sample in family.samples]
        found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
        assert len(found) == len(samples), "a series is shown twice"
        return found

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.all}

    @property
    def gauges(self) -> dict[tuple[str, ...], float]:
        """The gauges that are not 0, by their names and labels."""
        return {(name, *labels): value for name in GAUGES for labels, value in self[name].items() if value}

    @property
    def steady(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All that does not change by itself, as the lag of the event loop does."""
        return {key: value for key, value in self.all.items() if not key[0].startswith(LAG)}


class Served:
    """A host, and the requests that go to it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def open(self, target: str = "/x", *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Flight:
        """Send a request; its response is on its way."""
        return self.host.open(Request(method, target, headers, body))

    def get(self, target: str = "/x", *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Response:
        """The response to one request."""
        with self.open(target, *headers, method=method, body=body) as flight:
            return flight.rest()

    def scrape(self, target: str = "/metrics") -> Scrape:
        """What Prometheus reads: the same in the two formats that it knows."""
        for _ in range(5):  # something may end between the two
            plain = self.get(target)
            assert (plain.status, plain.header("Content-Type")) == (200, "text/plain; version=0.0.4; charset=utf-8")
            openmetrics = self.get(target, ("Accept", OPENMETRICS))
            assert (openmetrics.header("Content-Type") or "").startswith("application/openmetrics-text; version=1.0.0")
            found = Scrape(list(read_openmetrics(openmetrics.body.decode())))
            if Scrape(list(read_text(plain.body.decode()))).steady == found.steady:
                return found
        raise AssertionError("the two formats do not say the same")

    def settled(self) -> Scrape:
        """What is read when all requests have ended; Django closes some responses only when they are collected."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        scrape = self.scrape()
        while scrape.gauges:
            assert time.monotonic() < deadline, scrape.gauges
            gc.collect()
            time.sleep(0.005)
            scrape = self.scrape()
        return scrape


class Site(Served):
    """An application at one door, counted in a registry of its own.

    Args:
        door: the door.
        view: what the application answers.
        sections: other sections of the settings.
        inner: what stands between perfkit and the application: see `Front`.
        middleware: the class of perfkit's hosts, by its name.
        times: how many of it, one in the other.
        options: of ``metrics``.
    """

    def __init__(
        self,
        door: Door,
        view: Page | View = HELLO,
        *,
        sections: Mapping[str, Any] | None = None,
        inner: tuple[Any, ...] = (),
        middleware: str = "PerfkitMiddleware",
        times: int = 1,
        **options: Any,
    ) -> None:
        self.door = door
        self.route = ROUTES[door.name]
        self.registry: CollectorRegistry = options.setdefault("registry", CollectorRegistry())
        called: View = (lambda _: view) if isinstance(view, Page) else view
        settings = {"metrics": options, **(sections or {})}
        super().__init__(door.open(called, Front(middleware=middleware, settings=settings, inner=inner, times=times)))

    def label(self, method: str = "GET", status: int = 200, error_type: str = "") -> tuple[str, ...]:
        """The labels of a counted request of this application's route."""
        return error_type, method, str(status), self.route


def of_asgi(app: Any, middleware: str = "PerfkitMiddleware", **sections: Any) -> Served:
    """This ASGI application, counted in a registry of its own."""
    front = Front(middleware=middleware, settings=counting(sections))
    return Served(AsgiHost(Kind("made here", "asgi"), front.around(perfkit_asgi, app)))


def of_wsgi(app: Any, middleware: str = "PerfkitMiddleware", **sections: Any) -> Served:
    """This WSGI application, counted likewise."""
    front = Front(middleware=middleware, settings=counting(sections))
    return Served(WsgiHost(Kind("made here", "wsgi"), front.around(perfkit_wsgi, app)))


def of_django(protocol: str, view: Any, middleware: str = "PerfkitMiddleware", **sections: Any) -> Served:
    """This view of Django's, at every path, counted likewise."""
    front = Front(middleware=middleware, settings=counting(sections))
    if protocol == "asgi":
        kind = Kind("made here", "asgi", django=True)
        return Served(InProject(kind, view, front, lambda: AsgiHost(kind, asgi_application())))
    kind = Kind("made here", "wsgi", django=True)
    return Served(InProject(kind, view, front, lambda: WsgiHost(kind, wsgi_application())))


def counting(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections, with a registry of their own."""
    metrics = sections.get("metrics", {})
    return {**sections, "metrics": metrics is not False and {"registry": CollectorRegistry(), **metrics}}


def cancel(flight: Flight) -> None:
    """Cancel an ASGI application, as a server does that shuts down."""
    assert isinstance(flight, AsgiFlight)
    flight.running.cancel()
    with pytest.raises(CancelledError):
        flight.running.result(PATIENCE_SECONDS)
