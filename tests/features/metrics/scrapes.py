"""Scrapes of a registry without a host, and what was in them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from perfkit import Pending, Reply
from perfkit.features.metrics._exposition import Exposition
from tests.memory_exchange import MemoryExchange

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def request(target: str = "/metrics", *, method: str = "GET", internal: bool = True, **headers: str) -> MemoryExchange:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return MemoryExchange(internal=internal, method=method, target=target, request_headers=fields)


def scrape(source: Exposition | CollectorRegistry, target: str = "/metrics", **request_: Any) -> Reply:
    """The reply to a request, which there must be."""
    exposition = source if isinstance(source, Exposition) else Exposition(source)
    reply = exposition.reply(request(target, **request_))
    if isinstance(reply, Pending):
        reply = reply.run()
    assert reply is not None
    return reply


def header(reply: Reply, name: str) -> str | None:
    return next((value for key, value in reply.headers.items() if key.lower == name), None)


def text(reply: Reply) -> str:
    """The body, decoded and decompressed."""
    gzip = header(reply, "content-encoding") == "gzip"
    return (zlib.decompress(reply.body, 31) if gzip else reply.body).decode()


def families(reply: Reply) -> dict[str, Metric]:
    """What the parser for the reply's content type reads."""
    openmetrics = (header(reply, "content-type") or "").startswith("application/openmetrics-text")
    return {family.name: family for family in (parse_openmetrics if openmetrics else parse_text)(text(reply))}


def samples(reply: Reply) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(reply).values()
        for sample in family.samples
    }


def gauge(name: str = "things", labels: dict[str, Any] | None = None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, "Things.", labels=list(labels or {}))
    family.add_metric(list((labels or {}).values()), 1)
    return family


class Collecting:
    """A collector that does what the test says."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect


class Many:
    """A collector of histograms with as many series."""

    def __init__(self, series: int) -> None:
        self.series = series

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily("took_seconds", "What it took.", labels=["route"])
        bounds = [*(f"{bound / 10}" for bound in range(1, 15)), "+Inf"]
        for number in range(self.series // (len(bounds) + 2)):
            family.add_metric([f"/route/{number}"], [(bound, 1.0) for bound in bounds], 0.05)
        yield family


def registry(*collectors: Any) -> CollectorRegistry:
    made = CollectorRegistry()
    for collector in collectors:
        made.register(collector)
    return made
