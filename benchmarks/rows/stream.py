"""A stream of a hundred chunks, not compressed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.goals import Share
from benchmarks.inprocess import Asgi
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows.asgi import (
    NO_OP,
    PEERS,
    SECURITY,
    TIMING,
    TWO,
    NoOp,
    statsd_used,
    with_both,
    with_peers,
    with_perfkit,
)

CHUNKS = 100
CHUNK = b'{"id": 7, "title": "The Dispossessed", "price": "9.99"}\n'
NESTED = "8 nested wrappers"


def bare() -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    async def export(request: Any) -> StreamingResponse:
        return StreamingResponse(chunks(), media_type="text/plain")

    return Starlette(routes=[Route("/", export)])


def with_wrapper(app: Any) -> Any:
    """The least an ASGI middleware does that looks at messages."""

    async def wrapper(scope: Any, receive: Any, send: Any) -> None:
        async def wrapped_send(message: Any) -> None:
            await send(message)

        await app(scope, receive, wrapped_send)

    return wrapper


def nested() -> Any:
    app = bare()
    for _ in range(8):
        app = with_wrapper(app)
    return app


STREAM = Setting(
    name="stream",
    title="ASGI, a stream of 100 chunks",
    driver=lambda variant: Asgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name=NESTED, side="peer", build=nested),
        Variant(name=NO_OP, side="perfkit", build=lambda: with_perfkit(bare(), NoOp())),
        Variant(name=PEERS, side="peer", build=lambda: with_peers(bare()), expects=SECURITY, proof=statsd_used),
        Variant(name=TWO, side="perfkit", build=lambda: with_both(bare()), expects=(*TIMING, *SECURITY)),
    ),
    goals=(
        Share(of=TWO, against=NESTED, at_most=20 / 94, why="20 us where 8 nested wrappers add 94"),
        Share(of=TWO, against=PEERS),
    ),
    parts=(CHUNKS, "chunk"),
    packages=("starlette", "secure", "timing-asgi"),
)
SETTINGS = (STREAM,)
