"""What the archives have in common, which REDbot and real clients ask on each host: settings, contents, gates.

An archive has `/json`, `/etag`, `/static/archive.css`, `/lines` and `/page`. For clients of streams it has
`/live/{kind}/{name}`, which sends its first line and waits for `/gate/{name}`; `/endless/{kind}`; and `/left`, what is
left of streams whose client has left.
"""

import asyncio
import gc
import json
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from perfkit.features.compression._streams import StreamEncoder

# As a user would have it: each kind of resource says how long it may be kept.
SETTINGS: dict[str, Any] = {
    "cache_control": {
        "rules": [
            {"path": "/static/*", "value": "max-age=3600"},
            {"type": "application/x-ndjson", "value": "no-store"},
            {"value": "no-cache"},
        ]
    }
}

STATIC = Path(__file__).resolve().parent / "archive_static"
ETAG = '"archive-1"'
NDJSON = "application/x-ndjson"
# Streams that stay open are compressed for little memory, which leaves out br; others for a good ratio.
KINDS = {"open": NDJSON, "text": "text/plain; charset=utf-8"}
SHELF = [
    {"number": number, "title": f"Volume {number} of the chronicle", "lent": number % 3 == 0} for number in range(99)
]
PAGE = "<!doctype html>\n<html lang=en>\n<title>Archive</title>\n" + "".join(
    f"<p>{book['number']}: {book['title']}</p>\n" for book in SHELF
)
LINES = tuple(json.dumps(book).encode() + b"\n" for book in SHELF)

# A stream for clients: its first line is short, so that it comes at once only if it is flushed, and its last one long
# enough to be compressed on a thread.
LIVE = (*LINES, json.dumps([book["title"] for book in SHELF] * 400).encode() + b"\n")

PATIENCE = 60  # seconds that a stream waits for its gate, which is opened at once

_gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)
_ended: list[str] = []


def open_gate(name: str) -> None:
    """Let the stream go on."""
    _gates[name].set()


def live(name: str) -> Iterator[bytes]:
    """The first line, and the others once the gate is open."""
    yield LIVE[0]
    if not _gates[name].wait(PATIENCE):
        raise TimeoutError("nobody opened the gate")
    yield from LIVE[1:]


async def live_async(name: str) -> AsyncIterator[bytes]:
    """The same; looks again and again, since another thread may open the gate."""
    yield LIVE[0]
    deadline = time.monotonic() + PATIENCE
    while not _gates[name].is_set():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody opened the gate")
        await asyncio.sleep(0.01)
    for line in LIVE[1:]:
        yield line


def endless() -> Iterator[bytes]:
    """Lines until the client leaves."""
    try:
        while True:
            yield from LINES
            time.sleep(0.001)
    finally:
        _ended.append("endless")


async def endless_async() -> AsyncIterator[bytes]:
    """The same for event loops."""
    try:
        while True:
            for line in LINES:
                yield line
            await asyncio.sleep(0.001)
    finally:
        _ended.append("endless")


async def lines_async() -> AsyncIterator[bytes]:
    """The lines for event loops."""
    for line in LINES:
        yield line


def left() -> dict[str, int]:
    """How many endless streams have ended, how many encoders there are, and the memory of this process in bytes."""
    gc.collect()  # Django under ASGI leaves streams to the collector
    encoders = sum(isinstance(each, StreamEncoder) for each in gc.get_objects())
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"ended": len(_ended), "encoders": encoders, "memory": pages * 4096}
