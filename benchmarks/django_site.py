"""The Django project of the benchmarks: its views, and perfkit's middleware with the features of a row."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import JsonResponse
from django.urls import path

from benchmarks.rows import peer
from benchmarks.rows.asgi import BOOK, NoOp
from perfkit import SecurityHeaders, Timing
from perfkit.django import PerfkitMiddleware


class BothFeatures(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(Timing(), SecurityHeaders()))


class NoOpFeature(PerfkitMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response, {}, features=(NoOp(),))


def book(request: Any) -> JsonResponse:
    return JsonResponse(BOOK)


async def book_async(request: Any) -> JsonResponse:
    return JsonResponse(BOOK)


@cache
def server_timing() -> Any:
    return peer("server_timing.middleware")


def timed_book(request: Any) -> JsonResponse:
    # django-server-timing sends only what the application measures.
    with server_timing().timed("total"):
        return JsonResponse(BOOK)


urlpatterns = [
    path("sync", book),
    path("async", book_async),
    path("sync/timed", timed_book),
]
