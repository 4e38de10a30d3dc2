"""Request metrics of ASGI applications."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

from fastapi import FastAPI
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.goals import Ceiling, Share
from benchmarks.inprocess import Asgi, InProcess
from benchmarks.model import BARE, Goal, Setting, Variant
from benchmarks.rows import peer
from benchmarks.rows.asgi import BOOK, SECURITY, TIMING, TWO, with_both, with_perfkit
from perfkit import Metrics, SecurityHeaders, Timing
from perfkit.features.metrics._feature import BATCH

EXPORTER = "starlette-exporter"
INSTRUMENTATOR = "prometheus-fastapi-instrumentator"
OTEL = "opentelemetry-instrumentation-asgi"
AIO = "aioprometheus"
HAND = "prometheus-client by hand"
ALONE = "perfkit: Metrics"
WITH_METRICS = "perfkit: both features, Metrics"

OTHER_ROUTES = 100
# Of longer series than elsewhere, and with that fewer: perfkit counts so many requests together.
ROUNDS = 200

# What counts the requests of an application, and the applications of one variant.
Counting: TypeAlias = Any
Wrap: TypeAlias = Callable[[Any, list[Counting]], Any]


def starlette(others: int) -> Any:
    """An application that looks at so many routes before that of the request."""

    async def book(request: Any) -> JSONResponse:
        return JSONResponse(BOOK)

    routes = [Route(f"/shelves/{number}/books/{{id}}", book) for number in range(others)]
    return Starlette(routes=[*routes, Route("/", book)])


def fastapi(others: int) -> Any:
    """The same of FastAPI's."""

    async def book() -> JSONResponse:
        return JSONResponse(BOOK)

    app = FastAPI()
    for number in range(others):
        app.add_api_route(f"/shelves/{number}/books/{{id}}", book)
    app.add_api_route("/", book)
    return app


def counted(registry: CollectorRegistry) -> bool:
    """Whether the durations of requests are in it."""
    samples = (sample for metric in registry.collect() for sample in metric.samples)
    return any("request" in sample.name and sample.name.endswith("_count") and sample.value for sample in samples)


def registry_of(counting: list[Counting]) -> CollectorRegistry:
    """A new one."""
    registry = CollectorRegistry()
    counting.append(registry)
    return registry


def with_exporter(app: Any, counting: list[Counting]) -> Any:
    app.add_middleware(peer("starlette_exporter").PrometheusMiddleware)
    counting.append(REGISTRY)  # it takes no other
    return app


def with_instrumentator(app: Any, counting: list[Counting]) -> Any:
    peer("prometheus_fastapi_instrumentator").Instrumentator(registry=registry_of(counting)).instrument(app)
    return app


def with_otel(app: Any, counting: list[Counting]) -> Any:
    """With metrics only: nobody is told where spans go, so that none is made."""
    middleware, metrics = peer("opentelemetry.instrumentation.asgi"), peer("opentelemetry.sdk.metrics")
    reader = peer("opentelemetry.sdk.metrics.export").InMemoryMetricReader()
    counting.append(reader)
    return middleware.OpenTelemetryMiddleware(app, meter_provider=metrics.MeterProvider([reader]))


def otel_counted(reader: Any) -> bool:
    return reader.get_metrics_data() is not None


def with_aioprometheus(app: Any, counting: list[Counting]) -> Any:
    registry = peer("aioprometheus").Registry()
    counting.append(registry)
    app.add_middleware(peer("aioprometheus.asgi.middleware").MetricsMiddleware, registry=registry)
    return app


def aioprometheus_counted(registry: Any) -> bool:
    return any(collector.get_all() for collector in registry.get_all())


