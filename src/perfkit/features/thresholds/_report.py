"""What is said when a limit is broken, and when it holds again."""

from __future__ import annotations

from typing import NamedTuple

from perfkit.features.thresholds._options import Severity
from perfkit.features.thresholds._quantities import duration_text, share_text


class Report(NamedTuple):
    """How one limit of a rule stands. Nothing in it comes from a client.

    Attributes:
        rule: the name of the rule.
        limit: ``"p50"``, ``"p95"``, ``"p99"``, ``"error_rate"`` or ``"slow"``.
        measured: what was found: seconds, percentiles to within 2.5 % of them; for ``"error_rate"`` a share, 0.05.
        allowed: what the limit is, likewise.
        requests: of how many requests this is said; for ``"slow"``, how many were too slow since it was last said.
        window: how far back those go, in seconds.
        severity: of the rule.
        broken: whether the limit is broken; else it holds again.
        route: for ``"slow"``, the template of the route, if there is one.
    """

    rule: str
    limit: str
    measured: float
    allowed: float
    requests: int
    window: float
    severity: Severity
    broken: bool
    route: str | None = None

    def __str__(self) -> str:
        """A line for the log."""
        return f"threshold {self.rule!r} {'broken' if self.broken else 'holds again'}: {self._figures()}"

    def _figures(self) -> str:
        if self.limit == "slow":
            where = f"to {self.route}" if self.route else "without a route"
            more = f" ({self.requests} since this was last said)" if self.requests > 1 else ""
            took = f"took {duration_text(self.measured)}, more than {duration_text(self.allowed)}"
            return f"a request {where} {took}{more}"
        text = share_text if self.limit == "error_rate" else duration_text
        between = "more than" if self.broken else "limit"
        among = f"of {self.requests} requests in {duration_text(self.window)}"
        return f"{self.limit} is {text(self.measured)}, {between} {text(self.allowed)} ({among})"
