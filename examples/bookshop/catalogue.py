"""The printed catalogue: one CSV file, made once and then served as a download."""

import csv
from io import StringIO
from pathlib import Path

from .home import write_once
from .stock import Stock, make_stock

FILENAME = "catalogue.csv"
COLUMNS = ("id", "title", "isbn", "authors", "publisher", "price", "published")


def catalogue_file() -> Path:
    """The path of the catalogue, which is written by the first call on this machine (some 0.3 s)."""
    return write_once(FILENAME, lambda: _as_csv(make_stock()))


def _as_csv(stock: Stock) -> str:
    publishers = {row["id"]: row["name"] for row in stock.publishers}
    names = {row["id"]: row["name"] for row in stock.authors}
    authors: dict[int, list[str]] = {}
    for link in stock.book_authors:
        authors.setdefault(link["book_id"], []).append(names[link["author_id"]])

    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for book in stock.books:
        writer.writerow(
            (
                book["id"],
                book["title"],
                book["isbn"],
                "; ".join(authors[book["id"]]),
                publishers[book["publisher_id"]],
                f"{book['price_cents'] / 100:.2f}",
                book["published"].isoformat(),
            )
        )
    return text.getvalue()
