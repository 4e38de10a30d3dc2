"""Spans: the named pieces of work inside an exchange, as `perfkit.span` measures them."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock
from time import perf_counter_ns
from typing import Any, Final, Self, TypeVar, cast

from perfkit._span_observers import tell
from perfkit._starts import Starts
from perfkit.exchange import is_token

F = TypeVar("F", bound=Callable[..., Any])

# How many names an exchange may have, so that one made of a number or a path cannot fill the memory; and the name that
# stands for all after them.
MAX_NAMES: Final = 20
OTHER: Final = "other"
MAX_NAME_LENGTH: Final = 64
# What a name becomes that has no character a token may have.
UNNAMED: Final = "unnamed"

_NOT_TOKEN: Final = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]+")


class span:  # noqa: N801 - reads as a function where it is used, as contextlib.suppress does
    """Measures a piece of work and adds it to the Server-Timing header of the response: ``with span("db"): ...``.

    Spans of one name add up, also where they run at the same time. One that still runs when the header is written
    counts up to there; one that starts later does not count. Outside a request, and in a thread or task that does not
    have the request's context, nothing is measured. May be used again and at the same time, from any thread.

    Also a decorator, for functions and coroutine functions: each call is measured. ``async with`` works too.

    Args:
        name: name of the entry. Each run of characters that cannot stand in a token becomes a hyphen; cut at 64.
        description: shown beside the name by developer tools. Only printable ASCII is kept; cut at 100. Of several
            descriptions for one name the first wins.
        metric: whether each span is counted in the histogram ``perfkit_span_duration_seconds`` too, by its name as it
            is; also outside a request. Only where a `Metrics` is.
    """

    __slots__ = ("_starts", "description", "name")

    def __init__(self, name: str, description: str | None = None, *, metric: bool = False) -> None:
        self.name = name
        self.description = description
        if metric:
            self._starts = Starts()
            # So that starts and ends of all others need not even ask.
            self.__class__ = _MetricSpan

    def __enter__(self) -> Self:
        collector = _current.get()
        if collector is not None:
            collector.enter(self.name, self.description)
        return self

    def __exit__(self, *_: object) -> None:
        collector = _current.get()
        if collector is not None:
            collector.leave(self.name)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def __call__(self, function: F) -> F:
        """Measure each call of the function.

        Raises:
            TypeError: the function is a generator, whose work is done between its calls.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = function.__qualname__
            raise TypeError(f"span cannot measure {name}, a generator: write `with span(...)` inside it")

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def timed_async(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return cast("F", timed_async if inspect.iscoroutinefunction(function) else timed)


class _MetricSpan(span):
    """A span that is counted too. For that, unlike for the header, it matters which end belongs to which start."""

    __slots__ = ()

    def __enter__(self) -> Self:
        super().__enter__()
        self._starts.add(perf_counter_ns())
        return self

    def __exit__(self, *_: object) -> None:
        now = perf_counter_ns()
        super().__exit__()
        started = self._starts.take()
        if started is not None:
            tell(self.name, (now - started) / 1e9)


class Entry:
    """What the spans of one name took together.

    The start of a span is subtracted and its end added. So it does not matter which end belongs to which start, and
    `running` spans need no memory of their own.
    """

    __slots__ = ("description", "nanoseconds", "running")

    def __init__(self) -> None:
        self.description: str | None = None
        self.nanoseconds = 0
        self.running = 0


class Entries:
    """What the spans of one exchange took, by name. May be used from any thread."""

    __slots__ = ("_by_name", "_lock")

    def __init__(self) -> None:
        self._by_name: dict[str, Entry] = {}
        self._lock = Lock()

    def start(self, name: str, description: str | None) -> None:
        with self._lock:
            entry = self._by_name.get(name)
            if entry is None:
                entry = self._by_name.setdefault(name if len(self._by_name) < MAX_NAMES else OTHER, Entry())
            if entry.description is None:
                entry.description = description
            entry.running += 1
            entry.nanoseconds -= perf_counter_ns()

    def stop(self, name: str) -> None:
        now = perf_counter_ns()
        with self._lock:
            entry = self._by_name.get(name) or self._by_name.get(OTHER)
            if entry is not None and entry.running:  # else it was started outside this exchange
                entry.running -= 1
                entry.nanoseconds += now

    def measured(self) -> dict[str, tuple[float, str | None]]:
        """Milliseconds so far and description by name, in the order of the first starts; the names are tokens."""
        measured: dict[str, tuple[float, str | None]] = {}
        with self._lock:
            now = perf_counter_ns()
            for given, entry in self._by_name.items():
                name = token(given)
                milliseconds, description = measured.get(name, (0.0, None))
                milliseconds += (entry.nanoseconds + entry.running * now) / 1e6
                measured[name] = (milliseconds, description or entry.description)
        return measured


class Collector:
    """Where the spans of one exchange go.

    Attributes:
        entries: what they took; None before the first.
        outer: the collector of the exchange this one runs inside of, as with a test client called by a view.
        ended: whether the exchange is over.
    """

    # Defaults of the class: most exchanges have no spans, and make no more than an empty object.
    entries: Entries | None = None
    outer: Collector | None = None
    ended: bool = False

    def enter(self, name: str, description: str | None) -> None:
        collector = self._open()
        if collector is not None:
            # One step, so that two threads with the first spans get the same.
            entries = collector.entries or vars(collector).setdefault("entries", Entries())
            entries.start(name, description)

    def leave(self, name: str) -> None:
        collector = self._open()
        entries = None if collector is None else collector.entries
        if entries is not None:
            entries.stop(name)

    def _open(self) -> Collector | None:
        """This one, or the nearest around it whose exchange goes on."""
        collector: Collector | None = self
        while collector is not None and collector.ended:
            collector = collector.outer
        return collector

    def end(self) -> None:
        """End the collecting, and let the exchange around go on with its own.

        The end may come in another context than the start, where a token of the start could not be used and where
        another collector is the current one. And tasks that the exchange left behind hold on to this collector, maybe
        for long: it keeps nothing.
        """
        self.ended = True
        if self.entries is not None:
            del self.entries
        if self.outer is not None:
            self.outer = self.outer._open()
        if _current.get() is self:
            _current.set(self.outer)


_current: ContextVar[Collector | None] = ContextVar("perfkit_spans", default=None)


def collect() -> Collector:
    """Collect the spans of the code that runs from here on in this context, and in those copied from it."""
    collector = Collector()
    collector.outer = _current.get()
    _current.set(collector)
    return collector


def token(name: str) -> str:
    """The name as a token (RFC 9110 section 5.6.2)."""
    return (name if is_token(name) else _NOT_TOKEN.sub("-", name).strip("-"))[:MAX_NAME_LENGTH] or UNNAMED
