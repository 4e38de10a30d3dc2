"""Rows 35 to 39 of the table: what is left out, labels of one's own, how many there may be, queries, and the lag."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.conf import settings as django_settings

from perfkit import ConfigurationError, Feature, HeaderName, Metrics
from perfkit import asgi as perfkit_asgi
from perfkit import django as perfkit_django
from perfkit import wsgi as perfkit_wsgi
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door, Page, Seen
from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import (
    ACTIVE,
    ASGI_DOORS,
    DURATION,
    EVENTS,
    FIRST_BYTE,
    HELLO,
    LAG,
    REQUESTS,
    TEXT,
    WSGI_DOORS,
    Site,
    name_of,
)

TENANT = HeaderName("X-Tenant")
OVERFLOW = "perfkit_metrics_overflow_total"


def tenant(exchange: Any) -> str:
    return str(exchange.request_header(TENANT))


# Row 35: paths that are not measured


def test_35_excluded_paths_are_in_no_series(door: Door) -> None:
    events = Page(stream=lambda: iter([b"data: 1\n\n"]), headers=[EVENTS])
    site = Site(door, events, exclude=["/assets/*", "/ping"], loop_lag=False)
    for path in ("/assets/site.css", "/assets/a/b", "/ping", "/ping?at=1", "/p%69ng"):
        assert site.get(path).status == 200
    assert site.scrape().all == {}
    site.get("/pings")
    assert site.settled()[REQUESTS] == {site.label(): 1}


def test_35_excluded_paths_behind_routes(framework: Framework) -> None:
    first, *others = framework.templates
    served = framework.serve(exclude=[first])
    for path in framework.templates:
        served.get(path)
    served.get(first, method="DELETE")
    routes = [labels[-1] for labels in served.settled()[REQUESTS]]
    assert sorted(routes) == sorted(framework.templates[path] for path in others)


# Row 36: labels of one's own


def test_36_own_labels_are_on_requests_and_durations(door: Door) -> None:
    site = Site(door, labels={"tenant": tenant, "scheme": lambda exchange: exchange.scheme})
    for name in ("acme", "acme", "other"):
        site.get("/x", ("X-Tenant", name))
    scrape = site.settled()
    for name in (REQUESTS, f"{DURATION}_count"):
        found = {
            (dict(labels)["tenant"], dict(labels)["scheme"]): v
            for (own, labels), v in scrape.all.items()
            if own == name
        }
        assert found == {("acme", "http"): 2, ("other", "http"): 1}
    assert {len(labels) for own, labels in scrape.all if own == f"{FIRST_BYTE}_count"} == {3}


def test_36_an_own_label_knows_how_it_ended(door: Door) -> None:
    def view(_: Seen) -> Page:
        raise LookupError

    site = Site(door, view, labels={"went": lambda exchange: "badly" if exchange.status in (0, 500) else "well"})
    site.get()
    assert [dict(labels)["went"] for name, labels in site.settled().all if name == REQUESTS] == ["badly"]


@pytest.mark.parametrize("name", ["http_route", "le", "job", "__name__", "a-b", "", "ü", "error_type"])
def test_36_names_that_cannot_be_are_refused_at_once(name: str) -> None:
    with pytest.raises(ConfigurationError, match="labels"):
        Metrics(labels={name: tenant}, registry=Site(ASGI_DOORS[0]).registry)


# Row 37: never more than so many series


@pytest.mark.parametrize("status", ["class", "exact"])
def test_37_the_cap_holds_and_nothing_is_lost(door: Door, status: str, caplog: pytest.LogCaptureFixture) -> None:
    turn = iter([Page(status=code, body=b"x", headers=[TEXT]) for code in (200, 404, 500)] * 100)
    site = Site(door, lambda _: next(turn), labels={"tenant": tenant}, max_series=10, status=status)
    for number in [*range(135), *range(120, 135)]:
        site.get("/x", ("X-Tenant", f"tenant {number}"))
    scrape = site.settled()
    for name in (REQUESTS, f"{DURATION}_count"):
        values = scrape[name]
        overflown = {labels: value for labels, value in values.items() if "__overflow__" in labels}
        assert len(values) - len(overflown) == 10
        assert sum(values.values()) == 150
        assert {labels[-3:-1] for labels in overflown} == {(code, "__overflow__") for code in ("2xx", "4xx", "5xx")}
        assert {(labels[-4], labels[-1]) for labels in overflown} == {("_OTHER", "")}
    assert scrape.value(OVERFLOW, metric=REQUESTS) == 140
    told = [record for record in caplog.records if "max_series" in record.getMessage()]
    assert len(told) == 2
    assert {record.levelno for record in told} == {logging.WARNING}


def test_37_names_of_spans_and_rules_are_capped_too(door: Door) -> None:
    site = Site(door, max_series=3)
    import perfkit

    for number in range(20):
        with perfkit.span(f"piece {number}", metric=True):
            pass
    spans = site.scrape()["perfkit_span_duration_seconds_count"]
    assert len(spans) == 4
    assert spans["__overflow__",] == 17


# Row 38: queries of a request, by its route


class Queries(Feature):
    """Tells as much as the feature will that watches queries."""

    position: ClassVar[int] = 900

    def on_response(self, exchange: Any) -> None:
        exchange.facts["queries"] = SimpleNamespace(count=12, seconds=0.25)


@pytest.fixture
def with_queries(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a middleware of each host that knows of queries."""

    class Asgi(perfkit_asgi.PerfkitMiddleware):
        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(app, {}, features=[Metrics(**options), Queries()])

    class Wsgi(perfkit_wsgi.PerfkitMiddleware):
        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(app, {}, features=[Metrics(**options), Queries()])

    class Django(perfkit_django.PerfkitMiddleware):
        def __init__(self, get_response: Any) -> None:
            options: Any = django_settings.PERFKIT["metrics"]
            super().__init__(get_response, {}, features=[Metrics(**options), Queries()])

    for host, middleware in ((perfkit_asgi, Asgi), (perfkit_wsgi, Wsgi), (perfkit_django, Django)):
        monkeypatch.setattr(host, "WithQueries", middleware, raising=False)
    return "WithQueries"


