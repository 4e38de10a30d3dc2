"""Rate limits under WSGI and in Django."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.goals import Share
from benchmarks.inprocess import Wsgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import peer, wsgi
from benchmarks.rows.django import SITE, DjangoAsync, DjangoWsgi
from benchmarks.rows.flask import bare, with_middleware
from benchmarks.rows.rate_limit import BY_HAND, FIELDS, LEGACY_FIELDS, LIMITS, OURS, by_hand, limited

if TYPE_CHECKING:
    from flask import Flask


def with_limit(app: Any) -> Any:
    return wsgi.with_perfkit(app, limited())


# Without a framework


def with_limits_by_hand(app: Any) -> Any:
    """As on ASGI."""
    decide = by_hand()

    def middleware(environ: Any, start_response: Any) -> Any:
        allowed, values = decide(environ["REMOTE_ADDR"])
        state = list(zip(LEGACY_FIELDS, values, strict=True))

        def start_with_headers(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *state], exc_info)

        if allowed:
            return app(environ, start_with_headers)
        start_response("429 Too Many Requests", state)
        return []

    return middleware


WSGI = Setting(
    name="rate-limit-wsgi",
    title="WSGI, a rate limit on a small JSON response without a framework",
    driver=lambda variant: Wsgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=wsgi.bare),
        Variant(name=BY_HAND, side="peer", build=lambda: with_limits_by_hand(wsgi.bare()), expects=LEGACY_FIELDS),
        Variant(name=OURS, side="perfkit", build=lambda: with_limit(wsgi.bare()), expects=FIELDS),
    ),
    goals=(
        Share(of=OURS, against=BY_HAND),
        Share(of=OURS, against=OURS, against_setting="rate-limit", at_most=1.0, why="what ASGI costs"),
    ),
    note="No package limits plain WSGI applications.",
    packages=("limits",),
)


# In a framework

FLASK_LIMITER = "Flask-Limiter"
DJANGO_RATELIMIT = "django-ratelimit"


def flask_limiter() -> Flask:
    app = bare()
    package, by_address = peer("flask_limiter"), peer("flask_limiter.util").get_remote_address
    package.Limiter(by_address, app=app, default_limits=[LIMITS], storage_uri="memory://", headers_enabled=True)
    return app


FLASK = Setting(
    name="rate-limit-flask",
    title="WSGI, a rate limit on a small JSON response of Flask's",
    driver=lambda variant: Wsgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name=FLASK_LIMITER, side="peer", build=flask_limiter, expects=LEGACY_FIELDS),
        Variant(name=OURS, side="perfkit", build=lambda: with_middleware(bare(), with_limit), expects=FIELDS),
    ),
    goals=(Share(of=OURS, against=FLASK_LIMITER),),
    note="Flask-Limiter counts fixed windows, as it does by default.",
    packages=("flask", "flask-limiter", "limits"),
)


def django_ratelimit() -> tuple[str, ...]:
    peer("django_ratelimit")  # only to know that it is there: it decorates the view
    return ()


def counted() -> bool:
    """Whether something is in Django's cache, which nothing else uses here."""
    from django.core.cache import cache

    return bool(cache._cache)  # type: ignore[attr-defined]


def limited_page(variant: Variant) -> str:
    return "/limited" if variant.name == DJANGO_RATELIMIT else ""


OWN = (f"{SITE}.LimitFeature",)
DJANGO = Setting(
    name="rate-limit-django",
    title="Django under WSGI, a rate limit on a small JsonResponse",
    driver=lambda variant: DjangoWsgi(variant, page=limited_page(variant)),
    variants=(
        Variant(name=BARE, side="bare", build=tuple),
        Variant(name=DJANGO_RATELIMIT, side="peer", build=django_ratelimit, proof=counted),
        Variant(name=OURS, side="perfkit", build=lambda: OWN, expects=FIELDS),
    ),
    goals=(Share(of=OURS, against=DJANGO_RATELIMIT),),
    note="django-ratelimit decorates the view, keeps its counts in Django's cache, here the one in memory, and tells "
    "clients nothing.",
    packages=("django", "django-ratelimit"),
)
DJANGO_ASYNC = Setting(
    name="rate-limit-django-async",
    title="Django's asynchronous chain, a rate limit on a small JsonResponse",
    driver=DjangoAsync,
    variants=(
        Variant(name=BARE, side="bare", build=tuple),
        Variant(name=OURS, side="perfkit", build=lambda: OWN, expects=FIELDS),
    ),
    note="django-ratelimit has nothing for asynchronous views.",
    packages=("django",),
)
SETTINGS = (WSGI, FLASK, DJANGO, DJANGO_ASYNC)
