"""The feature: it watches what requests take and how many fail, and says so where that is too much."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

from perfkit.exchange import CONTENT_TYPE, Exchange
from perfkit.feature import Figure, Pending, Position
from perfkit.features.thresholds._options import Severity, ThresholdsOptions
from perfkit.features.thresholds._report import Report
from perfkit.features.thresholds._watch import Watch
from perfkit.options import ConfiguredFeature

logger = logging.getLogger("perfkit.thresholds")

LEVELS: Final[dict[Severity, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "critical": logging.CRITICAL,
}


class Thresholds(ConfiguredFeature[ThresholdsOptions]):
    """Logs where responses take longer than its rules allow, or too many fail. Off unless it has a section.

    What it says goes to the logger ``perfkit.thresholds``, and to the hooks. On an event loop these are called on a
    thread, when the response is over; elsewhere on the thread of the request. Each process counts for itself.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Thresholds(rules=[{"name": "all", "p95": "300ms"}])``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "thresholds"
    position = Position.METRICS + 10
    enabled = False
    observer = True
    meters = True  # tells whether the client was gone
    Options = ThresholdsOptions

    def __init__(self, options: ThresholdsOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        now = perf_counter()
        self._watches = [Watch(rule, now) for rule in self.options.rules]
        self._streams = frozenset(self.options.streams)
        self._failed: set[str] = set()

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None] | None:
        now = perf_counter()
        seconds = None if self._is_stream(exchange) else now - exchange.started
        failed = exchange.status >= 500 or (isinstance(error, Exception) and not exchange.disconnected)
        reports: list[Report] = []
        for watch in self._watches:
            if watch.fits(exchange):
                reports += watch.count(exchange, seconds, now, failed=failed)
        return self._say(reports) if reports else None

    def figures(self) -> list[Figure]:
        now = perf_counter()
        return [figure for watch in self._watches for figure in watch.figures(now)]

    def _is_stream(self, exchange: Exchange) -> bool:
        content_type = exchange.response_header(CONTENT_TYPE)
        return content_type is not None and content_type.partition(";")[0].strip().lower() in self._streams

    def _say(self, reports: list[Report]) -> Pending[None] | None:
        for report in reports:
            level = LEVELS[report.severity]
            # Good news wakes nobody, and is seen where the bad news was.
            logger.log(level if report.broken else min(level, logging.WARNING), "%s", report)
        hooks = self.options.on_breach, self.options.on_recovery
        return None if hooks == (None, None) else Pending(partial(self._call, reports))

    def _call(self, reports: list[Report]) -> None:
        for report in reports:
            name = "on_breach" if report.broken else "on_recovery"
            hook: Callable[[Report], object] | None = getattr(self.options, name)
            if hook is None:
                continue
            try:
                hook(report)
            except Exception:
                if name not in self._failed:
                    self._failed.add(name)
                    logger.exception("thresholds.%s failed; later errors of it are not logged", name)