def test_38_how_many_queries_a_route_needs_and_how_long_they_take(door: Door, with_queries: str) -> None:
    site = Site(door, middleware=with_queries)
    for _ in range(3):
        site.get()
    scrape = site.settled()
    assert scrape["db_client_request_queries_sum"] == {(site.route,): 36}
    assert scrape["db_client_request_queries_count"] == {(site.route,): 3}
    assert scrape["db_client_request_duration_seconds_sum"] == {(site.route,): 0.75}
    assert scrape["db_client_request_queries_bucket"][site.route, "20.0"] == 3
    assert scrape["db_client_request_queries_bucket"][site.route, "10.0"] == 0


def test_38_without_who_tells_of_them_there_are_none(door: Door) -> None:
    site = Site(door)
    site.get()
    assert not {name for name in site.settled().names if name.startswith("db_")}


# Row 39: the lag of the event loop


def blocks(_: Seen) -> Page:
    time.sleep(0.4)
    return HELLO


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
def test_39_a_handler_that_blocks_the_event_loop_shows(door: Door) -> None:
    site = Site(door, blocks)
    site.get()
    deadline = time.monotonic() + PATIENCE_SECONDS
    # Looked at after 0.25 s, when the loop was still blocked for 0.15 s or more.
    while not (scrape := site.scrape()).value(f"{LAG}_sum"):
        assert time.monotonic() < deadline, scrape.names
        time.sleep(0.02)
    assert (scrape.value(f"{LAG}_sum") or 0) >= 0.1
    assert scrape.value(f"{LAG}_bucket", le="0.1") < (scrape.value(f"{LAG}_count") or 0)  # type: ignore[operator]


@pytest.mark.parametrize("door", WSGI_DOORS, ids=name_of)
def test_39_where_there_is_no_event_loop_there_is_no_lag(door: Door) -> None:
    site = Site(door)
    site.get()
    time.sleep(0.3)
    assert not {name for name in site.scrape().names if name.startswith(LAG)}


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
def test_39_nor_where_it_is_not_wanted(door: Door) -> None:
    site = Site(door, loop_lag=False)
    site.get()
    time.sleep(0.3)
    assert not {name for name in site.scrape().names if name.startswith(LAG)}
    assert site.scrape()[ACTIVE] == {("GET",): 0}
