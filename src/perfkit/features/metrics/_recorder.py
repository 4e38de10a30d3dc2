"""The recorder: counts what has ended, for all stacks that share a registry."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from perfkit.features.metrics import _series as series
from perfkit.features.metrics._cells import Distribution, Exemplar, Number
from perfkit.features.metrics._facts import FactFamilies, Facts, Told
from perfkit.features.metrics._families import Backend, Family, Metric, Overflow, Plan
from perfkit.features.metrics._labels import clean
from perfkit.features.metrics._lag import Samplers
from perfkit.features.metrics._requests import Ended, Entry, Key, Running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

logger = logging.getLogger("perfkit")

T = TypeVar("T")

# How many keys are remembered with their series, for each series there may be: values that are no labels yet may make
# several of one.
KEYS_PER_SERIES: Final = 2


class Recorder:
    """Counts requests, streams, connections and pieces of work.

    Requests wait in two queues until some have come together: to count many at once takes half the time, since code and
    data are in the processor's caches then, and requests need no lock.

    One lock guards all values. A thread that holds it may come here again, as memory that is freed meanwhile may end an
    exchange. That does no harm, since each value changes in one step.

    Args:
        plan: what is counted, and how it is named.
        backend: what keeps the values.
        lock: a lock that a thread may take again.

    Attributes:
        begun: takes the methods, as labels have them, of requests that begin.
        ended: takes those that end; a request that has begun ends once, or is given to `abandon`.
    """

    def __init__(self, plan: Plan, backend: Backend, lock: AbstractContextManager[Any]) -> None:
        self.plan = plan
        self._lock = lock
        self._backend = backend
        self._overflow = Overflow(plan, backend)
        self.begun: deque[str] = deque()
        self.ended: deque[Ended] = deque()
        self._reported: set[type[Exception]] = set()
        self._entries: dict[Key, Entry] = {}
        self._most_entries = KEYS_PER_SERIES * plan.max_series
        self._families: dict[str, Family[Any]] = {
            "requests": self._numbers(series.REQUESTS),
            "duration": self._distributions(series.DURATION),
            "first_byte": self._distributions(series.FIRST_BYTE),
            "received": self._distributions(series.RECEIVED),
            "sent": self._distributions(series.SENT),
        }
        self._active = self._numbers(series.ACTIVE)
        self._active_by_method: dict[str, Number] = {}
        self._streams = self._numbers(series.ACTIVE_STREAMS)
        self._stream_duration = self._distributions(series.STREAM_DURATION)
        self._websockets = self._numbers(series.ACTIVE_WEBSOCKETS)
        self._websocket_duration = self._distributions(series.WEBSOCKET_DURATION)
        self._messages = self._numbers(series.MESSAGES)
        self._spans = self._distributions(series.SPANS)
        self._lag = self._distributions(series.LOOP_LAG)
        self._facts = Facts(self._fact_families())
        self.samplers = Samplers()

    def _numbers(self, declared: series.Series) -> Family[Number]:
        metric = Metric.of(declared, self.plan)
        return Family(metric, self._backend.numbers(metric), self.plan.max_series, self._overflow)

    def _distributions(self, declared: series.Series) -> Family[Distribution]:
        metric = Metric.of(declared, self.plan)
        return Family(metric, self._backend.distributions(metric), self.plan.max_series, self._overflow)

    def _fact_families(self) -> FactFamilies:
        return FactFamilies(
            self._numbers(series.RATE_LIMIT),
            self._numbers(series.COMPRESSION),
            self._numbers(series.COMPRESSION_INPUT),
            self._numbers(series.COMPRESSION_OUTPUT),
            self._numbers(series.CONDITIONAL),
            self._distributions(series.QUERY_COUNT),
            self._distributions(series.QUERY_DURATION),
        )

    # Requests

    def flush(self) -> None:
        """Count what waits in `ended` and `begun`."""
        failures: list[Exception] = []
        with self._lock:
            # First those that have ended: all of them are among those that have begun.
            for request in drained(self.ended):
                self._active_of(request[0][0]).inc(-1)
                try:
                    self._count(*request)
                except Exception as error:  # noqa: BLE001 - it is logged, and the others count
                    failures.append(error)
            for method in drained(self.begun):
                self._active_of(method).inc(1)
        for failure in failures:
            self._report(failure)
        self._tell()

    def _active_of(self, method: str) -> Number:
        active = self._active_by_method.get(method)
        if active is None:
            active = self._active_by_method[method] = self._active.cell((method,))
        return active

    def _count(
        self,
        key: Key,
        seconds: float,
        first_byte: float | None,
        received: int,
        sent: int,
        told: Told | None,
        exemplar: Exemplar | None,
        outcome: str,
    ) -> None:
        """Count a request that has ended; see `Ended`."""
        if outcome:
            self._streams.cell(()).inc(-1)
        seconds = max(seconds, 0.0)
        entry = self._entries.get(key) or self._new_entry(key)
        (entry.requests or self._open(entry, "requests")).inc(1)
        if first_byte is not None:
            (entry.first_byte or self._open(entry, "first_byte")).observe(max(first_byte, 0.0))
        if sent >= 0:
            (entry.sent or self._open(entry, "sent")).observe(sent)
        if received > 0:
            (entry.received or self._open(entry, "received")).observe(received)
        if outcome:
            self._stream_duration.cell((entry.route, outcome)).observe(seconds)
        else:
            (entry.duration or self._open(entry, "duration")).observe(seconds, exemplar)
        if told is not None:  # last, since it may be anything
            self._facts.count(told, entry.route)

    def _new_entry(self, key: Key) -> Entry:
        entry = Entry(key, self.plan)
        if len(self._entries) < self._most_entries:
            self._entries[key] = entry
        return entry

    def _open(self, entry: Entry, name: str) -> Any:
        """The series of that name, which the entry keeps if it is its own: overflow is counted each time."""
        cell, own = self._families[name].found(entry.labels[name])
        if own:
            setattr(entry, name, cell)
        return cell

    def _report(self, error: Exception) -> None:
        if type(error) not in self._reported:
            self._reported.add(type(error))
            logger.error(
                "metrics: not all of a request was counted; later errors of this kind are not logged", exc_info=error
            )

    def open_stream(self) -> None:
        """Count a response as an open stream, until its end."""
        with self._lock:
            self._streams.cell(()).inc(1)

    def abandon(self, running: Running) -> None:
        """No longer count a request as active of which nothing else is known."""
        self.flush()
        with self._lock:
            self._active_of(running.method).inc(-1)
            if running.stream:
                self._streams.cell(()).inc(-1)

    # All else

    def open_websocket(self) -> Number:
        """Count a connection as open, until the gauge this gives is given to `end_websocket`."""
        with self._lock:
            gauge = self._websockets.cell(())
            gauge.inc(1)
        return gauge

    def end_websocket(
        self,
        gauge: Number | None,
        route: str | None,
        close_class: str,
        seconds: float,
        messages: tuple[int, int],
        told: Told,
    ) -> None:
        """Count a connection that is closed, or was refused.

        Args:
            gauge: what `open_websocket` gave, if it was accepted.
            route: its route.
            close_class: how it was closed.
            seconds: how long it took, from the handshake on.
            messages: how many were received and sent.
            told: what other features tell of it.
        """
        route = clean(route)
        with self._lock:
            if gauge is not None:
                gauge.inc(-1)
            self._websocket_duration.cell((route, close_class)).observe(max(seconds, 0.0))
            for direction, count in zip(("received", "sent"), messages, strict=True):
                if count:
                    self._messages.cell((route, direction)).inc(count)
            self._facts.count(told, route)
        self._tell()

    def _tell(self) -> None:
        if self._overflow.untold:
            self._overflow.tell()

    def observe_span(self, name: str, seconds: float) -> None:
        """Count a piece of work."""
        with self._lock:
            self._spans.cell((clean(name),)).observe(max(seconds, 0.0))
        self._tell()

    def observe_lag(self, seconds: float) -> None:
        """Count how late an event loop was."""
        with self._lock:
            self._lag.cell(()).observe(seconds)


def drained(queue: deque[T]) -> Iterator[T]:
    """Takes what is in the queue by now out of it. Others may put more there meanwhile, and take it too."""
    for _ in range(len(queue)):
        try:
            yield queue.popleft()
        except IndexError:  # an exchange that was freed meanwhile was counted, and the rest with it
            return
