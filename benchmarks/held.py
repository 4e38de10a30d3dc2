"""Opens many streams of one variant in a process of its own, and says how much memory each of them takes.

What counts is by how much the process has grown, since a codec's memory is its library's and not Python's.

``python -m benchmarks.held NAME STREAMS`` is that process: it prints what it found as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.inprocess import scope_with
from benchmarks.model import Answer, Skipped, Variant

_SIZES: Final = Path("/proc/self/statm")
# Streams before those that count, for what is made once.
FIRST: Final = 10
TIMEOUT_SECONDS: Final = 120


class Client(NamedTuple):
    """An application that streams and then waits for ever, and the codings that those who listen take."""

    app: Any
    accept_encoding: str


class Held:
    """A variant whose `build` gives a `Client`."""

    def __init__(self, variant: Variant, streams: int) -> None:
        if not _SIZES.exists():
            raise Skipped("only Linux tells how much memory a process takes at the moment")
        variant.build()  # an ImportError is known here
        self._name = variant.name
        self._streams = streams

    def answer(self) -> Answer:
        found = self._run(0)
        return Answer(200, tuple(found["names"]), b64decode(found["body"]), found["coding"], ended=False)

    def measure(self) -> float:
        return float(self._run(self._streams)["bytes"])

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        """The process has ended."""

    def _run(self, streams: int) -> Any:
        command = (sys.executable, "-m", "benchmarks.held", self._name, str(streams))
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS).stdout
        return json.loads(output)


async def held(client: Client, streams: int) -> dict[str, Any]:
    """What one stream sends until it waits, and the bytes that each of so many takes."""
    app, accept_encoding = client
    scope = scope_with({"accept": "text/event-stream", "accept-encoding": accept_encoding})
    first: list[Any] = []
    opened = [await _open(app, scope, first)] + [await _open(app, scope) for _ in range(FIRST)]
    before = bytes_taken()
    opened += [await _open(app, scope) for _ in range(streams)]
    grown = bytes_taken() - before
    names = [name.decode().lower() for name, _ in first[0]["headers"]]
    coding = dict(first[0]["headers"]).get(b"content-encoding", b"").decode()
    body = b64encode(b"".join(message.get("body", b"") for message in first)).decode()
    for task in opened:
        task.cancel()
    await asyncio.gather(*opened, return_exceptions=True)
    return {"names": names, "coding": coding, "body": body, "bytes": grown / max(streams, 1)}


async def _open(app: Any, scope: dict[str, Any], messages: list[Any] | None = None) -> asyncio.Task[None]:
    """A stream that has sent all it has to send."""
    waits = asyncio.Event()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if messages is not None:
            messages.append(message)

    task: asyncio.Task[None] = asyncio.ensure_future(app(scope | {"extensions": {"benchmark": waits}}, receive, send))
    await waits.wait()
    return task


def bytes_taken() -> int:
    gc.collect()
    return int(_SIZES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(name: str, streams: int) -> None:
    from benchmarks.rows.memory import MEMORY

    client = next(variant for variant in MEMORY.variants if variant.name == name).build()
    print(json.dumps(asyncio.run(held(client, streams))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
