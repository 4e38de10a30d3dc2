"""A small JSON response of a plain WSGI application."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.goals import Share
from benchmarks.inprocess import Wsgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import peer
from benchmarks.rows.asgi import BOOK, NO_OP, NOTHING, SECURITY, TIMING, TWO, NoOp, balanced
from perfkit import Feature, SecurityHeaders, Timing
from perfkit.wsgi import PerfkitMiddleware

BODY = json.dumps(BOOK).encode()


def bare() -> Any:
    def book(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))])
        return [BODY]

    return book


def with_perfkit(app: Any, *features: Feature) -> Any:
    return PerfkitMiddleware(app, {}, features=features)


def with_both(app: Any) -> Any:
    return with_perfkit(app, Timing(), SecurityHeaders())


def with_secure(app: Any) -> Any:
    return peer("secure.middleware").SecureWSGIMiddleware(app, secure=balanced())


WSGI = Setting(
    name="wsgi",
    title="WSGI, a small JSON response without a framework",
    driver=lambda variant: Wsgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name=NOTHING, side="perfkit", build=lambda: with_perfkit(bare())),
        Variant(name=NO_OP, side="perfkit", build=lambda: with_perfkit(bare(), NoOp())),
        Variant(name="perfkit: Timing", side="perfkit", build=lambda: with_perfkit(bare(), Timing()), expects=TIMING),
        Variant(name="secure", side="peer", build=lambda: with_secure(bare()), expects=SECURITY),
        Variant(
            name="perfkit: SecurityHeaders",
            side="perfkit",
            build=lambda: with_perfkit(bare(), SecurityHeaders()),
            expects=SECURITY,
        ),
        Variant(name=TWO, side="perfkit", build=lambda: with_both(bare()), expects=(*TIMING, *SECURITY)),
    ),
    goals=(
        Share(of=NOTHING, against="secure", at_most=2 / 11, why="as on ASGI"),
        Share(of=NO_OP, against="secure"),
        Share(of="perfkit: SecurityHeaders", against="secure"),
        Share(of=TWO, against="secure"),
        Share(of=TWO, against=TWO, against_setting="asgi", at_most=1.0, why="what ASGI costs"),
    ),
    note="No package times plain WSGI applications.",
    packages=("secure",),
)
SETTINGS = (WSGI,)
