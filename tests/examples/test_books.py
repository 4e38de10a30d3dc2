"""Books as JSON, from both applications: the same bytes, made of the same stock."""

import json
from typing import Any

import httpx
import pytest

from bookshop.stock import BOOKS, Stock

pytestmark = pytest.mark.server


def summaries(stock: Stock) -> list[dict[str, Any]]:
    """What the list must say about each book, straight from the rows."""
    publishers = {row["id"]: row["name"] for row in stock.publishers}
    authors = {row["id"]: row["name"] for row in stock.authors}
    tags = {row["id"]: row["name"] for row in stock.tags}
    authors_of: dict[int, list[str]] = {book["id"]: [] for book in stock.books}
    tags_of: dict[int, list[str]] = {book["id"]: [] for book in stock.books}
    for row in stock.book_authors:
        authors_of[row["book_id"]].append(authors[row["author_id"]])
    for row in stock.book_tags:
        tags_of[row["book_id"]].append(tags[row["tag_id"]])
    return [
        {
            "id": book["id"],
            "title": book["title"],
            "isbn": book["isbn"],
            "price_cents": book["price_cents"],
            "published": book["published"].isoformat(),
            "publisher": publishers[book["publisher_id"]],
            "authors": authors_of[book["id"]],
            "tags": tags_of[book["id"]],
        }
        for book in stock.books
    ]


def compact(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_list_is_the_stock_byte_for_byte(shop: httpx.Client, stock: Stock) -> None:
    response = shop.get("/api/books", params={"limit": 2_000})
    assert response.headers["content-type"] == "application/json"
    assert response.content == compact({"total": BOOKS, "limit": 2_000, "offset": 0, "books": summaries(stock)})


def test_a_default_page_is_large_enough_to_be_worth_compressing(shop: httpx.Client) -> None:
    response = shop.get("/api/books")
    assert len(response.json()["books"]) == 100
    assert 20_000 < len(response.content) < 25_000


def test_a_page_starts_at_its_offset(shop: httpx.Client) -> None:
    books = shop.get("/api/books", params={"limit": 3, "offset": 1_998}).json()["books"]
    assert [book["id"] for book in books] == [1_999, 2_000]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/books?limit=0", "limit"),
        ("/api/books?limit=2001", "limit"),
        ("/api/books?limit=many", "limit"),
        ("/api/books?offset=-1", "offset"),
        ("/api/events?count=0", "count"),
        ("/api/events?count=1001", "count"),
        ("/api/events?interval=-0.1", "interval"),
        ("/api/events?interval=5.1", "interval"),
        ("/api/events?interval=nan", "interval"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(shop: httpx.Client, path: str, field: str) -> None:
    response = shop.get(path)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"{field}: ")


def test_a_book_has_its_reviews(shop: httpx.Client, stock: Stock) -> None:
    book = shop.get("/api/books/2").json()
    assert {name: book[name] for name in summaries(stock)[1]} == summaries(stock)[1]
    assert book["description"] == stock.books[1]["description"]
    expected = sorted(
        (row for row in stock.reviews if row["book_id"] == 2),
        key=lambda row: (row["posted_on"], row["id"]),
        reverse=True,
    )
    assert [review["id"] for review in book["reviews"]] == [row["id"] for row in expected]
    assert book["reviews"][0].keys() == {"id", "rating", "text", "author_name", "posted_on"}


def test_an_unknown_book_is_a_404_in_json(shop: httpx.Client) -> None:
    response = shop.get("/api/books/99999")
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no book 99999"}


def test_the_export_is_every_book_on_a_line_of_its_own(shop: httpx.Client, stock: Stock) -> None:
    response = shop.get("/api/books/export.ndjson")
    assert response.headers["content-type"].partition(";")[0] == "application/x-ndjson"
    assert response.content == b"".join(compact(book) + b"\n" for book in summaries(stock))


def test_the_slow_query_is_a_query_and_slow(shop: httpx.Client) -> None:
    response = shop.get("/api/slow")
    assert response.json() == {"sales": 1_500_000, "checksum": 4_500_000}
    assert response.elapsed.total_seconds() > 0.1
