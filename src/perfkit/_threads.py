"""Threads for work that would block an event loop: asyncio's, or trio's, which Hypercorn can run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def on_asyncio() -> bool:
    """Whether the loop that runs is asyncio's. In a coroutine the other one is trio's."""
    import asyncio  # here, since it takes longer to import than all of perfkit and WSGI never needs it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def on_thread(work: Callable[[], T]) -> T:
    """Do the work on a thread of the running loop's own."""
    if on_asyncio():
        import asyncio

        return await asyncio.to_thread(work)
    import trio  # it runs, so that it is there

    return await trio.to_thread.run_sync(work)
