"""Connections to Redis for event loops: one for each loop, whose calls share round trips.

They are closed when their loop ends, though nobody says so: whoever ends a loop, as `asyncio.run` and servers do, ends
the asynchronous generators that wait on it, and one of these waits for just that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from threading import Lock
from typing import Any, Final, TypeAlias
from weakref import finalize

from perfkit.features.rate_limit._redis_clients import Way

# Calls in one trip. The server handles them in some milliseconds; what comes meanwhile goes with the next.
MOST_CALLS: Final = 200

_Call: TypeAlias = Sequence[str | bytes | int | float]
_Waiting: TypeAlias = tuple[_Call, "asyncio.Future[Any]"]


class Lines:
    """The line of each loop that runs; those of loops that are closed are dropped.

    Args:
        way: the way to the server.
        timeout: seconds that a trip may take.
        sha: the script's SHA-1.
        script: the script.
    """

    def __init__(self, way: Way, timeout: float, sha: str, script: bytes) -> None:
        self._way = way
        self._timeout = timeout
        self._script = sha, script
        self._lock = Lock()
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}

    async def ask(self, call: _Call) -> Any:
        """Run the script on the line of the running loop."""
        loop = asyncio.get_running_loop()
        return await (self._lines.get(loop) or await self._open(loop)).ask(call)

    async def close(self) -> None:
        """Close the line of the running loop."""
        line = self._lines.pop(asyncio.get_running_loop(), None)
        if line:
            line.forgotten.detach()
            await line.end.aclose()

    def forked(self) -> None:
        """Go on in a child. It has loops of its own, and must not close the lines of its parent's."""
        self._lock = Lock()

    async def _open(self, loop: asyncio.AbstractEventLoop) -> Line:
        clients = self._way.awaiting()
        end = _closing(clients)
        await anext(end)
        # Holds the clients for longer than the store: collected together with it, they would complain.
        forgotten = finalize(self, _let_go, end)
        forgotten.atexit = False
        line = Line(clients[0], self._timeout, self._way.beginning, *self._script, end, forgotten)
        with self._lock:
            # A view that Django runs under WSGI, for one, has a loop of its own each time.
            for closed in [each for each in self._lines if each.is_closed()]:
                self._lines.pop(closed).forgotten.detach()
            self._lines[loop] = line
        return line


async def _closing(clients: Sequence[Any]) -> AsyncGenerator[None]:
    """Waits, and closes the clients when the loop is ended, or when it is closed itself."""
    try:
        yield
    finally:
        for client in clients:
            await client.aclose()


def _let_go(end: AsyncGenerator[None]) -> None:
    """Forget a generator, which its loop then closes."""


class Line:
    """One connection of one loop. Calls that come while a trip is under way go together with the next.

    So a server far away answers as many requests as come, over one connection; and no request waits longer than the
    timeout: one that comes during a trip that fails, fails with it.

    Attributes:
        end: closes the connection when it is closed itself.
        forgotten: lets go of that when the store is forgotten.
    """

    def __init__(
        self,
        client: Any,
        timeout: float,
        beginning: int,
        sha: str,
        script: bytes,
        end: AsyncGenerator[None],
        forgotten: finalize[Any, Any],
    ) -> None:
        self.end = end
        self.forgotten = forgotten
        self._client = client
        self._timeout = timeout
        self._patience = timeout * beginning
        self._sha = sha
        self._script = script
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, call: _Call) -> Any:
        """Run the script.

        Raises:
            Exception: whatever keeps it from being run in time.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append((call, future))
        if self._task is None:
            self._task = loop.create_task(self._travel())
        return await future

    async def _travel(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_CALLS], self._waiting[MOST_CALLS:]
                answers = await self._in_time([call for call, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    _finish(future, answer)
        except Exception as error:  # noqa: BLE001 - who asked is told
            for _, future in batch + self._waiting:
                _finish(future, error)
            self._waiting = []
        finally:
            self._task = None
            for _, future in batch + self._waiting:  # the loop is being ended
                future.cancel()

    async def _in_time(self, calls: list[_Call]) -> list[Any]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:
                due = loop.time() + self._patience

                def ring() -> None:
                    # A loop that some view has held up is no reason to give up a server: perhaps its answer is there,
                    # perhaps it has not even been asked. So it is given the time once more.
                    late = loop.time() > due + self._timeout / 4
                    limit.reschedule(loop.time() + (self._timeout if late else 0))

                timer = loop.call_at(due, ring)
                try:
                    answers = await self._trip(calls)
                    self._patience = self._timeout
                    return answers
                finally:
                    timer.cancel()
        except TimeoutError:
            raise TimeoutError(f"no answer in {self._patience:g} s") from None

    async def _trip(self, calls: list[_Call]) -> list[Any]:
        from redis.exceptions import NoScriptError

        answers = await self._send("EVALSHA", self._sha, calls)
        missing = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missing:  # the server has started anew
            again = await self._send("EVAL", self._script, [calls[at] for at in missing])
            for at, answer in zip(missing, again, strict=True):
                answers[at] = answer
        return answers

    async def _send(self, command: str, script: str | bytes, calls: list[_Call]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(command, script, *call)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def _finish(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # who asked is gone
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
