"""How late asyncio's event loop runs what is due."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

# How long a sampler waits, in seconds.
INTERVAL: Final = 0.25


def none_running() -> None:
    """Stands for asyncio's function where there is no asyncio."""


def running_loop_getter() -> Callable[[], AbstractEventLoop | None]:
    """What gives the loop that runs in this thread; None under trio, and where none does.

    asyncio is not imported for it: a host that runs on it has done so by now, and WSGI never needs it. This function of
    asyncio does not raise where no loop runs, which would cost more than all else here.
    """
    asyncio = sys.modules.get("asyncio")
    return none_running if asyncio is None else asyncio.events._get_running_loop


class Observer(Protocol):
    """Who takes the seconds that a loop was late."""

    def observe_lag(self, seconds: float) -> None: ...


class Samplers:
    """Starts one sampler for each loop."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[AbstractEventLoop, Sampler] = WeakKeyDictionary()

    def watch(self, loop: AbstractEventLoop, observer: Observer) -> None:
        """Start a sampler for the loop that runs, unless it has one."""
        if loop not in self._loops:
            sampler = self._loops[loop] = Sampler(loop, observer)
            sampler.wait(loop)


class Sampler:
    """Looks how late a loop is, again and again.

    It is nothing but a timer of the loop, which goes with it: nothing is left to cancel or to await at its end. And it
    keeps neither the loop nor whom it tells.
    """

    def __init__(self, loop: AbstractEventLoop, observer: Observer) -> None:
        self._loop = ref(loop)
        self._observer = ref(observer)
        self._due = 0.0
        # Empty, so that the first request's is not kept for ever.
        self._context = Context()

    def wait(self, loop: AbstractEventLoop) -> None:
        """Come back after a while."""
        self._due = loop.time() + INTERVAL
        loop.call_at(self._due, self._look, context=self._context)

    def _look(self) -> None:
        loop, observer = self._loop(), self._observer()
        if loop is not None and observer is not None:
            observer.observe_lag(max(loop.time() - self._due, 0.0))
            self.wait(loop)
