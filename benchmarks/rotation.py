"""Lets one limiter decide on very many clients, in a process of its own, and says what that takes.

What counts as memory is by how much the process has grown. Garbage is collected as in every process, and a framework is
loaded, so that a collection has as much to look through as in a server.

``python -m benchmarks.rotation VARIANT CLIENTS`` is that process: it prints what it found as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from inspect import isawaitable
from time import perf_counter
from typing import Any, Final, Literal, TypeAlias

from benchmarks.held import bytes_taken
from benchmarks.model import Answer, Variant
from benchmarks.pauses import Waits

FEW: Final = 1000
TIMEOUT_SECONDS: Final = 600
# Series of decisions about clients that are known, and how long one of them is at most.
SERIES, SERIES_SECONDS, LONGEST_SERIES = 50, 0.001, 500
# A prime, by which one jumps through the clients so that all come, and none soon again.
JUMP: Final = 1_000_003

Figure: TypeAlias = Literal["bytes", "worst", "each"]


def address(index: int) -> str:
    """Addresses of different networks, as somebody sends from who has a large one."""
    return f"2001:db8:{index >> 16:x}:{index & 0xFFFF:x}::1"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """A limiter and its clients.

    Attributes:
        decide: decides on one client; may give an awaitable. What it gives says whether the client is admitted.
        clients: how many there are.
        client: makes one, by its index.
        known: how many clients are kept.
        pass_windows: makes time pass until all that is kept can be forgotten; None where that would take as long.
    """

    decide: Callable[[Any], Any]
    clients: int
    client: Callable[[int], Any] = address
    known: Callable[[], int]
    pass_windows: Callable[[], None] | None = None


class Rotated:
    """A variant whose `build` gives a `Crowd`, and one figure of it.

    Args:
        variant: the variant.
        figure: ``"bytes"`` that a client takes; seconds of the ``"worst"`` decision on a new one; seconds that
            ``"each"`` takes on one that is known.
        most: clients, where there are more.
    """

    def __init__(self, variant: Variant, figure: Figure, most: int | None = None) -> None:
        crowd: Crowd = variant.build()  # an ImportError is known here
        self._name = variant.name
        self._figure = figure
        self._clients = crowd.clients if most is None else min(crowd.clients, most)
        self._turn = 0

    def answer(self) -> Answer:
        return Answer(200 if self._found(0)["admitted"] else 429, (), b"")

    def measure(self) -> float:
        found = self._found(self._turn)
        self._turn += 1
        return float(found[self._figure])

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        """The processes have ended."""

    def _found(self, turn: int) -> Any:
        return found(self._name, self._clients, turn)


@cache
def found(variant: str, clients: int, turn: int) -> Any:
    """All figures of one process; settings that tell different ones share it."""
    command = (sys.executable, "-m", "benchmarks.rotation", variant, str(clients))
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS).stdout
    return json.loads(output)


async def rotated(crowd: Crowd) -> dict[str, Any]:
    """What the clients take, who come one after another, all of them new; and then again, known by now."""
    waits = Waits()
    before = bytes_taken()
    admitted, worst = await _all_new(crowd, range(crowd.clients), waits)
    grown = bytes_taken() - before
    assert crowd.known() >= crowd.clients, f"{crowd.known()} of {crowd.clients} clients are kept"
    each = await _all_known(crowd)
    if crowd.pass_windows is not None:
        crowd.pass_windows()
        _, then = await _all_new(crowd, range(crowd.clients, crowd.clients + max(FEW, crowd.clients // 10)), waits)
        worst = max(worst, then)
    waits.close()
    return {"admitted": admitted, "bytes": grown / crowd.clients, "worst": worst, "each": each}


async def _all_new(crowd: Crowd, indexes: range, waits: Waits) -> tuple[bool, float]:
    """Whether all are admitted, and the seconds of the decision that takes longest."""
    decide, make, admitted, worst = crowd.decide, crowd.client, True, 0.0
    for index in indexes:
        client = make(index)
        waited = waits.seconds()
        started = perf_counter()
        decision = decide(client)
        if isawaitable(decision):
            decision = await decision
        took = perf_counter() - started
        if not decision:
            admitted = False
        if took > worst:  # what other programs took of it does not count
            worst = max(worst, took - (waits.seconds() - waited))
    return admitted, worst


async def _all_known(crowd: Crowd) -> float:
    """Seconds of one decision, by the fastest of many series."""
    best, count, index = float("inf"), 1, 0
    for _ in range(SERIES):
        clients = [crowd.client((index + step * JUMP) % crowd.clients) for step in range(count)]
        index += count * JUMP
        best = min(best, await _series(crowd.decide, clients) / count)
        count = max(1, min(LONGEST_SERIES, round(SERIES_SECONDS / best)))
    return best


async def _series(decide: Callable[[Any], Any], clients: list[Any]) -> float:
    started = perf_counter()
    if isawaitable(first := decide(clients[0])):
        await first
        for client in clients[1:]:
            await decide(client)
            await asyncio.sleep(0)  # as each request of a server gives the event loop its turn
        await asyncio.sleep(0)
    else:
        for client in clients[1:]:
            decide(client)
    return perf_counter() - started


def main(name: str, clients: int) -> None:
    from benchmarks.rows.rate_limit_keys import VARIANTS

    crowd: Crowd = next(variant for variant in VARIANTS if variant.name == name).build()
    print(json.dumps(asyncio.run(rotated(replace(crowd, clients=clients)))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
