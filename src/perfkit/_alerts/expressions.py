"""What several alerts ask."""

from __future__ import annotations

from typing import Final

from perfkit._alerts.naming import Matcher, Naming
from perfkit.features.metrics._series import DURATION, ERROR_TYPE, REQUESTS, STATUS

# Errors by which a response ended that had begun, since its client had gone: nothing failed.
GONE: Final = (
    "BrokenPipeError",
    "Cancelled",
    "CancelledError",
    "ClientDisconnect",
    "ConnectionResetError",
    "GeneratorExit",
    "IncompleteResponseError",
)


def error_share(naming: Naming, window: str, *matchers: Matcher) -> str:
    """The share of requests that failed: with a status from 500 up, or after their response had begun."""
    answered = naming.select(REQUESTS, *matchers, Matcher(STATUS, "=~", "5.."))
    broken_off = naming.select(REQUESTS, *matchers, Matcher(ERROR_TYPE, "!~", "|".join(("", *GONE))))
    return (
        f"sum by (job) (rate({answered}[{window}]) or rate({broken_off}[{window}]))\n"
        f"/ sum by (job) (rate({naming.select(REQUESTS, *matchers)}[{window}]))"
    )


def enough_requests(naming: Naming, window: str, minimum: int, *matchers: Matcher) -> str:
    """Only where there were so many requests."""
    return f"and sum by (job) (increase({naming.select(REQUESTS, *matchers)}[{window}])) >= {minimum}"


def enough_durations(naming: Naming, window: str, minimum: int, *matchers: Matcher) -> str:
    """Only where the durations of so many requests are known: event streams have none."""
    counted = naming.select(DURATION, *matchers, suffix="_count")
    return f"and sum by (job) (increase({counted}[{window}])) >= {minimum}"
