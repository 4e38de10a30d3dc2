"""What the demo reads of the endpoints for those who watch an application."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import httpx

ROUTES = 12
REQUESTS = "http_server_request_duration_seconds_count"
SECONDS = "http_server_request_duration_seconds_sum"
SIZE = "http_server_response_body_size_bytes_sum"


class Measured(NamedTuple):
    """What was measured of a route; the time and the size of its responses on average."""

    route: str
    requests: int
    milliseconds: float
    size: float


class Checked(NamedTuple):
    """What a health check says."""

    name: str
    status: str
    milliseconds: float


def most_asked(client: httpx.Client, base: str) -> list[Measured]:
    """The routes with the most requests, as a scrape has them."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for family in text_string_to_metric_families(client.get(f"{base}/metrics").text):
        for sample in family.samples:
            if sample.name in (REQUESTS, SECONDS, SIZE):
                sums[sample.labels["http_route"]][sample.name] += sample.value
    measured = [
        Measured(route, int(each[REQUESTS]), each[SECONDS] / each[REQUESTS] * 1e3, each[SIZE] / each[REQUESTS])
        for route, each in sums.items()
        if each[REQUESTS]
    ]
    return sorted(measured, key=lambda each: -each.requests)[:ROUTES]


def checks(client: httpx.Client, base: str) -> list[Checked]:
    """The verdict of each check, and of all together."""
    health = client.get(f"{base}/health").json()
    found = [Checked(name, each["status"], each["duration_ms"]) for name, each in health["checks"].items()]
    return [Checked("all", health["status"], sum(each.milliseconds for each in found)), *found]
