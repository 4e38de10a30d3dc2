"""Rows 42 to 44 of the table: several stacks, what promtool says, and what no text can be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily

from perfkit import ConfigurationError, Metrics, span
from tests.doors import DOORS, Door, Page
from tests.features.metrics.scrapes import Collecting
from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import (
    EVENTS,
    REQUESTS,
    TEXT,
    Scrape,
    Site,
    of_asgi,
)
from tests.proofs.tools import program


def fails(exchange: Any) -> str:
    raise LookupError("of the application")


# Row 42: several stacks in one process


def test_42_stacks_with_one_registry_count_together_and_others_apart(door: Door) -> None:
    first = Site(door)
    second = Site(door, registry=first.registry)
    third = Site(door)
    for site in (first, second, second, third):
        site.get()
    assert first.settled().steady == second.settled().steady
    assert first.scrape()[REQUESTS] == {first.label(): 3}
    assert third.scrape()[REQUESTS] == {third.label(): 1}


def test_42_stacks_of_all_doors_count_together() -> None:
    registry = CollectorRegistry()
    sites = [Site(door, registry=registry) for door in DOORS]
    for site in sites:
        site.get()
    assert sum(sites[0].settled()[REQUESTS].values()) == len(sites)


def test_42_an_application_can_be_made_again_and_again(door: Door) -> None:
    registry = CollectorRegistry()
    for number in range(30):
        site = Site(door, registry=registry)
        site.get()
        assert site.scrape()[REQUESTS] == {site.label(): number + 1}


def test_42_two_names_in_one_registry_are_told_at_once() -> None:
    registry = CollectorRegistry()
    Metrics(registry=registry)
    for other in ({"names": "short"}, {"max_series": 5}, {"labels": {"a": fails}}, {"buckets": [1.0]}):
        with pytest.raises(ConfigurationError, match=f"metrics.{next(iter(other))}"):
            Metrics(registry=registry, **other)
    Metrics(registry=registry)


def test_42_one_stack_in_another_counts_twice_and_leaks_nothing(door: Door) -> None:
    site = Site(door, times=2)
    site.get()
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(): 2}


# Row 43: what promtool says of it


def everything(site: Site) -> None:
    for method in ("GET", "POST", "HEAD", "INVENTED"):
        site.get("/x", ("Accept-Encoding", "gzip"), method=method, body=b"hello")
    with span("piece", metric=True):
        pass


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("names", ["otel", "short"])
def test_43_promtool_finds_nothing_to_say(door: Door, names: str) -> None:
    turn = [Page(body=b"hello " * 500, headers=[TEXT]), Page(stream=lambda: iter([b"data: 1\n\n"]), headers=[EVENTS])]
    site = Site(door, lambda seen: turn[seen.method == "POST"], names=names, labels={"own": fails}, max_series=2)
    everything(site)
    plain = site.get("/metrics")
    assert plain.body.count(b"# TYPE") >= 10
    command = [program("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=plain.body, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.usefixtures("unvalidated")
def test_43_each_metric_is_shown_once_with_its_help(door: Door) -> None:
    site = Site(door)
    everything(site)
    lines = site.get("/metrics").body.decode().splitlines()
    for kind in ("# TYPE ", "# HELP "):
        names = [line.split()[2] for line in lines if line.startswith(kind)]
        assert len(names) == len(set(names)) >= 8


# Row 44: what is no text

SURROGATE = "\ud800 \udfff"


def test_44_surrogates_in_labels_and_spans(door: Door) -> None:
    site = Site(door, labels={"own": lambda exchange: SURROGATE}, exemplar=lambda exchange: SURROGATE)
    site.get()
    with span(SURROGATE, metric=True):
        pass
    scrape = site.settled()
    assert [dict(labels)["own"] for name, labels in scrape.all if name == REQUESTS] == ["? ?"]
    assert ("? ?",) in scrape["perfkit_span_duration_seconds_count"]


@pytest.mark.parametrize("path", ["/%ff", "/%ed%a0%80", "/\x7f", "/%00", "/%22%5c%0a", "/%c3%28"])
def test_44_paths_that_are_no_text(framework: Framework, path: str) -> None:
    served = framework.serve()
    served.get(path)
    scrape = served.settled()
    assert sum(scrape[REQUESTS].values()) == 1
    assert {labels[-1] for labels in scrape[REQUESTS]} <= {"", *framework.templates.values()}


def test_44_a_route_that_is_no_text_or_is_full_of_quotes() -> None:
    routes = [SURROGATE, 'a"b', "a\\b", "a\nb", "a}b", "{a,b=}", "ü" * 500, "# EOF"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["perfkit.route"] = routes[int(scope["path"][1:])]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    served = of_asgi(app)
    for number in range(len(routes)):
        served.get(f"/{number}")
    shown = [labels[-1] for labels in served.settled()[REQUESTS]]
    assert sorted(shown) == sorted(["? ?", *routes[1:6], "ü" * 256, "# EOF"])


def foreign(text: str) -> Iterator[GaugeMetricFamily]:
    broken = GaugeMetricFamily("broken", "Broken.", labels=["name"])
    broken.add_metric([text], 1)
    yield broken
    yield GaugeMetricFamily("whole", "Whole.", 2)


def test_44_a_metric_of_others_that_is_no_text_does_not_end_all_scrapes(door: Door) -> None:
    site = Site(door)
    site.get()
    site.registry.register(Collecting(lambda: foreign(SURROGATE)))
    for _ in range(2):
        scrape: Scrape = site.scrape()
        assert scrape.value("whole") == 2
        assert scrape[REQUESTS] == {site.label(): 1}
        assert len(scrape["broken"]) == 1


def test_44_a_collector_that_fails_does_not_either(door: Door) -> None:
    def collect() -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("before", "Before.", 1)
        raise LookupError

    site = Site(door)
    site.get()
    site.registry.register(Collecting(collect))
    scrape = site.scrape()
    assert scrape.value("before") == 1
    assert scrape[REQUESTS] == {site.label(): 1}
