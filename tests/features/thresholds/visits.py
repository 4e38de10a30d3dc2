"""Requests that are over, for thresholds to count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfkit import Exchange, Thresholds
from perfkit.feature import Pending
from perfkit.features.thresholds import Report
from tests.features.clock import Clock
from tests.memory_exchange import MemoryExchange


class Watched:
    """A `Thresholds` of one rule, and what it has said."""

    def __init__(self, clock: Clock, **rule: Any) -> None:
        self.clock = clock
        self.reports: list[Report] = []
        self.feature = Thresholds(
            rules=[{"name": "all", **rule}], on_breach=self.reports.append, on_recovery=self.reports.append
        )

    def visit(self, milliseconds: float = 1, times: int = 1, **facts: Any) -> None:
        """Requests one after the other, each taking so long."""
        for _ in range(times):
            visit(self.feature, self.clock, milliseconds, **facts)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds * 1000)

    @property
    def said(self) -> list[tuple[str, bool]]:
        """Of which limits something was said, and whether that they are broken; read once."""
        said = [(report.limit, report.broken) for report in self.reports]
        self.reports.clear()
        return said


def visit(
    feature: Thresholds,
    clock: Clock,
    milliseconds: float = 1,
    *,
    status: int = 200,
    method: str = "GET",
    target: str = "/",
    route: str | None = None,
    error: BaseException | None = None,
    headers: Mapping[str, str] | None = None,
    **attributes: Any,
) -> Exchange:
    """One request, which takes so long, from the begin to the end."""
    exchange = MemoryExchange(method=method, target=target)
    assert feature.on_request(exchange) is None
    clock.advance(milliseconds)
    exchange.status, exchange.route = status, route
    exchange.headers = list((headers or {}).items())
    for name, value in attributes.items():
        setattr(exchange, name, value)
    pending = feature.on_end(exchange, error)
    if isinstance(pending, Pending):
        pending.run()
    return exchange
