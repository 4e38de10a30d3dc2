"""A small JSON response of Flask's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from flask import Flask

from benchmarks.goals import Share
from benchmarks.inprocess import Wsgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import peer
from benchmarks.rows.asgi import BOOK, SECURITY, TIMING, TWO
from benchmarks.rows.wsgi import with_both, with_secure

PEERS = "secure + flask-server-timing"
Decorator: TypeAlias = Callable[[Callable[[], Any]], Callable[[], Any]]


def untimed(app: Flask) -> Decorator:
    return lambda view: view


def bare(timed: Callable[[Flask], Decorator] = untimed) -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/", "book", timed(app)(lambda: BOOK))
    return app


def flask_server_timing(app: Flask) -> Decorator:
    """Its set-up and decorator, which measures the view only: it has nothing that measures the whole request."""
    package = peer("server_timing")
    if not hasattr(package, "Timing"):
        # Both packages have this module, and what is installed last overwrites the other's.
        raise ImportError("django-server-timing has overwritten a file of flask-server-timing")
    timing = package.Timing(app, force_debug=True)
    return lambda view: timing.timer(view, name="total")


def with_middleware(app: Flask, wrap: Callable[[Any], Any]) -> Flask:
    app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign]
    return app


FLASK = Setting(
    name="flask",
    title="WSGI, a small JSON response of Flask's",
    driver=lambda variant: Wsgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name="secure", side="peer", build=lambda: with_middleware(bare(), with_secure), expects=SECURITY),
        Variant(name="flask-server-timing", side="peer", build=lambda: bare(flask_server_timing), expects=TIMING),
        Variant(
            name=PEERS,
            side="peer",
            build=lambda: with_middleware(bare(flask_server_timing), with_secure),
            expects=(*TIMING, *SECURITY),
        ),
        Variant(
            name=TWO,
            side="perfkit",
            build=lambda: with_middleware(bare(), with_both),
            expects=(*TIMING, *SECURITY),
        ),
    ),
    goals=(
        Share(of=TWO, against="secure"),
        Share(of=TWO, against=PEERS),
    ),
    note="flask-server-timing measures the view, perfkit the whole request. Between much code of a framework every "
    "function is slower than between little, ours and the peers' alike.",
    packages=("flask", "secure", "flask-server-timing"),
)
SETTINGS = (FLASK,)
