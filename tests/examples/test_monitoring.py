"""What both applications tell those who watch them, on every server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.server

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}


def routes(shop: httpx.Client) -> set[str]:
    """The templates of routes that requests were counted by."""
    families = openmetrics(shop.get("/metrics", headers=OPENMETRICS).text)
    requests = next(family for family in families if family.name == "http_server_requests")
    return {sample.labels["http_route"] for sample in requests.samples}


def test_it_lives_and_is_ready(shop: httpx.Client) -> None:
    for path in ("/health/live", "/health/ready", "/health"):
        response = shop.get(path)
        assert (response.status_code, response.json()["status"]) == (200, "pass"), path


def test_its_database_is_looked_at(shop: httpx.Client) -> None:
    checks = shop.get("/health").json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {"database": "pass", "disk": "pass"}
    assert shop.get("/health", headers=OUTSIDE).json() == {"status": "pass"}


def test_metrics_can_be_read(shop: httpx.Client) -> None:
    shop.get("/books/1")
    names = {family.name for family in text(shop.get("/metrics").text)}
    assert {"http_server_requests", "http_server_request_duration_seconds", "python_info"} <= names


def test_metrics_are_by_route(shop: httpx.Client) -> None:
    for path in ("/books/1", "/books/2", "/api/books/3", "/static/bookshop.css", "/nowhere", "/elsewhere"):
        for _ in range(8):  # of two workers each has some
            shop.get(path, headers={"Connection": "close"})
    found = {route.rstrip("/") for route in routes(shop)}
    assert not {"/books/1", "/nowhere", "/static/bookshop.css"} & found
    assert any(route.startswith("/api/books/") and route != "/api/books" for route in found)
    assert "" in found


def test_metrics_are_not_told_outside(shop: httpx.Client) -> None:
    response = shop.get("/metrics", headers=OUTSIDE)
    assert response.status_code == 404
    assert "http_server" not in response.text
