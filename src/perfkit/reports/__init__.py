"""A receiver for the reports of browsers: CSP violations, and the rest of the Reporting API.

Everybody can send reports, so everything about them is bounded: the bytes read, the reports of a batch, the kinds that
are counted, the lines logged. `ReportReceiver` does no I/O; `perfkit.asgi.reports_app`, `perfkit.wsgi.reports_app` and
`perfkit.django.reports_view` serve it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from perfkit._figure_sources import SOURCES
from perfkit.exchange import CONTENT_TYPE, HeaderName, Reply
from perfkit.feature import Figure
from perfkit.options import Options, convert
from perfkit.reports._bodies import BrokenReportError, Report, batch_reports, legacy_report, split_batch
from perfkit.reports._table import Line, ReportKind, ReportTable

__all__ = ["Report", "ReportKind", "ReportOptions", "ReportReceiver", "ReportTotals"]

logger = logging.getLogger("perfkit")

LEGACY_TYPE: Final = "application/csp-report"
BATCH_TYPE: Final = "application/reports+json"

_METHODS: Final = "POST, OPTIONS"
# Browsers send reports to another origin by CORS (Reporting API section 3.5): first a preflight, as the content type is
# not safelisted, and an answer they may not read counts as a failure, to be tried again. "*" grants nothing: no cookie
# goes with it, and there is nothing to read.
_CORS: Final = {HeaderName("Access-Control-Allow-Origin"): "*"}
# With a type, though there is nothing to it: wsgiref.validate wants one of every answer that may have a body.
_REFUSED: Final = {**_CORS, CONTENT_TYPE: "text/plain; charset=utf-8"}
_PREFLIGHT: Final = {
    **_CORS,
    HeaderName("Access-Control-Allow-Methods"): "POST",
    HeaderName("Access-Control-Allow-Headers"): "Content-Type",
    HeaderName("Access-Control-Max-Age"): "86400",
    HeaderName("Allow"): _METHODS,
}


class ReportOptions(Options, frozen=True, kw_only=True):
    """Options of a receiver of reports.

    Attributes:
        max_body: bytes read of a request; a longer one is answered 413.
        max_reports: reports looked at in one batch; the rest is only counted.
        max_kinds: kinds (type, directive, blocked origin) that get a count of their own; later ones share one.
        log_period: seconds until a kind is logged again, with the number that came meanwhile; 0 logs nothing.
        sample: the share of requests that is looked at, from 0 to 1.
        on_report: called with each `Report` that is counted; an error in it is logged once.
    """

    max_body: Annotated[int, Meta(ge=1, le=16 * 1024 * 1024)] = 64 * 1024
    max_reports: Annotated[int, Meta(ge=1)] = 100
    max_kinds: Annotated[int, Meta(ge=1)] = 1000
    log_period: Annotated[float, Meta(ge=0)] = 3600
    sample: Annotated[float, Meta(ge=0, le=1)] = 1
    on_report: Callable[[Report], Any] | None = None


class ReportTotals(NamedTuple):
    """What became of everything a receiver got.

    Attributes:
        counted: reports in `ReportReceiver.counts`.
        overflow: those of them that found no place of their own there.
        extension: reports that a browser extension caused, dropped.
        malformed: members of batches that are not reports, and requests answered 400.
        beyond_batch: reports of batches beyond `max_reports`, dropped.
        unsampled: requests not looked at, as `sample` has it.
    """

    counted: int
    overflow: int
    extension: int
    malformed: int
    beyond_batch: int
    unsampled: int


class ReportReceiver:
    """Takes the reports of browsers, counts them and logs them, without any I/O.

    A host calls `refuse` with the head of a request and, where that gives nothing, `take` with its body. Both may be
    called on any thread.

    Args:
        values: the options, see `ReportOptions`.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.

    Attributes:
        options: the options in effect.
    """

    def __init__(self, **values: Any) -> None:
        self.options = convert(values, ReportOptions, "reports")
        self._table = ReportTable(self.options.max_kinds, self.options.log_period)
        # Counted without a lock: a lost one among millions is no matter.
        self._extension = self._malformed = self._beyond_batch = self._unsampled = 0
        self._callback_failed = False
        SOURCES.add(self)

    @classmethod
    def shared(cls, receiver: ReportReceiver | None, options: Mapping[str, Any]) -> ReportReceiver:
        """The receiver given, or a new one with these options.

        Raises:
            ConfigurationError: on an option that is unknown or cannot be used.
            TypeError: both a receiver and options are given.
        """
        if receiver is not None and options:
            raise TypeError("give a receiver or options, not both: the receiver has options of its own")
        return cls(**options) if receiver is None else receiver

    def counts(self) -> Mapping[ReportKind, int]:
        """How many reports of each kind came: a copy, with at most `max_kinds` and one more for each type."""
        return self._table.counts()

    def totals(self) -> ReportTotals:
        """What became of everything that came."""
        counted = sum(self._table.counts().values())
        dropped = (self._extension, self._malformed, self._beyond_batch, self._unsampled)
        return ReportTotals(counted, self._table.overflow, *dropped)

    def figures(self) -> list[Figure]:
        """The totals, for metrics."""
        help_ = "Reports of browsers, by what became of them."
        found = self.totals()._asdict()
        del found["overflow"]  # of those counted
        return [Figure("perfkit_reports", n, help_, "counter", {"outcome": name}) for name, n in found.items()]

    def refuse(self, method: str, content_type: str | None, length: str | None) -> Reply | None:
        """The answer to a request whose body need not be read; None for one whose body is wanted.

        Args:
            method: method of the request.
            content_type: its Content-Type.
            length: its Content-Length.
        """
        if method == "OPTIONS":
            return Reply(204, _PREFLIGHT)
        if method != "POST":
            return Reply(405, {**_REFUSED, HeaderName("Allow"): _METHODS})
        if _media_type(content_type) not in (LEGACY_TYPE, BATCH_TYPE):
            return Reply(415, {**_REFUSED, HeaderName("Accept-Post"): f"{LEGACY_TYPE}, {BATCH_TYPE}"})
        if length is not None and not (length.isascii() and length.isdecimal()):
            return self._bad_request()
        if length is not None and self.too_long(length):
            return self.too_large()
        return None

    def too_long(self, length: str) -> bool:
        """Whether a Content-Length, all digits, is above `max_body`."""
        digits = length.lstrip("0")
        return len(digits) > 9 or int(digits or "0") > self.options.max_body  # int() of a long text takes long

    def too_large(self) -> Reply:
        """The answer to a request with more than `max_body` bytes, of which the host read no more."""
        return Reply(413, _REFUSED)

    def no_length(self) -> Reply:
        """The answer to a request that does not tell where its body ends, on a host where nothing else does."""
        return Reply(411, _REFUSED)

    def take(self, content_type: str | None, content: bytes) -> Reply:
        """Take the body of a request that was not refused; gives the answer."""
        if len(content) > self.options.max_body:
            return self.too_large()
        if self.options.sample < 1 and random.random() >= self.options.sample:  # noqa: S311 - no secret
            self._unsampled += 1
            return Reply(204, _CORS)
        try:
            if _media_type(content_type) == LEGACY_TYPE:
                self._add(legacy_report(content))
            else:
                self._take_batch(content)
        except BrokenReportError:
            return self._bad_request()
        return Reply(204, _CORS)

    def _bad_request(self) -> Reply:
        self._malformed += 1
        return Reply(400, _REFUSED)

    def _take_batch(self, content: bytes) -> None:
        members = split_batch(content)
        most = self.options.max_reports
        self._beyond_batch += max(len(members) - most, 0)
        for report in batch_reports(members[:most]):
            if report is None:
                self._malformed += 1
            else:
                self._add(report)

    def _add(self, report: Report) -> None:
        if report.from_extension:
            self._extension += 1
            return
        line = self._table.add(report)
        if line is not None and self.options.log_period:
            _log(line)
        self._call(report)

    def _call(self, report: Report) -> None:
        if self.options.on_report is None:
            return
        try:
            self.options.on_report(report)
        except Exception:
            if not self._callback_failed:
                self._callback_failed = True
                logger.exception("on_report failed; later errors in it are not logged")


def _media_type(content_type: str | None) -> str:
    """A content type without its parameters, in lower case (RFC 9110 section 8.3.1)."""
    return (content_type or "").partition(";")[0].strip().lower()


def _log(line: Line) -> None:
    report = line.report
    logger.warning(
        "browser report: %s %s, blocked %s on %s%s%s",
        line.kind.type,
        line.kind.directive or "-",
        line.kind.blocked or "-",
        report.document or "-",
        "" if report.enforced else " (report only)",
        f"; {line.repeats} more of this kind since the last line" if line.repeats else "",
    )
    if line.last:
        logger.warning("browser reports: too many kinds; others are counted but not logged for now")
