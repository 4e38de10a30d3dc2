"""A small JsonResponse of Django's, under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings

from benchmarks.goals import Share
from benchmarks.inprocess import NO_HEADERS, Asynchronous, Wsgi, answer, scope_with
from benchmarks.model import BARE, Answer, Setting, Variant
from benchmarks.rows import peer
from benchmarks.rows.asgi import NO_OP, SECURITY, TIMING, TWO

SITE = "benchmarks.django_site"
FRAMEWORK = ("django.middleware.security.SecurityMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware")
# The four of Django's own that perfkit is to replace.
OWN_FOUR = (*FRAMEWORK, "django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware")
SERVER_TIMING = "server_timing.middleware.ServerTiming"

OWN = "Django: security, clickjacking"
FOUR = "Django: those, gzip, conditional"
ALL = "perfkit: four features"
PEERS = "Django's + django-server-timing"
# Django itself has no Permissions-Policy.
DJANGO_SECURITY = tuple(name for name in SECURITY if name != "permissions-policy")


@cache
def configure() -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={},
        LOGGING_CONFIG=None,
        ROOT_URLCONF=SITE,
        SECRET_KEY="of a benchmark",
        SECURE_HSTS_SECONDS=31_536_000,
    )
    django.setup()


def handler(kind: type[Any], middleware: tuple[str, ...]) -> Any:
    """A handler of its own middleware, which it loads when it is made."""
    configure()
    with override_settings(MIDDLEWARE=list(middleware)):
        return kind()


class DjangoWsgi(Wsgi):
    """Calls Django's WSGI handler."""

    def __init__(self, variant: Variant, headers: Mapping[str, str] = NO_HEADERS, page: str = "") -> None:
        middleware = variant.build()
        page = page or "/timed" * (SERVER_TIMING in middleware)
        super().__init__(handler(WSGIHandler, middleware), headers, f"/sync{page}")


class DjangoAsync(Asynchronous):
    """Calls the asynchronous chain of middlewares.

    Django's ASGI handler does more for each request (a task that listens for the disconnect, two changes of thread),
    which no middleware can help and in which the differences would drown.
    """

    def __init__(self, variant: Variant, headers: Mapping[str, str] = NO_HEADERS, page: str = "") -> None:
        super().__init__(handler(ASGIHandler, variant.build()))
        self.scope = scope_with(headers, f"/async{page}")

    def answer(self) -> Answer:
        async def get_response() -> Any:
            response = await self.app.get_response_async(ASGIRequest(self.scope.copy(), BytesIO()))
            response.close()
            return response

        response = self.run(get_response())
        return answer(response.status_code, list(response.headers.items()), response.content)

    async def request(self) -> None:
        response = await self.app.get_response_async(ASGIRequest(self.scope.copy(), BytesIO()))
        response.close()


def with_server_timing() -> tuple[str, ...]:
    peer(SERVER_TIMING.rpartition(".")[0])  # only to know that it is there
    return (SERVER_TIMING, *FRAMEWORK)


VARIANTS = (
    Variant(name=BARE, side="bare", build=tuple),
    Variant(name=NO_OP, side="perfkit", build=lambda: (f"{SITE}.NoOpFeature",)),
    Variant(name=OWN, side="peer", build=lambda: FRAMEWORK, expects=DJANGO_SECURITY),
    Variant(name=PEERS, side="peer", build=with_server_timing, expects=(*TIMING, *DJANGO_SECURITY)),
    Variant(name=FOUR, side="peer", build=lambda: OWN_FOUR, expects=("etag", *DJANGO_SECURITY)),
    Variant(name=TWO, side="perfkit", build=lambda: (f"{SITE}.BothFeatures",), expects=(*TIMING, *SECURITY)),
    Variant(name=ALL, side="perfkit", build=lambda: (f"{SITE}.FourFeatures",), expects=(*TIMING, "etag", *SECURITY)),
)
WHY = "30 us where four of Django's own add 608"

SYNC = Setting(
    name="django-sync",
    title="Django under WSGI, a small JsonResponse",
    driver=DjangoWsgi,
    variants=VARIANTS,
    goals=(
        Share(of=TWO, against=OWN),
        Share(of=TWO, against=PEERS),
        Share(of=ALL, against=FOUR),
    ),
    packages=("django", "django-server-timing"),
)
ASYNC = Setting(
    name="django-async",
    title="Django's asynchronous chain, a small JsonResponse",
    driver=DjangoAsync,
    variants=tuple(variant for variant in VARIANTS if variant.name != PEERS),
    goals=(
        Share(of=TWO, against=FOUR, at_most=30 / 608, why=WHY),
        Share(of=ALL, against=FOUR, at_most=30 / 608, why=WHY),
        Share(of=TWO, against=OWN),
    ),
    note="Django calls the hooks of its own middlewares on another thread here. django-server-timing is not shown: it "
    "keeps what an asynchronous view measures on that view's thread and never sends it.",
    packages=("django",),
)
SETTINGS = (SYNC, ASYNC)
