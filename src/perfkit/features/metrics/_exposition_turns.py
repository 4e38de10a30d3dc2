"""Work that is done once for all who wait for it, and one piece at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from perfkit._threads import on_asyncio, on_thread
from perfkit.feature import Pending

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


class Turns:
    """Does one piece of work after the other on a thread of its own.

    Those who ask for the same piece share it if it began after they asked: what it finds is then not older than the
    question. So there are never more pieces than the one that is done and one of each kind that waits.
    """

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A forked process has no thread, and a lock that somebody else may have held."""
        self._lock = Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: dict[Hashable, Future[Any]] = {}

    def ask(self, key: Hashable, work: Callable[[], T], seconds: float) -> Pending[T]:
        """A piece of work.

        Args:
            key: what tells it from others.
            work: does it.
            seconds: after which whoever waits for it gets a TimeoutError; the work itself goes on.
        """
        future = self._future(key, work)

        def run() -> T:
            return future.result(seconds)

        async def run_async() -> T:
            if not on_asyncio():
                return await on_thread(run)
            import asyncio

            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)  # no thread waits, however many ask

        return Pending(run, run_async)

    def _future(self, key: Hashable, work: Callable[[], T]) -> Future[T]:
        from concurrent.futures import Future

        with self._lock:
            future = self._waiting.get(key)
            if future is None:
                future = Future()
                future.set_running_or_notify_cancel()  # now nobody can cancel it, which others wait for too
                self._threads().submit(self._do, key, work, future)
                self._waiting[key] = future
            return future

    def _do(self, key: Hashable, work: Callable[[], T], future: Future[T]) -> None:
        with self._lock:
            del self._waiting[key]
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is for those who wait
            future.set_exception(error)
        else:
            future.set_result(result)

    def _threads(self) -> ThreadPoolExecutor:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, thread_name_prefix="perfkit-metrics")
        return self._thread


# Of the process: two stacks in it shall not render at the same time either.
TURNS: Final = Turns()