def with_prometheus_by_hand(app: Any, counting: list[Counting]) -> Any:
    """The least: it knows no streams and no sizes, and its labels are as many as clients want."""
    registry, names = registry_of(counting), ("method", "route", "status")
    active = Gauge("requests_active", "Requests that have begun and not ended.", registry=registry)
    requests = Counter("requests", "Requests that have ended.", names, registry=registry)
    duration = Histogram("request_seconds", "Time of requests.", names, registry=registry)

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        started, status = perf_counter(), 500

        async def send_and_look(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        active.inc()
        try:
            await app(scope, receive, send_and_look)
        finally:
            active.dec()
            labels = (scope["method"], getattr(scope.get("route"), "path", ""), str(status))
            requests.labels(*labels).inc()
            duration.labels(*labels).observe(perf_counter() - started)

    return middleware


def with_metrics(app: Any, counting: list[Counting]) -> Any:
    return with_perfkit(app, Metrics(registry=registry_of(counting)))


def with_both_and_metrics(app: Any, counting: list[Counting]) -> Any:
    return with_perfkit(app, Metrics(registry=registry_of(counting)), Timing(), SecurityHeaders())


def measuring(
    name: str,
    wrap: Wrap,
    app: Callable[[], Any],
    proof: Callable[[Counting], bool] = counted,
    expects: tuple[str, ...] = (),
) -> Variant:
    """A variant that is known to count, though nothing of it is in the response."""
    counting: list[Counting] = []
    return Variant(
        name=name,
        side="perfkit" if name.startswith("perfkit") else "peer",
        build=lambda: wrap(app(), counting),
        expects=expects,
        proof=lambda: any(map(proof, counting)),
    )


def in_batches(driver: InProcess) -> InProcess:
    """With all of the work in each series."""
    driver.step = BATCH
    return driver


def perfkits(
    app: Callable[[], Any],
    alone: Wrap = with_metrics,
    both: Callable[[Any], Any] = with_both,
    both_and: Wrap = with_both_and_metrics,
) -> tuple[Variant, ...]:
    """Metrics as a middleware of its own, and in a stack."""
    expects = (*TIMING, *SECURITY)
    return (
        measuring(ALONE, alone, app),
        Variant(name=TWO, side="perfkit", build=lambda: both(app()), expects=expects),
        measuring(WITH_METRICS, both_and, app, expects=expects),
    )


def asgi(name: str, title: str, app: Callable[[], Any], goals: tuple[Goal, ...] = ()) -> Setting:
    return Setting(
        name=name,
        title=title,
        driver=lambda variant: in_batches(Asgi(variant.build())),
        variants=(
            Variant(name=BARE, side="bare", build=app),
            measuring(EXPORTER, with_exporter, app),
            measuring(INSTRUMENTATOR, with_instrumentator, app),
            measuring(OTEL, with_otel, app, otel_counted),
            measuring(AIO, with_aioprometheus, app, aioprometheus_counted),
            measuring(HAND, with_prometheus_by_hand, app),
            *perfkits(app),
        ),
        goals=(*(Share(of=ALONE, against=other) for other in (EXPORTER, INSTRUMENTATOR, OTEL, AIO, HAND)), *goals),
        rounds=ROUNDS,
        note=NOTE,
        packages=("starlette", "prometheus-client", EXPORTER, INSTRUMENTATOR, OTEL, "opentelemetry-sdk", AIO),
    )


NOTE = (
    "Metrics alone is a middleware of its own, with all that a host does for any feature; what it costs in a stack is "
    "what the last line has beyond the one above it. perfkit measures here what the exporter does, and the time to the "
    "first byte, the sizes of bodies, the lag of the event loop and who left. OpenTelemetry has its SDK's metrics and "
    "no spans. aioprometheus has counters only."
)
IN_A_STACK = (
    Ceiling(of=WITH_METRICS, beyond=TWO, at_most=5e-6, unit="us", why="in a stack"),
    Share(of=WITH_METRICS, beyond=TWO, against=EXPORTER, at_most=5 / 355, why="5 us where the exporter adds 355"),
)
ONE = asgi("metrics", "ASGI, metrics of a small JSON response of Starlette's, one route", partial(starlette, 0))
MANY = asgi(
    "metrics-101",
    "ASGI, metrics of a small JSON response of Starlette's, the last of 101 routes",
    partial(starlette, OTHER_ROUTES),
    IN_A_STACK,
)


def fastapis(app: Callable[[], Any]) -> Setting:
    return Setting(
        name="metrics-fastapi",
        title="ASGI, metrics of a small JSON response of FastAPI's, the last of 101 routes",
        driver=lambda variant: in_batches(Asgi(variant.build())),
        variants=(
            Variant(name=BARE, side="bare", build=app),
            measuring(EXPORTER, with_exporter, app),
            measuring(INSTRUMENTATOR, with_instrumentator, app),
            *perfkits(app),
        ),
        goals=(*(Share(of=ALONE, against=other) for other in (EXPORTER, INSTRUMENTATOR)), IN_A_STACK[0]),
        rounds=ROUNDS,
        note=NOTE,
        packages=("fastapi", "starlette", "prometheus-client", EXPORTER, INSTRUMENTATOR),
    )


FASTAPI = fastapis(partial(fastapi, OTHER_ROUTES))
SETTINGS = (ONE, MANY, FASTAPI)
