"""JSON compressed for a browser, as a whole body."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.goals import Share, Size
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Driver, Goal, Setting, Skipped, Variant
from benchmarks.pauses import LoopPauses
from benchmarks.payload import orders
from benchmarks.remarks import coding_and_size
from benchmarks.rows import peer
from benchmarks.rows.asgi import with_perfkit
from perfkit import Compression

CACHE_SIZE = 8 * 1024 * 1024
SMALL, MIDDLE, LARGE = 2 * 1024, 20 * 1024, 1024 * 1024

GZIP = "Starlette's GZip"
COMPRESS = "starlette-compress"
DEFAULT = "perfkit: Compression"
ISAL = "perfkit: gzip only, isal"
ZLIB = "perfkit: gzip only, zlib"
CACHED = "perfkit: with a cache"
ENCODED = ("content-encoding", "vary")

FOUR_TIMES = "four times the speed"


def bare(size: int) -> Any:
    """Sends JSON that is made once, so that making it is no part of what is measured."""
    body = orders(size)

    async def list_orders(request: Any) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/", list_orders)])


def with_compress(app: Any) -> Any:
    return peer("starlette_compress").CompressMiddleware(app)


def with_isal(app: Any) -> Any:
    try:
        peer("isal")
    except ImportError as error:
        raise Skipped(str(error)) from None
    return with_perfkit(app, Compression(codings=("gzip",)))


def without_isal(app: Any) -> Any:
    with patch.dict(sys.modules, {"isal": None}):  # so that importing it fails
        return with_perfkit(app, Compression(codings=("gzip",)))


def variants(size: int) -> tuple[Variant, ...]:
    return (
        Variant(name=BARE, side="bare", build=lambda: bare(size), coding=""),
        Variant(name=GZIP, side="peer", build=lambda: GZipMiddleware(bare(size)), coding="gzip"),
        Variant(name=COMPRESS, side="peer", build=lambda: with_compress(bare(size)), coding="zstd"),
        Variant(
            name=DEFAULT,
            side="perfkit",
            build=lambda: with_perfkit(bare(size), Compression()),
            coding="zstd",
            expects=ENCODED,
        ),
        Variant(
            name=CACHED,
            side="perfkit",
            build=lambda: with_perfkit(bare(size), Compression(cache_size=CACHE_SIZE)),
            coding="zstd",
            expects=ENCODED,
        ),
        Variant(name=ISAL, side="perfkit", build=lambda: with_isal(bare(size)), coding="gzip", expects=ENCODED),
        Variant(name=ZLIB, side="perfkit", build=lambda: without_isal(bare(size)), coding="gzip", expects=ENCODED),
    )


def told(*names: str) -> tuple[Goal, ...]:
    """Ratios without a budget."""
    return tuple(goal for name in names for goal in (Share(of=name, against=GZIP), Size(of=name, against=GZIP)))


def setting(size: int, name: str, title: str, goals: tuple[Goal, ...], **options: Any) -> Setting:
    driver: Callable[[Variant], Driver] = options.pop("driver", lambda variant: Asgi(variant.build()))
    return Setting(
        name=name,
        title=title,
        driver=driver,
        variants=variants(size),
        goals=goals,
        remark=coding_and_size,
        packages=("starlette", "starlette-compress", "backports.zstd", "isal"),
        **options,
    )


WHOLE = setting(
    MIDDLE,
    "compression",
    "Compression of 20 KB of JSON",
    (
        Share(of=DEFAULT, against=GZIP, at_most=1 / 4, why=FOUR_TIMES),
        Size(of=DEFAULT, against=GZIP, at_most=1.05),
        Share(of=ISAL, against=GZIP, at_most=1 / 4, why=FOUR_TIMES),
        Size(of=ISAL, against=GZIP, at_most=1.05),
        *told(ZLIB),
        Share(of=CACHED, against=GZIP),
        Share(of=DEFAULT, against=COMPRESS),
    ),
    note="The client takes what a browser does: gzip, deflate, br, zstd. The cache has the body from the second "
    "request on; it is off by default.",
)
SMALLER = setting(
    SMALL,
    "compression-small",
    "Compression of 2 KB of JSON",
    (*told(DEFAULT, ISAL, ZLIB), Share(of=DEFAULT, against=COMPRESS)),
)
LARGER = setting(
    LARGE,
    "compression-large",
    "Compression of 1 MB of JSON",
    (*told(DEFAULT, ISAL, ZLIB), Share(of=DEFAULT, against=COMPRESS)),
    unit="ms",
    rounds=60,
    quick_rounds=2,
    copies=2,
)
PAUSE = setting(
    LARGE,
    "compression-pause",
    "For how long the event loop stands still while 1 MB of JSON is compressed",
    (Share(of=DEFAULT, against=GZIP), Share(of=DEFAULT, against=COMPRESS)),
    driver=lambda variant: LoopPauses(variant.build()),
    unit="ms",
    rounds=60,
    quick_rounds=2,
    copies=2,
    note="The longest time between two turns of a task that asks for nothing but its turn, without the time for which "
    "other programs had the processor; the least of all series.",
)
SETTINGS = (WHOLE, SMALLER, LARGER, PAUSE)
