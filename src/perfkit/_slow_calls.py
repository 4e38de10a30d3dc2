"""What the log is told of calls that took too long: where, how long, never with what arguments."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import FrameType

logger = logging.getLogger("perfkit")

# Lines a second for each function. One that is always slow must not fill the log, nor keep others out of it.
LINES: Final = 10

# Packages that run what they are given: as a caller they tell nothing of why it was run.
_RUNNERS: Final = sys.stdlib_module_names | {"anyio", "trio"}
_OURS: Final = "perfkit"


class SlowCalls:
    """Logs the slow calls of one function. An error of the log never reaches the call; the first is logged.

    Without a lock, which a fork could leave held: threads that come at the same moment may write a line too many.

    Args:
        function: the function, for its place.
        limit_ms: milliseconds that a call may take.
        log: where its lines go.
    """

    def __init__(self, function: Callable[..., Any], limit_ms: float, log: logging.Logger) -> None:
        self.limit = round(limit_ms * 1_000_000)
        self._name = name_of(function)
        self._definition = definition_of(function)
        self._limit_ms = limit_ms
        self._log = log
        self._numbers = count(1)
        self._last = 0
        self._times = deque[int](maxlen=LINES)
        self._failed = False

    def tell(self, took: int, now: int, error: BaseException | None) -> None:
        """Tell of a call that took longer than `limit`. To be called from where the call was made, or from inside it.

        Args:
            took: how long, in nanoseconds.
            now: when it ended, in nanoseconds by a clock that never goes back.
            error: what it raised.
        """
        try:
            if self._log.isEnabledFor(logging.WARNING):
                self._write(took, now, error)
        except Exception:
            if not self._failed:
                self._failed = True
                logger.exception("timed: a slow call could not be logged; later errors of this kind are not logged")

    def _write(self, took: int, now: int, error: BaseException | None) -> None:
        number = next(self._numbers)
        if len(self._times) == LINES and now - self._times[0] < 1_000_000_000:
            return
        self._times.append(now)
        left_out, self._last = max(number - self._last - 1, 0), number
        # A coroutine that is thrown away is ended by whatever runs at that moment.
        caller = None if isinstance(error, GeneratorExit) else caller_of(sys._getframe())
        told = {
            "function": self._name,
            "definition": self._definition,
            "caller": caller,
            "milliseconds": took / 1e6,
            "limit_ms": self._limit_ms,
            "error": None if error is None else type(error).__qualname__,
            "left_out": left_out,
        }
        self._log.warning(
            "slow call: %s%s took %.1f ms, limit %g ms%s%s%s",
            self._name,
            f" ({self._definition})" if self._definition else "",
            told["milliseconds"],
            self._limit_ms,
            f", raised {told['error']}" if error is not None else "",
            f", called from {caller}" if caller else "",
            f"; {left_out} slow calls of it before were not logged" if left_out else "",
            extra={"timed": told},
        )


def name_of(function: Callable[..., Any]) -> str:
    """``module.qualname`` of a function; of the class, for an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def definition_of(function: Callable[..., Any]) -> str | None:
    """``file:line`` where the function is defined, decorators that keep `functools.wraps` set aside.

    None where there is no Python code. The line is that of the first decorator, if there are any.
    """
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def caller_of(frame: FrameType | None) -> str | None:
    """``file:line`` of what called perfkit; None where that is an event loop or a pool of threads."""
    while frame is not None and _package(frame) == _OURS:
        frame = frame.f_back
    if frame is None or _package(frame) in _RUNNERS:
        return None
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
