"""What has to be counted of exchanges, said as simply as it can be: for tests to compare with."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from perfkit.errors import IncompleteResponseError
from tests.features.metrics.measured import AppError

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
CANCELLED = asyncio.CancelledError()
STOPPED = IncompleteResponseError()
RAISED = AppError()


@dataclass(frozen=True)
class Visit:
    """One exchange."""

    method: str
    route: str | None
    status: int
    seconds: float
    error: BaseException | None
    gone: bool
    sent: int
    received: int
    stream: bool

    def given(self) -> dict[str, Any]:
        """What `Measured.serve` is given."""
        headers = [("Content-Type", "text/event-stream")] if self.stream else []
        return {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "seconds": self.seconds,
            "error": self.error,
            "disconnected": self.gone,
            "sent": self.sent,
            "received": self.received,
            "headers": headers,
            "body": None if self.stream else b"",
        }


class Model:
    """Counts visits, with nothing but dictionaries."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.sums: dict[tuple[str, ...], float] = {}

    def serve(self, visit: Visit) -> None:
        method = visit.method if visit.method in METHODS else "_OTHER"
        route = visit.route or ""
        status, error = ending(visit)
        code = str(status) if 100 <= status <= 599 else "0"
        band = f"{status // 100}xx" if 100 <= status <= 599 else "0"
        self.counts["http_server_requests_total", error, method, code, route] += 1
        began = visit.status != 0
        if began:
            self.observe("http_server_time_to_first_byte_seconds", visit.seconds / 2, method, band, route)
            self.observe("http_server_response_body_size_bytes", visit.sent, method, route)
        if visit.received:
            self.observe("http_server_request_body_size_bytes", visit.received, method, route)
        if visit.stream and began:
            self.observe("http_server_stream_duration_seconds", visit.seconds, route, outcome(visit))
        else:
            self.observe("http_server_request_duration_seconds", visit.seconds, method, band, route)

    def observe(self, name: str, value: float, *labels: str) -> None:
        self.counts[f"{name}_count", *labels] += 1
        self.sums[f"{name}_sum", *labels] = self.sums.get((f"{name}_sum", *labels), 0.0) + value


def ending(visit: Visit) -> tuple[int, str]:
    name = "" if visit.error is None else type(visit.error).__name__
    if visit.status:
        return visit.status, name
    if visit.error is None:
        return 500, ""
    if visit.gone or visit.error is CANCELLED:
        return 499, ""
    return 500, name


def outcome(visit: Visit) -> str:
    if visit.error is None:
        return "complete"
    return "disconnected" if visit.gone or visit.error is CANCELLED else "error"
