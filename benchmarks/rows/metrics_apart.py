"""Metrics of a whole process: those that several share, a scrape of very many, and the memory of each."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from starlette.applications import Starlette
from starlette.routing import Route

from benchmarks.apart import Apart
from benchmarks.codings import decoded
from benchmarks.goals import Ceiling, Share
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Answer, Setting, Variant
from benchmarks.pauses import LoopPauses
from benchmarks.rows import peer
from benchmarks.rows.asgi import TWO, with_both, with_perfkit
from benchmarks.rows.metrics import (
    ALONE,
    EXPORTER,
    HAND,
    WITH_METRICS,
    Wrap,
    counted,
    starlette,
    with_both_and_metrics,
    with_exporter,
    with_metrics,
    with_prometheus_by_hand,
)
from benchmarks.traced import Traced
from perfkit import Metrics

# Several processes that count together


class Sharing(Asgi):
    """An application that counts into the files that processes share."""

    def answer(self) -> Answer:
        found = super().answer()
        registry = CollectorRegistry()
        peer("prometheus_client.multiprocess").MultiProcessCollector(registry)
        assert counted(registry), "nothing is in the files"
        return found


def driver_of(make: Callable[[Any], Asgi], app: Callable[[], Any]) -> Asgi:
    """The driver of an application, in a process in which frameworks are no garbage, as in that of other settings."""
    driver = make(app())
    gc.collect()
    gc.freeze()
    return driver


def sharing(name: str, wrap: Wrap) -> Variant:
    side: Any = "perfkit" if name.startswith("perfkit") else "peer"
    return Variant(name=name, side=side, build=lambda: partial(driver_of, Sharing, lambda: wrap(starlette(0), [])))


def quiet(name: str, side: Any, app: Callable[[], Any]) -> Variant:
    return Variant(name=name, side=side, build=lambda: partial(driver_of, Asgi, app))


apart = partial(Apart, module=__name__)
PROCESSES = Setting(
    name="metrics-processes",
    title="ASGI, metrics of a small JSON response of Starlette's, counted together by several processes",
    driver=partial(apart, setting="metrics-processes", directory="PROMETHEUS_MULTIPROC_DIR"),
    variants=(
        quiet(BARE, "bare", partial(starlette, 0)),
        sharing(EXPORTER, with_exporter),
        sharing(HAND, with_prometheus_by_hand),
        sharing(ALONE, with_metrics),
        quiet(TWO, "perfkit", lambda: with_both(starlette(0))),
        sharing(WITH_METRICS, with_both_and_metrics),
    ),
    goals=(
        Share(of=ALONE, against=EXPORTER),
        Share(of=ALONE, against=HAND),
        Share(of=WITH_METRICS, beyond=TWO, against=EXPORTER),
    ),
    copies=2,
    note="All of them write into the files of prometheus-client here, each value with every request. perfkit has the "
    "time to the first byte and the size of the body beside what the exporter has.",
    packages=("starlette", EXPORTER, "prometheus-client"),
)


# A scrape

SERIES, FEW = 10_000, 100
# The buckets of one histogram, with that of all values.
BUCKETS = 15
MAKE_ASGI_APP = "prometheus-client: make_asgi_app"
HANDLE_METRICS = "starlette-exporter: handle_metrics"
SCRAPED = "perfkit: /metrics"

# As Prometheus asks.
PROMETHEUS = {
    "accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "accept-encoding": "gzip",
}
NAMES = ("method", "route", "status")


def route(number: int) -> str:
    return f"/books/{number}"


def counted_by_client(count: int, registry: CollectorRegistry) -> None:
    """So many combinations of labels, each with a counter and a histogram."""
    requests = Counter("requests", "Requests that have ended.", NAMES, registry=registry)
    duration = Histogram("request_seconds", "Time of requests.", NAMES, registry=registry)
    for number in range(count):
        labels = ("GET", route(number), "200")
        requests.labels(*labels).inc()
        duration.labels(*labels).observe(0.02)


async def any_page(scope: Any, receive: Any, send: Any) -> None:
    """An application in which every path is a route."""
    scope["perfkit.route"] = scope["path"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def client_app(count: int) -> Any:
    registry = CollectorRegistry()
    counted_by_client(count, registry)
    return peer("prometheus_client").make_asgi_app(registry)


def exporter_app(count: int) -> Any:
    handle = peer("starlette_exporter").handle_metrics
    counted_by_client(count, REGISTRY)  # it knows no other
    return Starlette(routes=[Route("/metrics", handle)])


def perfkit_app(count: int) -> Any:
    # A counter and a histogram of each route, as the others have.
    same = {"time_to_first_byte": False, "sizes": False}
    app = with_perfkit(any_page, Metrics(registry=CollectorRegistry(), max_series=count, **same))
    requests = Asgi(app)
    for number in range(count):
        requests.messages(path=route(number))
    return app


class Scrapes(Asgi):
    """Asks once at a time, which takes so long that it need not be repeated."""

    def measure(self) -> float:
        return self.repeat(1)

    def garbage(self) -> int:
        return 0


class ScrapePauses(Scrapes, LoopPauses):
    """Tells the longest pause of the event loop instead."""


def scraping(make: Callable[..., Asgi], app: Callable[[int], Any], count: int) -> Asgi:
    """What asks for the metrics, all of which have to be there."""
    driver = make(app(count), PROMETHEUS, "/metrics")
    shown = decoded(driver.answer()).count(b"seconds_bucket{")
    assert shown >= count * BUCKETS, f"{shown} buckets of {count} histograms"
    return driver


def scraped(name: str, side: Any, app: Callable[[int], Any], make: Callable[..., Asgi]) -> Variant:
    return Variant(name=name, side=side, build=lambda: partial(scraping, make, app))


def size_and_coding(answer: Answer, bare: Answer | None) -> str:
    return f"{len(answer.body):,} B, {answer.coding or 'not compressed'}"


def scrape(name: str, title: str, make: Callable[..., Asgi], **options: Any) -> Setting:
    return Setting(
        name=name,
        title=title,
        driver=partial(apart, setting=name, numbers=(SERIES,)),
        quick_driver=partial(apart, setting=name, numbers=(FEW,)),
        variants=(
            scraped(MAKE_ASGI_APP, "peer", client_app, make),
            scraped(HANDLE_METRICS, "peer", exporter_app, make),
            scraped(SCRAPED, "perfkit", perfkit_app, make),
        ),
        unit="ms",
        rounds=3,
        quick_rounds=1,
        copies=1,
        remark=size_and_coding,
        packages=("prometheus-client", EXPORTER, "starlette"),
        **options,
    )


OF_SERIES = f"{SERIES:,} counters and {SERIES:,} histograms"
SCRAPE = scrape(
    "metrics-scrape",
    f"A scrape of {OF_SERIES}",
    Scrapes,
    note="prometheus-client has two lines more for each, when it was made.",
)
PAUSE = scrape(
    "metrics-pause",
    f"The longest pause of the event loop during a scrape of {OF_SERIES}",
    ScrapePauses,
    goals=(Ceiling(of=SCRAPED, at_most=0.050),),
    note="Without the time for which other programs had the processor; the least of three scrapes, each of which has "
    "its longest pause. make_asgi_app writes on the event loop, the others on a thread, which has the GIL for 5 ms at "
    "a time, and longer where the garbage collector runs.",
)


# Memory

Add: TypeAlias = Callable[[list[str]], None]

ROUTES = 1000
OF_CLIENT = "prometheus-client: a counter, a histogram"
OF_CLIENT_ALL = "prometheus-client: a counter, three histograms"
OF_PERFKIT = "perfkit: a counter, a histogram"
OF_PERFKIT_ALL = "perfkit: a counter, three histograms"


def kept_by_client(histograms: int) -> Add:
    registry = CollectorRegistry()
    counter = Counter("requests", "Requests that have ended.", NAMES, registry=registry)
    measured = [Histogram(f"seconds_{number}", "Time.", NAMES, registry=registry) for number in range(histograms)]

    def add(routes: list[str]) -> None:
        for each in routes:
            labels = ("GET", each, "200")
            counter.labels(*labels).inc()
            for histogram in measured:
                histogram.labels(*labels).observe(0.02)

    return add


def kept_by_perfkit(**options: Any) -> Add:
    app = with_perfkit(any_page, Metrics(registry=CollectorRegistry(), loop_lag=False, **options))
    requests = Asgi(app)

    def add(routes: list[str]) -> None:
        for each in routes:
            requests.messages(path=each)

    return add


def kept(name: str, side: Any, make: Callable[[], Add]) -> Variant:
    return Variant(name=name, side=side, build=lambda: make)


MEMORY = Setting(
    name="metrics-memory",
    title=f"Memory of the metrics of one route, of {ROUTES:,}",
    driver=partial(Traced, names=[route(number) for number in range(ROUTES)]),
    variants=(
        kept(BARE, "bare", lambda: lambda routes: None),
        kept(OF_CLIENT, "peer", partial(kept_by_client, 1)),
        kept(OF_PERFKIT, "perfkit", partial(kept_by_perfkit, time_to_first_byte=False, sizes=False)),
        kept(OF_CLIENT_ALL, "peer", partial(kept_by_client, 3)),
        kept(OF_PERFKIT_ALL, "perfkit", kept_by_perfkit),
    ),
    goals=(Share(of=OF_PERFKIT, against=OF_CLIENT), Share(of=OF_PERFKIT_ALL, against=OF_CLIENT_ALL)),
    unit="B",
    rounds=2,
    quick_rounds=1,
    copies=1,
    note="With one method and one status. What perfkit keeps beside the values: how a request finds all of them at "
    "once.",
    packages=("prometheus-client",),
)
SETTINGS = (PROCESSES, SCRAPE, PAUSE, MEMORY)
