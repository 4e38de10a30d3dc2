"""The list with the N+1 and its twin."""

import httpx
import pytest

pytestmark = pytest.mark.server


def test_naive_and_eager_say_the_same(shop: httpx.Client) -> None:
    assert shop.get("/api/reviews/naive").content == shop.get("/api/reviews/eager").content


def test_the_latest_fifty_come_newest_first(shop: httpx.Client) -> None:
    reviews = shop.get("/api/reviews/eager").json()["reviews"]
    assert len(reviews) == 50
    order = [(review["posted_on"], review["id"]) for review in reviews]
    assert order == sorted(order, reverse=True)


def test_a_review_says_what_it_is_about(shop: httpx.Client) -> None:
    review = shop.get("/api/reviews/naive").json()["reviews"][-1]
    assert review.keys() == {"id", "rating", "text", "author_name", "posted_on", "book", "publisher", "authors"}
    assert review["authors"]
