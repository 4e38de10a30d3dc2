"""Responses that must leave while they are being made."""

import csv
import time

import httpx
import pytest

from bookshop.stock import Stock

pytestmark = pytest.mark.server


def test_events_arrive_one_by_one(shop: httpx.Client) -> None:
    with shop.stream("GET", "/api/events?count=3&interval=0.2") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        arrivals = [time.monotonic() for line in response.iter_lines() if line.startswith("data: ")]
    assert len(arrivals) == 3
    # A server or a middleware that gathers the stream delivers them all at once.
    assert arrivals[2] - arrivals[0] > 0.3


def test_events_are_numbered_and_the_same_everywhere(shop: httpx.Client) -> None:
    assert shop.get("/api/events?count=2&interval=0").text == (
        'event: sale\nid: 1\ndata: {"sale":1,"book_id":276,"copies":5}\n\n'
        'event: sale\nid: 2\ndata: {"sale":2,"book_id":1958,"copies":1}\n\n'
    )


def test_a_visitor_may_leave_in_the_middle_of_a_stream(shop: httpx.Client) -> None:
    for path in ("/api/events?count=1000&interval=0.01", "/api/books/export.ndjson", "/files/catalogue.csv"):
        with shop.stream("GET", path) as response:
            next(response.iter_raw())
    assert shop.get("/api/me").status_code == 200


def test_the_export_is_not_measured_in_advance(shop: httpx.Client) -> None:
    with shop.stream("GET", "/api/books/export.ndjson") as response:
        assert "content-length" not in response.headers


def test_the_catalogue_is_a_file_to_save(shop: httpx.Client, stock: Stock) -> None:
    response = shop.get("/files/catalogue.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="catalogue.csv"'
    rows = list(csv.DictReader(response.text.splitlines()))
    assert [row["title"] for row in rows] == [book["title"] for book in stock.books]
    assert rows[0]["price"] == f"{stock.books[0]['price_cents'] / 100:.2f}"
