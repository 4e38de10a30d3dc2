"""For how long a request keeps the event loop from everything else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

from benchmarks.inprocess import NO_HEADERS, Asgi

# Linux tells there, second, the nanoseconds for which a thread could have run and had no processor.
_SCHEDULE: Final = Path("/proc/thread-self/schedstat")


class Waits:
    """For how long this thread has waited for a processor which other programs had; the GIL does not count.

    Only Linux tells. Elsewhere it is 0, so that other programs lengthen what is measured.
    """

    def __init__(self) -> None:
        self._schedule = os.open(_SCHEDULE, os.O_RDONLY) if _SCHEDULE.exists() else None

    def seconds(self) -> float:
        return 0.0 if self._schedule is None else int(os.pread(self._schedule, 64, 0).split()[1]) / 1e9

    def close(self) -> None:
        if self._schedule is not None:
            os.close(self._schedule)


class LoopPauses(Asgi):
    """Measures the longest time between two turns of a task that asks for nothing but its turn.

    The time for which other programs had the processor is left out: that for which this thread waited for it, and that
    in which no thread of the process had one, as the thread that has the GIL may wait too.
    """

    def __init__(self, app: Any, headers: Mapping[str, str] = NO_HEADERS, path: str = "/") -> None:
        super().__init__(app, headers, path)
        self._waits = Waits()

    def requests_in(self, seconds: float) -> int:
        """One, as the longest of several would be longer."""
        return 1

    def close(self) -> None:
        self._waits.close()

    async def _repeat(self, count: int) -> float:
        return sum([await self._longest() for _ in range(count)])

    async def _longest(self) -> float:
        request = asyncio.ensure_future(self.request())
        longest, last, last_used = 0.0, self._now(), process_time()
        while not request.done():
            await asyncio.sleep(0)
            now, used = self._now(), process_time()
            longest, last, last_used = max(longest, min(now - last, used - last_used)), now, used
        await request
        return longest

    def _now(self) -> float:
        return perf_counter() - self._waits.seconds()
