"""Threads for bodies that take long to compress, on hosts that await."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from perfkit._threads import on_asyncio, on_thread

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

_lock = Lock()
_pool: ThreadPoolExecutor | None = None


async def offloaded(work: Callable[[], T]) -> T:
    """Do the work on a thread.

    The threads are ours, one for each processor: more would only slow each other down, and in the application's pool
    they would keep its own work waiting (starlette#3410).
    """
    if not on_asyncio():
        return await on_thread(_threads().submit(work).result)
    import asyncio  # here, since it takes longer to import than all of perfkit and WSGI never needs it

    return await asyncio.get_running_loop().run_in_executor(_threads(), work)


def _threads() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603 - one for the process
    with _lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="perfkit-compression")
        return _pool


def _forget() -> None:
    """A forked process has none of the threads, and a lock that somebody else may have held."""
    global _lock, _pool
    _lock, _pool = Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
