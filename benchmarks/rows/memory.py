"""The memory of event streams that stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.goals import Ceiling
from benchmarks.held import Client, Held
from benchmarks.model import BARE, BYTES_PER_KIB, Setting, Variant
from benchmarks.payload import orders
from benchmarks.rows.asgi import with_perfkit
from benchmarks.rows.compression import with_compress
from perfkit import Compression

STREAMS, FEW = 1000, 50
# What each has sent by then: enough to fill the windows that codecs keep.
EVENT, EVENTS = 1024, 64
BROWSER = "gzip, deflate, br, zstd"
AT_MOST = 100 * BYTES_PER_KIB


def bare() -> Any:
    text = orders(EVENT * EVENTS)
    events = [b"data: %b\n\n" % text[start : start + EVENT] for start in range(0, len(text), EVENT)]

    async def stream(sent: asyncio.Event) -> AsyncIterator[bytes]:
        for event in events:
            yield event
        sent.set()
        await asyncio.Event().wait()

    async def follow(request: Any) -> StreamingResponse:
        return StreamingResponse(stream(request.scope["extensions"]["benchmark"]), media_type="text/event-stream")

    return Starlette(routes=[Route("/", follow)])


def with_compression(app: Any) -> Any:
    return with_perfkit(app, Compression())


def client(wrap: Callable[[Any], Any], accept_encoding: str) -> Client:
    return Client(wrap(bare()), accept_encoding)


def theirs(coding: str) -> Variant:
    name = f"starlette-compress: {coding}"
    return Variant(name=name, side="peer", build=partial(client, with_compress, coding), coding=coding)


def ours(title: str, accept_encoding: str, coding: str) -> Variant:
    build = partial(client, with_compression, accept_encoding)
    return Variant(name=f"perfkit: {title}", side="perfkit", build=build, coding=coding)


MEMORY = Setting(
    name="compression-memory",
    title=f"Memory of an open event stream, of {STREAMS}",
    driver=partial(Held, streams=STREAMS),
    quick_driver=partial(Held, streams=FEW),
    variants=(
        Variant(name=BARE, side="bare", build=lambda: Client(bare(), BROWSER), coding=""),
        *map(theirs, ("gzip", "zstd", "br")),
        ours("a browser", BROWSER, "gzip"),
        ours("zstd only", "zstd", "zstd"),
        ours("br only", "br", ""),
    ),
    goals=(
        Ceiling(of="perfkit: a browser", beyond=BARE, at_most=AT_MOST, unit="KiB"),
        Ceiling(of="perfkit: zstd only", beyond=BARE, at_most=AT_MOST, unit="KiB"),
    ),
    unit="KiB",
    rounds=3,
    quick_rounds=1,
    copies=1,
    remark=lambda answer, bare: answer.coding or "not compressed",
    note="Each has sent 64 events of 1 KB. Starlette's GZip leaves event streams alone, and perfkit does so where a "
    "client takes only brotli, which takes 320 KiB at least.",
    packages=("starlette", "starlette-compress", "brotli", "backports.zstd", "zstandard"),
)
SETTINGS = (MEMORY,)
