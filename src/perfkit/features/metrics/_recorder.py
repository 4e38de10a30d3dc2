"""The recorder: counts what has ended, for all stacks that share a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from perfkit.features.metrics import _series as series
from perfkit.features.metrics._cells import Distribution, Number
from perfkit.features.metrics._facts import FactFamilies, Facts
from perfkit.features.metrics._families import Backend, Family, Metric, Overflow, Plan
from perfkit.features.metrics._labels import METHODS, OTHER, clean
from perfkit.features.metrics._lag import Samplers
from perfkit.features.metrics._requests import Entry, Key, Running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# How many keys are remembered with their series, for each series there may be: values that are no labels yet may make
# several of one.
KEYS_PER_SERIES: Final = 2

NO_FACTS: Final[Mapping[str, Any]] = {}


class Recorder:
    """Counts requests, streams, connections and pieces of work.

    One lock guards all values. A thread that holds it may come here again, as memory that is freed meanwhile may end an
    exchange. That does no harm, since each value changes in one step.

    Args:
        plan: what is counted, and how it is named.
        backend: what keeps the values.
        lock: a lock that a thread may take again; the backend has it too.
    """

    def __init__(self, plan: Plan, backend: Backend, lock: AbstractContextManager[Any]) -> None:
        self.plan = plan
        self._lock = lock
        self._backend = backend
        self._overflow = Overflow(plan, backend)
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
        self.samplers = Samplers(self.observe_lag)

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

    def begin(self, method: str) -> Running:
        """Count a request as active, until it is given to `end` or `abandon`."""
        if method not in METHODS:
            method = OTHER
        active = self._active_by_method.get(method)
        if active is None:
            active = self._active_of(method)
        running = Running(method, active)
        with self._lock:
            active.inc(1)
        return running

    def _active_of(self, method: str) -> Number:
        with self._lock:
            active = self._active_by_method[method] = self._active.cell((method,))
        return active

    def stream(self, running: Running) -> None:
        """Count the response as an open stream."""
        with self._lock:
            stream = self._streams.cell(())
            running.stream = stream
            stream.inc(1)

    def end(
        self,
        running: Running,
        key: Key,
        seconds: float,
        received: int,
        sent: int,
        facts: Mapping[str, Any] = NO_FACTS,
        exemplar: dict[str, str] | None = None,
        outcome: str = "",
    ) -> None:
        """Count a request that has ended.

        Args:
            running: what `begin` gave.
            key: method, route, status and type of the error, and the values of own labels.
            seconds: how long it took.
            received: bytes of its body; 0 where there is none.
            sent: bytes of the body of its response; below 0 where there was none to measure.
            facts: what other features tell of it.
            exemplar: labels of its trace.
            outcome: how it ended, if it is a stream; its duration is no request's.
        """
        with self._lock:
            running.active.inc(-1)
            entry = self._entries.get(key) or self._new_entry(key)
            (entry.requests or self._open(entry, "requests")).inc(1)
            if running.first_byte is not None:
                (entry.first_byte or self._open(entry, "first_byte")).observe(running.first_byte)
            if sent >= 0:
                (entry.sent or self._open(entry, "sent")).observe(sent)
            if received > 0:
                (entry.received or self._open(entry, "received")).observe(received)
            if running.stream is None:
                (entry.duration or self._open(entry, "duration")).observe(seconds, exemplar)
            else:
                running.stream.inc(-1)
                self._stream_duration.cell((entry.route, outcome)).observe(seconds)
            if facts:  # last, since they may be anything
                self._facts.count(facts, entry.route)
        if self._overflow.untold:
            self._overflow.tell()

    def abandon(self, running: Running) -> None:
        """No longer count a request as active of which nothing else is known."""
        with self._lock:
            running.active.inc(-1)
            if running.stream is not None:
                running.stream.inc(-1)

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

    def _tell(self) -> None:
        if self._overflow.untold:
            self._overflow.tell()

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
        facts: Mapping[str, Any],
    ) -> None:
        """Count a connection that is closed, or was refused.

        Args:
            gauge: what `open_websocket` gave, if it was accepted.
            route: its route.
            close_class: how it was closed.
            seconds: how long it took, from the handshake on.
            messages: how many were received and sent.
            facts: what other features tell of it.
        """
        route = clean(route)
        with self._lock:
            if gauge is not None:
                gauge.inc(-1)
            self._websocket_duration.cell((route, close_class)).observe(seconds)
            for direction, count in zip(("received", "sent"), messages, strict=True):
                if count:
                    self._messages.cell((route, direction)).inc(count)
            if facts:
                self._facts.count(facts, route)
        self._tell()

    def observe_span(self, name: str, seconds: float) -> None:
        """Count a piece of work."""
        with self._lock:
            self._spans.cell((clean(name),)).observe(max(seconds, 0.0))
        self._tell()

    def observe_lag(self, seconds: float) -> None:
        """Count how late an event loop was."""
        with self._lock:
            self._lag.cell(()).observe(seconds)
