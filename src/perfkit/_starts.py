"""When the uses of one span began that are not over, and which of them it is that ends."""

from __future__ import annotations

from contextvars import ContextVar


class _Start:
    """The start of one use, and the start before it in the same context."""

    __slots__ = ("nanoseconds", "outer")

    def __init__(self, nanoseconds: int, outer: _Start | None) -> None:
        self.nanoseconds = nanoseconds
        self.outer = outer


_innermost: ContextVar[_Start | None] = ContextVar("perfkit_starts", default=None)


class Starts:
    """The open uses of one span, from any thread and task.

    An end belongs to the last start in its own context. Where there is none, as when a framework begins and ends a
    dependency in two threads that have copies of the context, it belongs to the last start of all.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        # A dict for its order. Each change is one step, so no lock is needed.
        self._open: dict[_Start, None] = {}

    def add(self, nanoseconds: int) -> None:
        start = _Start(nanoseconds, _innermost.get())
        self._open[start] = None
        _innermost.set(start)

    def take(self) -> int | None:
        """Remove the start of what ends now. None where nothing has begun."""
        start = self._find()
        try:
            if start is None:
                start, _ = self._open.popitem()
            else:
                del self._open[start]
        except KeyError:  # there is none, or another thread was faster
            return None
        # A task started meanwhile may hold on to this one for long: it must not hold all those before as well.
        start.outer = None
        return start.nanoseconds

    def _find(self) -> _Start | None:
        """The last start in this context, taken out of the chain."""
        inner, start = None, _innermost.get()
        while start is not None and start not in self._open:
            inner, start = start, start.outer
        if start is None:
            return None
        if inner is None:
            _innermost.set(start.outer)
        else:
            inner.outer = start.outer
        return start
