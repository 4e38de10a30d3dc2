"""The stock of the shop as rows: 40 publishers, 300 authors, 2,000 books, 6,000 reviews, the same on every machine.

The rows are named after the columns both applications give their tables, so that either ORM inserts them as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, TypeAlias

from . import words
from .prose import Writer

Row: TypeAlias = dict[str, Any]

# Raise it when the rows or the tables change: a new version lives in a new folder (home.py), so no old database is met.
VERSION = 2

PUBLISHERS = 40
AUTHORS = 300
BOOKS = 2_000
REVIEWS = 6_000

DEMO_USERNAME = "reader"
DEMO_PASSWORD = "reader"
DEMO_REVIEW = 1  # the number of a review by that user, to try out changes with

_SEED = 8_128
_FIRST_DAY = date(1990, 1, 1)
_LAST_BOOK = date(2025, 6, 30)
_LAST_REVIEW = date(2025, 12, 31)


@dataclass(frozen=True, slots=True)
class Stock:
    """Every row of the shop, by table, parents before children."""

    publishers: list[Row]
    authors: list[Row]
    tags: list[Row]
    books: list[Row]
    book_authors: list[Row]
    book_tags: list[Row]
    reviews: list[Row]


def make_stock() -> Stock:
    """Make the shop's rows. Takes some 0.2 s, and nothing from outside: no clock, no network, no hash order."""
    random = Random(_SEED)
    writer = Writer(random)
    books = _books(random, writer)
    return Stock(
        publishers=_publishers(random, writer),
        authors=[{"id": key, "name": name} for key, name in enumerate(_unique(writer.person, AUTHORS), 1)],
        tags=[{"id": key, "name": name} for key, name in enumerate(words.TAGS, 1)],
        books=books,
        book_authors=_links(random, books, "author_id", AUTHORS, most=2),
        book_tags=_links(random, books, "tag_id", len(words.TAGS), most=3),
        reviews=_reviews(random, writer, books),
    )


def _publishers(random: Random, writer: Writer) -> list[Row]:
    return [
        {"id": key, "name": name, "city": writer.place(), "founded": random.randint(1820, 1989)}
        for key, name in enumerate(_unique(writer.house, PUBLISHERS), 1)
    ]


def _books(random: Random, writer: Writer) -> list[Row]:
    days = (_LAST_BOOK - _FIRST_DAY).days
    return [
        {
            "id": key,
            "publisher_id": random.randint(1, PUBLISHERS),
            "title": title,
            "isbn": _isbn(key),
            "price_cents": random.randrange(599, 4_999, 50),
            "published": _FIRST_DAY + timedelta(days=random.randint(0, days)),
            "description": writer.blurb(),
        }
        for key, title in enumerate(_unique(writer.title, BOOKS), 1)
    ]


def _links(random: Random, books: list[Row], column: str, targets: int, *, most: int) -> list[Row]:
    """Rows of a many-to-many table: each book is joined to between one and `most` targets."""
    return [
        {"book_id": book["id"], column: target}
        for book in books
        for target in sorted(random.sample(range(1, targets + 1), k=random.randint(1, most)))
    ]


def _reviews(random: Random, writer: Writer, books: list[Row]) -> list[Row]:
    rows = []
    for key in range(1, REVIEWS + 1):
        book = random.choice(books)
        days = min(900, (_LAST_REVIEW - book["published"]).days)
        rating, text = writer.review()
        reader = writer.reader()
        rows.append(
            {
                "id": key,
                "book_id": book["id"],
                "rating": rating,
                "text": text,
                "author_name": DEMO_USERNAME if key == DEMO_REVIEW else reader,
                "posted_on": book["published"] + timedelta(days=random.randint(1, days)),
            }
        )
    return rows


def _unique(write: Callable[[], str], count: int) -> list[str]:
    """`count` different texts, in the order in which they were written."""
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[write()] = None
    return list(texts)


def _isbn(number: int) -> str:
    """A well-formed ISBN-13; the last digit checks the others (ISO 2108)."""
    digits = f"97890{number * 37 % 10_000_000:07d}"
    total = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
