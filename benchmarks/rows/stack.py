"""All features there are beside a stack of packages for the same concerns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

from benchmarks.goals import Share, Size
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Goal, Setting, Variant
from benchmarks.remarks import headers_and_coding
from benchmarks.rows import asgi, compression, peer
from benchmarks.rows.asgi import SECURITY, TIMING, TWO, statsd_used, with_both, with_perfkit, with_timing_asgi
from benchmarks.rows.metrics import ROUNDS, Counting, in_batches, measuring, registry_of
from benchmarks.rows.rate_limit import FIELDS, LIMITS, limited
from perfkit import Compression, ConditionalGet, Feature, Metrics, SecurityHeaders, Timing

PEERS = "timing-asgi + secure + GZip + etag-middleware"
PEERS_ZSTD = "the same with starlette-compress"
TYPICAL = "exporter + secure + slowapi + GZip + timing-asgi"
FOUR = "perfkit: four features"
FIVE = "perfkit: those and RateLimit"
SIX = "perfkit: those and Metrics"
SIZE = 22 * 1024

NOTE = (
    "The budget is for seven features beside the typical stack of today's best packages. Of perfkit's, query watch is "
    "still to come. That stack makes no ETags, and its rate limit tells clients nothing; so the other ratio is that of "
    "the same four concerns."
)


def with_etags(app: Any) -> Any:
    return peer("etag").ETagMiddleware(app)


def with_peers(app: Any, encode: Any = GZipMiddleware) -> Any:
    return with_timing_asgi(asgi.with_secure(encode(with_etags(app))))


def with_typical(app: Any) -> Any:
    """What many applications have today; in the order their documentation shows."""
    slowapi, util = peer("slowapi"), peer("slowapi.util")
    app.state.limiter = slowapi.Limiter(key_func=util.get_remote_address, default_limits=[LIMITS])
    app.add_middleware(GZipMiddleware)
    app.add_middleware(peer("slowapi.middleware").SlowAPIASGIMiddleware)
    app.add_middleware(peer("starlette_exporter").PrometheusMiddleware)
    return with_timing_asgi(asgi.with_secure(app))


def with_four(app: Any, *more: Feature) -> Any:
    return with_perfkit(app, Timing(), SecurityHeaders(), Compression(), ConditionalGet(), *more)


def with_six(app: Any, counting: list[Counting]) -> Any:
    return with_four(app, limited(), Metrics(registry=registry_of(counting)))


def bare_compressed() -> Any:
    return compression.bare(SIZE)


def stack(name: str, title: str, bare: Any, encoded: bool, goals: tuple[Goal, ...]) -> Setting:
    expects = ("etag", *SECURITY)
    variants = [
        Variant(name=BARE, side="bare", build=bare),
        Variant(
            name=PEERS,
            side="peer",
            build=lambda: with_peers(bare()),
            expects=expects,
            proof=statsd_used,
            coding="gzip" * encoded,
        ),
        Variant(
            name=TYPICAL,
            side="peer",
            build=lambda: with_typical(bare()),
            expects=SECURITY,
            proof=statsd_used,
            coding="gzip" * encoded,
        ),
        Variant(name=TWO, side="perfkit", build=lambda: with_both(bare()), expects=(*TIMING, *SECURITY)),
        Variant(
            name=FOUR,
            side="perfkit",
            build=lambda: with_four(bare()),
            expects=(*TIMING, *expects),
            coding="zstd" * encoded,
        ),
        Variant(
            name=FIVE,
            side="perfkit",
            build=lambda: with_four(bare(), limited()),
            expects=(*TIMING, *FIELDS, *expects),
            coding="zstd" * encoded,
        ),
        replace(measuring(SIX, with_six, bare, expects=(*TIMING, *FIELDS, *expects)), coding="zstd" * encoded),
    ]
    if encoded:
        zstd = Variant(
            name=PEERS_ZSTD,
            side="peer",
            build=lambda: with_peers(bare(), compression.with_compress),
            expects=expects,
            proof=statsd_used,
            coding="zstd",
        )
        variants.insert(2, zstd)
    return Setting(
        name=name,
        title=title,
        driver=lambda variant: in_batches(Asgi(variant.build())),
        variants=tuple(variants),
        goals=goals,
        rounds=ROUNDS,
        remark=headers_and_coding,
        note=NOTE,
        packages=(
            "starlette",
            "timing-asgi",
            "secure",
            "etag-middleware",
            "starlette-compress",
            "starlette-exporter",
            "slowapi",
        ),
    )


SETTINGS = (
    stack(
        "stack",
        "ASGI, many features on a small JSON response",
        asgi.bare,
        False,
        (
            Share(of=SIX, against=TYPICAL, at_most=1 / 9, why="of what the peers' stack adds"),
            Share(of=FOUR, against=PEERS),
        ),
    ),
    stack(
        "stack-compressed",
        "ASGI, many features on 22 KB of JSON",
        bare_compressed,
        True,
        (
            Share(of=SIX, against=TYPICAL, at_most=1 / 7, why="of what the peers' stack adds"),
            Share(of=FOUR, against=PEERS),
            Size(of=FOUR, against=PEERS, at_most=1.05),
            Share(of=FOUR, against=PEERS_ZSTD),
        ),
    ),
)
