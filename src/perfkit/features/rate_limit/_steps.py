"""Work that may have to wait on its way, written once for hosts that block and hosts that await."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar

from perfkit._threads import on_asyncio
from perfkit.feature import Pending

T = TypeVar("T")

# Yields what it has to wait for, and is sent the result, or thrown the error.
Steps: TypeAlias = Generator[Pending[Any], Any, T]


def finished(steps: Steps[T]) -> T | Pending[T]:
    """Go through the steps: their result at once if there is nothing to wait for."""
    try:
        pending = next(steps)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    return Pending(partial(_run, steps, pending), partial(_run_async, steps, pending))


def result_of(value: Any) -> Steps[Any]:
    """What a function has given, waited for if need be."""
    if isinstance(value, Pending):
        return (yield value)
    if isawaitable(value):
        return (yield _pending(value))
    return value


def _run(steps: Steps[T], pending: Pending[Any]) -> T:
    while True:
        go_on: Callable[[], Pending[Any]]
        try:
            go_on = partial(steps.send, pending.run())
        except Exception as error:  # noqa: BLE001 - it is handed on
            go_on = partial(steps.throw, error)
        try:
            pending = go_on()
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


async def _run_async(steps: Steps[T], pending: Pending[Any]) -> T:
    while True:
        go_on: Callable[[], Pending[Any]]
        try:
            go_on = partial(steps.send, await pending.run_async())
        except Exception as error:  # noqa: BLE001 - it is handed on
            go_on = partial(steps.throw, error)
        try:
            pending = go_on()
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def _pending(awaitable: Awaitable[Any]) -> Pending[Any]:
    async def wait() -> Any:
        return await awaitable

    def run() -> Any:
        import asyncio  # here, since WSGI seldom needs it

        if not on_asyncio():
            return asyncio.run(wait())
        # A loop that is blocked already, as where a test that is a coroutine calls WSGI: its thread cannot run another.
        from concurrent.futures import ThreadPoolExecutor
        from contextvars import copy_context

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(copy_context().run, asyncio.run, wait()).result()

    return Pending(run, wait)
