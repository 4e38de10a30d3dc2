"""timed: measures the calls of a function, and logs the slow ones."""

from __future__ import annotations

import functools
import inspect
import logging
import math
from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import Any, Final, ParamSpec, TypeVar, cast

from perfkit._slow_calls import SlowCalls, name_of
from perfkit._span_observers import tell
from perfkit.features._spans import MAX_NAME_LENGTH, span, token

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")

LOGGER: Final = "perfkit.timed"


class timed:  # noqa: N801 - reads as a function where it is used, as `span` does
    """Measures each call of a function or coroutine function: ``@timed(slow_ms=100)``.

    A call is a span: in a request it adds an entry to the Server-Timing header (see `span`), and with ``metric`` it is
    counted in the histogram ``perfkit_span_duration_seconds``, where a `Metrics` is, also outside a request. A call
    that raises is measured like any other. The time is that on the clock: what a coroutine waits is in it.

    Args:
        name: name of the entry and of the series. Default: the module and the name of the function, as in
            ``"shop.books.Shelf.count"``, made a token; of more than 64 characters the last stay.
        slow_ms: milliseconds. Each call that takes longer is logged as a warning: the function, where it is defined
            and where it was called from, never its arguments. At most ten lines a second for each function; the next
            one has the number of those left out. Default: nothing is logged.
        metric: whether calls are counted in the histogram.
        logger: where slow calls are logged. Default: the logger ``perfkit.timed``.

    Raises:
        TypeError: an argument is of a wrong type; or, where it decorates, the function is a generator, a class, a
            staticmethod or a classmethod.
        ValueError: ``slow_ms`` is below 0, infinite or not a number (NaN).
    """

    __slots__ = ("_logger", "_metric", "_name", "_slow_ms")

    def __init__(
        self,
        name: str | None = None,
        *,
        slow_ms: float | None = None,
        metric: bool = True,
        logger: logging.Logger | None = None,
    ) -> None:
        _check(name, slow_ms, metric, logger)
        self._name = name
        self._slow_ms = slow_ms
        self._metric = metric
        self._logger = logger

    def __call__(self, function: F) -> F:
        _refuse(function)
        name = default_name(function) if self._name is None else self._name
        slow = None
        if self._slow_ms is not None:
            slow = SlowCalls(function, self._slow_ms, self._logger or logging.getLogger(LOGGER))
        calls = _Calls(name, slow, metric=self._metric)
        measured = _measured_async if _is(inspect.iscoroutinefunction, function) else _measured
        return cast("F", measured(function, calls))


class _Calls:
    """The calls of one function. Each keeps its own start, so that they may come from everywhere at once."""

    __slots__ = ("_metric", "_name", "_slow", "_span")

    def __init__(self, name: str, slow: SlowCalls | None, *, metric: bool) -> None:
        self._name = name
        self._slow = slow
        self._metric = metric
        self._span = span(name)

    def begin(self) -> int:
        """Begin a call, and give its start."""
        self._span.__enter__()
        return perf_counter_ns()

    def end(self, started: int, error: BaseException | None = None) -> None:
        """End the call that has this start; `error` is what it raised."""
        now = perf_counter_ns()
        self._span.__exit__()
        if self._metric:
            tell(self._name, (now - started) / 1e9)
        if self._slow is not None and now - started > self._slow.limit:
            self._slow.tell(now - started, now, error)


def _measured(function: Callable[P, R], calls: _Calls) -> Callable[P, R]:
    @functools.wraps(function)
    def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        started = calls.begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            calls.end(started, error)
            raise
        calls.end(started)
        return result

    return measured


def _measured_async(
    function: Callable[P, Coroutine[Any, Any, R]], calls: _Calls
) -> Callable[P, Coroutine[Any, Any, R]]:
    @functools.wraps(function)
    async def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        started = calls.begin()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            calls.end(started, error)
            raise
        calls.end(started)
        return result

    return measured


def default_name(function: Callable[..., Any]) -> str:
    """The name of a function as a token that is short enough for the header, its end rather than its beginning."""
    name = name_of(function).replace(".<locals>", "")
    while len(name) > MAX_NAME_LENGTH and "." in name:
        name = name.partition(".")[2]
    return token(name)


def _is(kind: Callable[[object], bool], function: Any) -> bool:
    """Whether it is a function of this kind, or an object that is called by one."""
    return kind(function) or kind(type(function).__call__)


def _refuse(function: object) -> None:
    if isinstance(function, staticmethod | classmethod):
        raise TypeError(f"timed cannot measure a {type(function).__name__}: write @{type(function).__name__} above it")
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"timed measures functions, not {function!r}")
    if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
        raise TypeError(f"timed cannot measure {name_of(function)}, a generator: write `with span(...)` inside it")


def _check(name: object, slow_ms: object, metric: object, logger: object) -> None:
    if name is not None and not isinstance(name, str):
        mend = "write @timed() with parentheses" if callable(name) else "write a text"
        raise TypeError(f"timed: name is {name!r}, not a str: {mend}")
    if slow_ms is not None:
        mend = "write a number of milliseconds, for example slow_ms=100"
        if isinstance(slow_ms, bool) or not isinstance(slow_ms, int | float):
            raise TypeError(f"timed: slow_ms is {slow_ms!r}, not a number: {mend}")
        if not 0 <= slow_ms < math.inf:
            raise ValueError(f"timed: slow_ms is {slow_ms!r}: {mend}")
    if not isinstance(metric, bool):
        raise TypeError(f"timed: metric is {metric!r}, not a bool: write True or False")
    if logger is not None and not isinstance(logger, logging.Logger):
        raise TypeError(f"timed: logger is {logger!r}, not a logging.Logger: write logging.getLogger(...)")
