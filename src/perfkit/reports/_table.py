"""How often each kind of report came, and when to say so again: bounded, whatever is sent."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from perfkit.reports._bodies import OTHER, TYPES, Report

# Lines a period, over all kinds: a table's worth of kinds that nobody ever saw before must not fill a disk either.
MAX_LINES: Final = 100


class ReportKind(NamedTuple):
    """What reports are counted by. Each part has few values, so that they can be labels of a metric.

    Attributes:
        type: type of the report.
        directive: the directive, feature or identifier it is about.
        blocked: origin of what was blocked, or a word such as ``"inline"``.
    """

    type: str
    directive: str
    blocked: str


class Line(NamedTuple):
    """A line to log: `repeats` reports of the kind came since its last one."""

    kind: ReportKind
    report: Report
    repeats: int
    last: bool  # of this period: the rest is only counted


class _Row:
    __slots__ = ("count", "logged", "next_line")

    def __init__(self) -> None:
        self.count = 0
        self.logged = 0  # the count when a line was written last
        self.next_line = 0.0


class ReportTable:
    """Counts by kind, and the pace of the log.

    Args:
        max_kinds: kinds that get a count of their own. Later ones share one for each type.
        log_period: seconds from one line of a kind to its next.
    """

    def __init__(self, max_kinds: int, log_period: float) -> None:
        self._max_kinds = max_kinds
        self._log_period = log_period
        self._lock = Lock()
        self._rows: dict[ReportKind, _Row] = {}
        self._shared = {type_: ReportKind(type_, OTHER, OTHER) for type_ in (*TYPES, OTHER)}
        self._lines_left = MAX_LINES
        self._lines_until = 0.0
        self.overflow = 0

    def add(self, report: Report) -> Line | None:
        """Count a report; gives the line to log, if it is time for one."""
        kind = ReportKind(report.type, report.directive, report.blocked_origin)
        with self._lock:
            row = self._rows.get(kind)
            if row is None:
                kind, row = self._new_row(kind)
            row.count += 1
            return self._line(kind, row, report)

    def counts(self) -> Mapping[ReportKind, int]:
        """How many reports of each kind were counted, as it is now."""
        with self._lock:
            return {kind: row.count for kind, row in self._rows.items()}

    def _new_row(self, kind: ReportKind) -> tuple[ReportKind, _Row]:
        # A shared kind is always let in: there is one for each type.
        if len(self._rows) >= self._max_kinds and kind != self._shared[kind.type]:
            self.overflow += 1
            kind = self._shared[kind.type]
        return kind, self._rows.setdefault(kind, _Row())

    def _line(self, kind: ReportKind, row: _Row, report: Report) -> Line | None:
        now = monotonic()
        if now < row.next_line or not self._may_write(now):
            return None
        line = Line(kind, report, row.count - row.logged - 1, last=not self._lines_left)
        row.logged = row.count
        row.next_line = now + self._log_period
        return line

    def _may_write(self, now: float) -> bool:
        if now >= self._lines_until:
            self._lines_left = MAX_LINES
            self._lines_until = now + self._log_period
        if not self._lines_left:
            return False
        self._lines_left -= 1
        return True
