"""JSON compressed under WSGI and in Django."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Flask, Response

from benchmarks.goals import Share, Size
from benchmarks.inprocess import Wsgi
from benchmarks.model import BARE, Goal, Setting, Variant
from benchmarks.payload import orders
from benchmarks.remarks import coding_and_size
from benchmarks.rows import peer
from benchmarks.rows.compression import DEFAULT, ENCODED, MIDDLE
from benchmarks.rows.django import SITE, DjangoAsync, DjangoWsgi
from benchmarks.rows.flask import with_middleware
from benchmarks.rows.wsgi import with_perfkit
from perfkit import Compression

FLASK_COMPRESS = "Flask-Compress"
DJANGO_GZIP = "Django's GZip"
DJANGO_BOTH = "Django's GZip and ConditionalGet"
DHC = "django-http-compression"
GZIP_ONLY = "perfkit: gzip only"
BOTH = "perfkit: Compression and ConditionalGet"


def bare() -> Flask:
    app, body = Flask(__name__), orders(MIDDLE)
    app.add_url_rule("/", "orders", lambda: Response(body, mimetype="application/json"))
    return app


def flask_compress() -> Flask:
    app = bare()
    peer("flask_compress").Compress(app)
    return app


def with_compression(app: Any) -> Any:
    return with_perfkit(app, Compression())


FLASK = Setting(
    name="compression-flask",
    title="WSGI, compression of 20 KB of JSON of Flask's",
    driver=lambda variant: Wsgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare, coding=""),
        Variant(name=FLASK_COMPRESS, side="peer", build=flask_compress, coding="zstd"),
        Variant(
            name=DEFAULT,
            side="perfkit",
            build=lambda: with_middleware(bare(), with_compression),
            coding="zstd",
            expects=ENCODED,
        ),
    ),
    goals=(Share(of=DEFAULT, against=FLASK_COMPRESS), Size(of=DEFAULT, against=FLASK_COMPRESS)),
    remark=coding_and_size,
    packages=("flask", "flask-compress", "backports.zstd"),
)


def own(*middleware: str) -> tuple[str, ...]:
    return tuple(f"django.middleware.{name}" for name in middleware)


def dhc() -> tuple[str, ...]:
    peer("django_http_compression")
    return ("django_http_compression.middleware.HttpCompressionMiddleware",)


DJANGO_VARIANTS = (
    Variant(name=BARE, side="bare", build=tuple, coding=""),
    Variant(name=DJANGO_GZIP, side="peer", build=lambda: own("gzip.GZipMiddleware"), coding="gzip"),
    Variant(
        name=DJANGO_BOTH,
        side="peer",
        build=lambda: own("gzip.GZipMiddleware", "http.ConditionalGetMiddleware"),
        coding="gzip",
        expects=("etag",),
    ),
    Variant(name=DHC, side="peer", build=dhc, coding="zstd"),
    Variant(name=DEFAULT, side="perfkit", build=lambda: (f"{SITE}.EncodingFeature",), coding="zstd", expects=ENCODED),
    Variant(name=GZIP_ONLY, side="perfkit", build=lambda: (f"{SITE}.GzipFeature",), coding="gzip", expects=ENCODED),
    Variant(
        name=BOTH,
        side="perfkit",
        build=lambda: (f"{SITE}.EncodingFeatures",),
        coding="zstd",
        expects=(*ENCODED, "etag"),
    ),
)
DJANGO_GOALS: tuple[Goal, ...] = (
    Share(of=DEFAULT, against=DJANGO_GZIP),
    Size(of=DEFAULT, against=DJANGO_GZIP),
    Share(of=DEFAULT, against=DHC),
    Share(of=GZIP_ONLY, against=DJANGO_GZIP),
    Size(of=GZIP_ONLY, against=DJANGO_GZIP),
    Share(of=BOTH, against=DJANGO_BOTH),
)
django = partial(
    Setting,
    variants=DJANGO_VARIANTS,
    goals=DJANGO_GOALS,
    remark=coding_and_size,
    packages=("django", "django-http-compression", "backports.zstd", "isal"),
)

SETTINGS = (
    FLASK,
    django(
        name="compression-django",
        title="Django under WSGI, compression of 20 KB of JSON",
        driver=lambda variant: DjangoWsgi(variant, page="/20k"),
    ),
    django(
        name="compression-django-async",
        title="Django's asynchronous chain, compression of 20 KB of JSON",
        driver=lambda variant: DjangoAsync(variant, page="/20k"),
    ),
)
