"""Request metrics under WSGI and in Django."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from benchmarks.goals import Share
from benchmarks.inprocess import Wsgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import flask, peer, wsgi
from benchmarks.rows.asgi import SECURITY, TIMING, TWO
from benchmarks.rows.django import SITE, DjangoAsync, DjangoWsgi
from benchmarks.rows.flask import with_middleware
from benchmarks.rows.metrics import (
    ALONE,
    HAND,
    ROUNDS,
    WITH_METRICS,
    Counting,
    counted,
    in_batches,
    measuring,
    perfkits,
    registry_of,
)
from perfkit import Metrics, SecurityHeaders, Timing

if TYPE_CHECKING:
    from flask import Flask

FLASK_EXPORTER = "prometheus-flask-exporter"
DJANGO_PROMETHEUS = "django-prometheus"


def with_metrics(app: Any, counting: list[Counting]) -> Any:
    return wsgi.with_perfkit(app, Metrics(registry=registry_of(counting)))


def with_both_and_metrics(app: Any, counting: list[Counting]) -> Any:
    return wsgi.with_perfkit(app, Metrics(registry=registry_of(counting)), Timing(), SecurityHeaders())


# Without a framework


def with_prometheus_by_hand(app: Any, counting: list[Counting]) -> Any:
    """As on ASGI, of applications that make whole bodies only; nobody knows a route."""
    registry, names = registry_of(counting), ("method", "status")
    active = Gauge("requests_active", "Requests that have begun and not ended.", registry=registry)
    requests = Counter("requests", "Requests that have ended.", names, registry=registry)
    duration = Histogram("request_seconds", "Time of requests.", names, registry=registry)

    def middleware(environ: Any, start_response: Any) -> Any:
        started, code = perf_counter(), "500"

        def start_and_look(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal code
            code = status[:3]
            return start_response(status, headers, exc_info)

        active.inc()
        try:
            return app(environ, start_and_look)
        finally:
            active.dec()
            labels = (environ["REQUEST_METHOD"], code)
            requests.labels(*labels).inc()
            duration.labels(*labels).observe(perf_counter() - started)

    return middleware


WSGI = Setting(
    name="metrics-wsgi",
    title="WSGI, metrics of a small JSON response without a framework",
    driver=lambda variant: in_batches(Wsgi(variant.build())),
    variants=(
        Variant(name=BARE, side="bare", build=wsgi.bare),
        measuring(HAND, with_prometheus_by_hand, wsgi.bare),
        *perfkits(wsgi.bare, with_metrics, wsgi.with_both, with_both_and_metrics),
    ),
    goals=(
        Share(of=ALONE, against=HAND),
        Share(of=ALONE, against=ALONE, against_setting="metrics", at_most=1.0, why="what ASGI costs"),
    ),
    rounds=ROUNDS,
    note="No package measures plain WSGI applications for Prometheus.",
    packages=("prometheus-client",),
)


# In a framework


def with_flask_exporter(app: Flask, counting: list[Counting]) -> Flask:
    package = peer("prometheus_flask_exporter")
    # By route: by default its labels are paths, which any client can make more of.
    package.PrometheusMetrics(app, group_by="url_rule", registry=registry_of(counting))
    return app


def around(wrap: Any) -> Any:
    """What wraps an application of Flask's from within."""
    return lambda app, *counting: with_middleware(app, lambda inner: wrap(inner, *counting))


FLASK = Setting(
    name="metrics-flask",
    title="WSGI, metrics of a small JSON response of Flask's",
    driver=lambda variant: in_batches(Wsgi(variant.build())),
    variants=(
        Variant(name=BARE, side="bare", build=flask.bare),
        measuring(FLASK_EXPORTER, with_flask_exporter, flask.bare),
        *perfkits(flask.bare, around(with_metrics), around(wsgi.with_both), around(with_both_and_metrics)),
    ),
    goals=(
        Share(of=ALONE, against=FLASK_EXPORTER),
        Share(of=WITH_METRICS, beyond=TWO, against=FLASK_EXPORTER),
    ),
    rounds=ROUNDS,
    note="prometheus-flask-exporter has a counter and a histogram of durations, and measures the view and its hooks.",
    packages=("flask", FLASK_EXPORTER, "prometheus-client"),
)


def django_prometheus() -> tuple[str, ...]:
    peer("django_prometheus.middleware")  # only to know that it is there
    names = ("PrometheusBeforeMiddleware", "PrometheusAfterMiddleware")
    before, after = (f"django_prometheus.middleware.{name}" for name in names)
    return (before, after)


def site_counted() -> bool:
    """Whether what perfkit's middlewares of the project have measured is in their registry."""
    from benchmarks.django_site import METRICS

    return counted(METRICS)


def site(name: str) -> Any:
    return lambda: (f"{SITE}.{name}",)


DJANGO_VARIANTS = (
    Variant(name=BARE, side="bare", build=tuple),
    Variant(name=DJANGO_PROMETHEUS, side="peer", build=django_prometheus, proof=partial(counted, REGISTRY)),
    Variant(name=ALONE, side="perfkit", build=site("MetricsFeature"), proof=site_counted),
    Variant(name=TWO, side="perfkit", build=site("BothFeatures"), expects=(*TIMING, *SECURITY)),
    Variant(
        name=WITH_METRICS,
        side="perfkit",
        build=site("BothAndMetricsFeatures"),
        expects=(*TIMING, *SECURITY),
        proof=site_counted,
    ),
)
DJANGO_GOALS = (
    Share(of=ALONE, against=DJANGO_PROMETHEUS),
    Share(of=WITH_METRICS, beyond=TWO, against=DJANGO_PROMETHEUS),
)
DJANGO_PACKAGES = ("django", DJANGO_PROMETHEUS, "prometheus-client")
DJANGO = Setting(
    name="metrics-django",
    title="Django under WSGI, metrics of a small JsonResponse",
    driver=lambda variant: in_batches(DjangoWsgi(variant)),
    variants=DJANGO_VARIANTS,
    goals=DJANGO_GOALS,
    rounds=ROUNDS,
    packages=DJANGO_PACKAGES,
)
DJANGO_ASYNC = Setting(
    name="metrics-django-async",
    title="Django's asynchronous chain, metrics of a small JsonResponse",
    driver=lambda variant: in_batches(DjangoAsync(variant)),
    variants=DJANGO_VARIANTS,
    goals=DJANGO_GOALS,
    rounds=ROUNDS,
    note="Django calls the hooks of django-prometheus on another thread here.",
    packages=DJANGO_PACKAGES,
)
SETTINGS = (WSGI, FLASK, DJANGO, DJANGO_ASYNC)
