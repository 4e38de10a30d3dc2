"""For how long a request keeps the event loop from everything else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.inprocess import Asgi

# Linux tells there, second, the nanoseconds for which a thread could have run and had no processor.
_SCHEDULE: Final = Path("/proc/thread-self/schedstat")


class LoopPauses(Asgi):
    """Measures the longest time between two turns of a task that asks for nothing but its turn.

    The time for which other programs had the processor is left out where the system tells it (Linux).
    """

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._schedule = os.open(_SCHEDULE, os.O_RDONLY) if _SCHEDULE.exists() else None

    def requests_in(self, seconds: float) -> int:
        """One, as the longest of several would be longer."""
        return 1

    def close(self) -> None:
        if self._schedule is not None:
            os.close(self._schedule)

    async def _repeat(self, count: int) -> float:
        return sum([await self._longest() for _ in range(count)])

    async def _longest(self) -> float:
        request = asyncio.ensure_future(self.request())
        longest, last = 0.0, self._now()
        while not request.done():
            await asyncio.sleep(0)
            now = self._now()
            longest, last = max(longest, now - last), now
        await request
        return longest

    def _now(self) -> float:
        """A clock that stands still while this thread waits for a processor, but not while it waits for the GIL."""
        if self._schedule is None:
            return perf_counter()
        return perf_counter() - int(os.pread(self._schedule, 64, 0).split()[1]) / 1e9
