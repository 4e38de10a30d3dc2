"""One run of a check, which any number of requests wait for, on threads and on event loops."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event, Lock
from time import monotonic
from typing import Any

from perfkit._threads import on_asyncio


class Run:
    """One run of a check.

    Args:
        timeout: seconds after which nobody waits for it any more.

    Attributes:
        deadline: when that is, in seconds of `time.monotonic`.
        expired: it was given up. It may go on all the same: a thread cannot be stopped.
        loop: the event loop it is on; None for a thread.
        task: what runs it there. Loops themselves hold tasks only weakly.
    """

    __slots__ = ("_ended", "_lock", "_pid", "_wakers", "deadline", "expired", "loop", "started", "task")

    def __init__(self, timeout: float) -> None:
        self.started = monotonic()
        self.deadline = self.started + timeout
        self.expired = False
        self.loop: Any = None
        self.task: Any = None
        self._pid = os.getpid()
        self._ended = Event()
        self._lock = Lock()
        self._wakers: set[Callable[[], object]] = set()

    @property
    def lost(self) -> bool:
        """Whether it can never end: its loop is closed, or it is a thread of the process this one was forked from."""
        return self._pid != os.getpid() or (self.loop is not None and self.loop.is_closed())

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; 0 from then on."""
        return max(self.deadline - monotonic(), 0.0)

    def end(self) -> None:
        """Wake all who wait."""
        with self._lock:
            self._ended.set()
            wakers = tuple(self._wakers)
        for wake in wakers:
            with suppress(RuntimeError):  # a loop that is closed by now (trio: RunFinishedError, which is one too)
                wake()

    def wait(self) -> bool:
        """Wait by blocking until it ends or is due; gives whether it has ended."""
        return self._ended.wait(self.remaining)

    async def wait_async(self) -> bool:
        """The same on an event loop."""
        await (self._wait_on_asyncio() if on_asyncio() else self._wait_on_trio())
        return self._ended.is_set()

    async def _wait_on_asyncio(self) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        wake = partial(loop.call_soon_threadsafe, woken.set_result, None)
        try:
            if self._add(wake):
                await asyncio.wait((woken,), timeout=self.remaining)
        finally:
            self._wakers.discard(wake)

    async def _wait_on_trio(self) -> None:
        import trio

        woken = trio.Event()
        wake = partial(trio.lowlevel.current_trio_token().run_sync_soon, woken.set)
        try:
            if self._add(wake):
                with trio.move_on_after(self.remaining):
                    await woken.wait()
        finally:
            self._wakers.discard(wake)

    def _add(self, wake: Callable[[], object]) -> bool:
        """Have this called at the end; False where that is over."""
        with self._lock:
            if not self._ended.is_set():
                self._wakers.add(wake)
                return True
        return False
