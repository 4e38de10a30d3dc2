"""The Django project of the benchmarks: its views, and perfkit's middleware with the features of a row."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.urls import path
from prometheus_client import CollectorRegistry

from benchmarks.payload import orders
from benchmarks.rows import peer
from benchmarks.rows.asgi import BOOK, NoOp
from benchmarks.rows.rate_limit import QUOTA, limited
from perfkit import Compression, ConditionalGet, Metrics, SecurityHeaders, Timing
from perfkit.django import PerfkitMiddleware

# Of all its middlewares that measure.
METRICS = CollectorRegistry()


class BothFeatures(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Timing(), SecurityHeaders()))


class FourFeatures(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Timing(), SecurityHeaders(), Compression(), ConditionalGet()))


class EncodingFeatures(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Compression(), ConditionalGet()))


class GzipFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Compression(codings=("gzip",)),))


class EncodingFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Compression(),))


class ConditionalFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(ConditionalGet(),))


class LimitFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(limited(),))


class MetricsFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Metrics(registry=METRICS),))


class BothAndMetricsFeatures(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Metrics(registry=METRICS), Timing(), SecurityHeaders()))


class NoOpFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(NoOp(),))


def book(request: Any) -> JsonResponse:
    return JsonResponse(BOOK)


async def book_async(request: Any) -> JsonResponse:
    return JsonResponse(BOOK)


def order_list(size: int) -> Callable[[Any], HttpResponse]:
    body = orders(size)
    return lambda request: HttpResponse(body, content_type="application/json")


def order_list_async(size: int) -> Callable[[Any], Coroutine[Any, Any, HttpResponse]]:
    body = orders(size)

    async def view(request: Any) -> HttpResponse:
        return HttpResponse(body, content_type="application/json")

    return view


@cache
def server_timing() -> Any:
    return peer("server_timing.middleware")


def timed_book(request: Any) -> JsonResponse:
    # django-server-timing sends only what the application measures.
    with server_timing().timed("total"):
        return JsonResponse(BOOK)


@cache
def limiting_book() -> Any:
    return peer("django_ratelimit.decorators").ratelimit(key="ip", rate=f"{QUOTA}/m")(book)


def limited_book(request: Any) -> Any:
    return limiting_book()(request)


urlpatterns = [
    path("sync", book),
    path("async", book_async),
    path("sync/timed", timed_book),
    path("sync/limited", limited_book),
    *(path(f"sync/{kib}k", order_list(kib * 1024)) for kib in (2, 20)),
    *(path(f"async/{kib}k", order_list_async(kib * 1024)) for kib in (2, 20)),
]
