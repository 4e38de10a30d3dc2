"""The ways to call a check: on a thread of its own, or on the event loop that asks for it.

A thread for each run, and not a pool: the checks themselves say how many there can be at most, and one that hangs keeps
neither the other checks nor the end of the process waiting, as the threads of a `ThreadPoolExecutor` would.
"""

from __future__ import annotations

from contextvars import Context
from threading import Thread
from typing import Any

from perfkit._threads import on_asyncio
from perfkit.features.health._check import Check
from perfkit.features.health._result import Outcome, outcome_of
from perfkit.features.health._run import Run


def on_thread(check: Check, run: Run) -> None:
    """Run the check on a thread; for hosts that block."""
    # A daemon, for which the interpreter does not wait when it ends.
    thread = Thread(target=_call, args=(check, run), name=f"perfkit-health-{check.name}", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the system gives no more threads
        check.end_with(run, error)


def on_loop(check: Check, run: Run) -> None:
    """Run the check on the event loop, where what it awaits was made; one that blocks on a thread."""
    if not check.is_async:
        on_thread(check, run)
    elif on_asyncio():
        import asyncio

        run.loop = asyncio.get_running_loop()
        # In a context of its own: it is not part of the request that happened to ask first.
        run.task = Context().run(run.loop.create_task, _task(check, run))
    else:
        import trio

        trio.lowlevel.spawn_system_task(_task_on_trio, check, run)


def _call(check: Check, run: Run) -> None:
    try:
        outcome = _awaited(check) if check.is_async else outcome_of(check.function())
    except BaseException as error:  # noqa: BLE001 - whatever a check raises, it failed
        check.end_with(run, error)
    else:
        check.end(run, outcome)


def _awaited(check: Check) -> Outcome:
    import asyncio  # here, since WSGI seldom needs it

    return asyncio.run(_outcome(check))


async def _task(check: Check, run: Run) -> None:
    import asyncio

    try:
        outcome = await _outcome(check)
    except BaseException as error:
        check.end_with(run, error)
        # What ends the loop, or the task. Not SystemExit, which would end the server for a check.
        if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
            raise
    else:
        check.end(run, outcome)


async def _outcome(check: Check) -> Outcome:
    import asyncio

    limit = asyncio.timeout(check.timeout)
    try:
        async with limit:
            return outcome_of(await check.function())
    except TimeoutError:
        if limit.expired():
            return check.late
        raise  # of the check's own


async def _task_on_trio(check: Check, run: Run) -> None:
    import trio

    outcome: Any = check.late
    try:
        with trio.move_on_after(check.timeout):
            outcome = outcome_of(await check.function())
    except trio.Cancelled as error:  # the loop is ending
        check.end_with(run, error)
        raise
    except BaseException as error:  # noqa: BLE001 - trio itself would fail with what a system task raises
        check.end_with(run, error)
    else:
        check.end(run, outcome)
