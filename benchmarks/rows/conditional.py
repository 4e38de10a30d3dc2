"""Responses that get an ETag, and the 304 for a client that has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.goals import Share
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Driver, Setting, Variant
from benchmarks.rows.asgi import with_perfkit
from benchmarks.rows.compression import SMALL, bare
from benchmarks.rows.django import SITE, DjangoAsync, DjangoWsgi
from benchmarks.rows.stack import with_etags
from perfkit import ConditionalGet

ETAGS = "etag-middleware"
DJANGO = "Django's ConditionalGetMiddleware"
OURS = "perfkit: ConditionalGet"
TAGGED = ("etag",)
PAGE = "/2k"

NOTE = "The body is 2 KB of JSON."
THREAD_NOTE = f"{NOTE} Django calls the hooks of its own middlewares on another thread here."

Headers = Mapping[str, str]


def asgi(variant: Variant, headers: Headers) -> Driver:
    return Asgi(variant.build(), headers)


def django(variant: Variant, headers: Headers) -> Driver:
    return DjangoWsgi(variant, headers, PAGE)


def django_async(variant: Variant, headers: Headers) -> Driver:
    return DjangoAsync(variant, headers, PAGE)


def revalidating(make: Callable[[Variant, Headers], Driver]) -> Callable[[Variant], Driver]:
    """Asks for what has been got already; of an application that sends no ETag, without a condition."""

    def driver(variant: Variant) -> Driver:
        first = make(variant, {})
        tag = first.answer().etag
        first.close()
        return make(variant, {"if-none-match": tag} if tag else {})

    return driver


def asgi_variants(status: int) -> tuple[Variant, ...]:
    def ours() -> Any:
        return with_perfkit(bare(SMALL), ConditionalGet())

    return (
        Variant(name=BARE, side="bare", build=lambda: bare(SMALL)),
        Variant(name=ETAGS, side="peer", build=lambda: with_etags(bare(SMALL)), expects=TAGGED, status=status),
        Variant(name=OURS, side="perfkit", build=ours, expects=TAGGED, status=status),
    )


def django_variants(status: int) -> tuple[Variant, ...]:
    own = ("django.middleware.http.ConditionalGetMiddleware",)
    ours = (f"{SITE}.ConditionalFeature",)
    return (
        Variant(name=BARE, side="bare", build=tuple),
        Variant(name=DJANGO, side="peer", build=lambda: own, expects=TAGGED, status=status),
        Variant(name=OURS, side="perfkit", build=lambda: ours, expects=TAGGED, status=status),
    )


def settings(
    name: str, host: str, variants: Callable[[int], tuple[Variant, ...]], make: Any, peer: str, note: str = NOTE
) -> tuple[Setting, Setting]:
    goals, packages = (Share(of=OURS, against=peer),), ("etag-middleware" if peer == ETAGS else "django",)
    return (
        Setting(
            name=name,
            title=f"{host}, an ETag is made",
            driver=lambda variant: make(variant, {}),
            variants=variants(200),
            goals=goals,
            note=note,
            packages=packages,
        ),
        Setting(
            name=f"{name}-304",
            title=f"{host}, the client has it already: 304",
            driver=revalidating(make),
            variants=variants(304),
            goals=goals,
            note=note,
            packages=packages,
        ),
    )


SETTINGS = (
    *settings("conditional", "ASGI", asgi_variants, asgi, ETAGS),
    *settings("conditional-django", "Django under WSGI", django_variants, django, DJANGO),
    *settings(
        "conditional-django-async", "Django's asynchronous chain", django_variants, django_async, DJANGO, THREAD_NOTE
    ),
)
