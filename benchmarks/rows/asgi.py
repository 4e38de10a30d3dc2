"""A small JSON response of Starlette's."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.goals import Share
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import peer
from perfkit import Exchange, Feature, SecurityHeaders, Timing
from perfkit.asgi import PerfkitMiddleware

BOOK = {"id": 7, "title": "The Dispossessed", "author": {"id": 3, "name": "Ursula K. Le Guin"}, "price": "9.99"}

TIMING = ("server-timing",)
SECURITY = (
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
)
NOTHING = "perfkit: no feature"
NO_OP = "perfkit: a no-op feature"
TWO = "perfkit: both features"
HAND = "the same headers by hand"
PEERS = "secure + timing-asgi"


class NoOp(Feature):
    """Has all hooks and does nothing, to show what the host itself costs."""

    def on_request(self, exchange: Exchange) -> None: ...
    def on_response(self, exchange: Exchange) -> None: ...
    def on_end(self, exchange: Exchange, error: BaseException | None) -> None: ...


class Statsd:
    """Where timing-asgi sends its measurements; one that does nothing, so that only the middleware is measured."""

    def __init__(self) -> None:
        self.used = False

    def timing(self, name: str, seconds: float, tags: Any = None) -> None:
        self.used = True


STATSD = Statsd()


def bare() -> Any:
    async def book(request: Any) -> JSONResponse:
        return JSONResponse(BOOK)

    return Starlette(routes=[Route("/", book)])


def with_perfkit(app: Any, *features: Feature) -> Any:
    return PerfkitMiddleware(app, {}, features=features)


def with_both(app: Any) -> Any:
    return with_perfkit(app, Timing(), SecurityHeaders())


def with_timing_asgi(app: Any) -> Any:
    return peer("timing_asgi").TimingMiddleware(app, client=STATSD)


def with_secure(app: Any) -> Any:
    return peer("secure.middleware").SecureASGIMiddleware(app, secure=balanced())


def balanced() -> Any:
    secure = peer("secure")
    return secure.Secure.from_preset(secure.Preset.BALANCED)


def with_peers(app: Any) -> Any:
    return with_timing_asgi(with_secure(app))


def with_recipe(app: Any) -> Any:
    """What FastAPI's documentation shows, and most applications have."""

    async def add_process_time(request: Any, call_next: Any) -> Any:
        started = perf_counter()
        response = await call_next(request)
        response.headers["X-Process-Time"] = str(perf_counter() - started)
        return response

    return BaseHTTPMiddleware(app, dispatch=add_process_time)


def security_headers(scheme: str) -> list[tuple[bytes, bytes]]:
    """What SecurityHeaders adds to the response here."""
    plain, secured = (Asgi(app).messages(scheme=scheme)[0] for app in (bare(), with_perfkit(bare(), SecurityHeaders())))
    return [field for field in secured["headers"] if field not in plain["headers"]]


def with_headers_by_hand(app: Any) -> Any:
    """The least that sends the same headers: it looks at none of the application's, and knows no streams or errors."""
    by_scheme = {scheme: security_headers(scheme) for scheme in ("http", "https")}

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        started = perf_counter()

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                timing = (b"server-timing", f"total;dur={(perf_counter() - started) * 1e3:.1f}".encode())
                message = {**message, "headers": [*message["headers"], *by_scheme[scope["scheme"]], timing]}
            await send(message)

        await app(scope, receive, send_with_headers)

    return middleware


def statsd_used() -> bool:
    return STATSD.used


ASGI = Setting(
    name="asgi",
    title="ASGI, a small JSON response of Starlette's",
    driver=lambda variant: Asgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name=NOTHING, side="perfkit", build=lambda: with_perfkit(bare())),
        Variant(name=NO_OP, side="perfkit", build=lambda: with_perfkit(bare(), NoOp())),
        Variant(name="timing-asgi", side="peer", build=lambda: with_timing_asgi(bare()), proof=statsd_used),
        Variant(
            name="X-Process-Time recipe", side="peer", build=lambda: with_recipe(bare()), expects=("x-process-time",)
        ),
        Variant(name="perfkit: Timing", side="perfkit", build=lambda: with_perfkit(bare(), Timing()), expects=TIMING),
        Variant(name="secure", side="peer", build=lambda: with_secure(bare()), expects=SECURITY),
        Variant(
            name="perfkit: SecurityHeaders",
            side="perfkit",
            build=lambda: with_perfkit(bare(), SecurityHeaders()),
            expects=SECURITY,
        ),
        Variant(name=PEERS, side="peer", build=lambda: with_peers(bare()), expects=SECURITY, proof=statsd_used),
        Variant(name=HAND, side="peer", build=lambda: with_headers_by_hand(bare()), expects=(*TIMING, *SECURITY)),
        Variant(name=TWO, side="perfkit", build=lambda: with_both(bare()), expects=(*TIMING, *SECURITY)),
    ),
    goals=(
        Share(of=NOTHING, against="secure", at_most=2 / 11, why="2 us where secure adds 11"),
        Share(of=NO_OP, against="secure"),
        Share(of="perfkit: Timing", against="timing-asgi"),
        Share(of="perfkit: Timing", against="X-Process-Time recipe"),
        Share(of="perfkit: SecurityHeaders", against="secure"),
        Share(of=TWO, against="secure", at_most=6 / 11, why="6 us where secure adds 11"),
        Share(of=TWO, beyond="perfkit: Timing", against="secure", at_most=1 / 5, why="the headers alone"),
        Share(of=TWO, against=PEERS),
    ),
    packages=("starlette", "secure", "timing-asgi"),
)
SETTINGS = (ASGI,)
