"""What perfkit adds to both applications, on every server."""

import re

import httpx
import pytest

pytestmark = pytest.mark.server

EVERYWHERE = [
    "/",
    "/api/books",
    "/api/books/1",
    "/api/books/export.ndjson",
    "/api/events?count=1",
    "/files/catalogue.csv",
    "/static/bookshop.css",
    "/nowhere",
]


def entries(response: httpx.Response) -> dict[str, str]:
    """Server-Timing by name, with the text of each entry's parameters."""
    return dict(entry.partition(";")[::2] for entry in response.headers["server-timing"].split(", "))


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_response_tells_its_time_and_has_the_security_headers(shop: httpx.Client, path: str) -> None:
    response = shop.get(path)
    assert re.fullmatch(r"dur=\d+\.\d", entries(response)["total"])
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "strict-transport-security" not in response.headers  # this is http


@pytest.mark.parametrize(
    ("path", "spans"),
    [
        ("/api/books", {"compress", "database", "shape"}),
        ("/api/reviews/naive", {"compress", "reviews"}),
        ("/api/reviews/eager", {"compress", "reviews"}),
        ("/api/slow", {"report"}),
    ],
)
def test_spans_are_told_to_those_on_the_machine(shop: httpx.Client, path: str, spans: set[str]) -> None:
    assert entries(shop.get(path)).keys() == {"total", *spans}


def test_spans_are_kept_from_those_behind_a_proxy(shop: httpx.Client) -> None:
    response = shop.get("/api/books", headers={"X-Forwarded-For": "203.0.113.9"})
    assert entries(response).keys() == {"total"}


def test_a_slow_query_shows_in_its_span(shop: httpx.Client) -> None:
    timing = entries(shop.get("/api/slow"))
    duration = float(timing["report"].partition(";")[0].removeprefix("dur="))
    assert 0 < duration <= float(timing["total"].removeprefix("dur="))
