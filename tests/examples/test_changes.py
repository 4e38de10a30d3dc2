"""Changing a review that somebody else may be changing too, on every server."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bookshop.stock import DEMO_REVIEW, Stock

from .visitors import get

pytestmark = pytest.mark.server

OWN = f"/api/reviews/{DEMO_REVIEW}"
FOREIGN = f"/api/reviews/{DEMO_REVIEW + 1}"
CHANGE = {"rating": 2, "text": "On second thoughts, the map leads nowhere."}
LONG = {"rating": 3, "text": "A map of all I had forgotten. " * 30}
STALE = {"If-Match": '"v0"'}


def change(shop: httpx.Client, etag: str, review: dict[str, Any] = CHANGE) -> httpx.Response:
    return shop.put(OWN, json=review, headers={"If-Match": etag})


def test_a_review_has_an_etag_of_its_own(shop: httpx.Client, stock: Stock) -> None:
    response = shop.get(FOREIGN)
    assert response.headers["etag"] == '"v1"'
    row = stock.reviews[DEMO_REVIEW]
    assert response.json() == {
        "id": row["id"],
        "rating": row["rating"],
        "text": row["text"],
        "author_name": row["author_name"],
        "posted_on": row["posted_on"].isoformat(),
    }


def test_reading_heeds_conditions(shop: httpx.Client) -> None:
    assert shop.get(FOREIGN, headers={"If-None-Match": '"v1"'}).status_code == 304
    assert shop.get(FOREIGN, headers={"If-None-Match": '"v0"'}).status_code == 200
    assert shop.get(FOREIGN, headers=STALE).status_code == 412


def test_the_second_of_two_changes_is_refused(reader: httpx.Client) -> None:
    etag = reader.get(OWN).headers["etag"]
    first = change(reader, etag)
    assert first.status_code == 200
    assert first.json()["text"] == CHANGE["text"]
    second = change(reader, etag, {**CHANGE, "rating": 5})
    assert second.status_code == 412
    now = reader.get(OWN)
    assert now.json() == first.json()
    assert now.headers["etag"] == first.headers["etag"] != etag


def test_a_change_for_no_version_is_refused(reader: httpx.Client) -> None:
    before = reader.get(OWN)
    refused = reader.put(OWN, json=LONG)
    assert refused.status_code == 428
    assert "If-Match" in refused.text
    assert reader.get(OWN).content == before.content


def test_the_etag_of_a_compressed_review_protects_it_too(reader: httpx.Client) -> None:
    assert change(reader, reader.get(OWN).headers["etag"], LONG).status_code == 200
    etag = get(reader, OWN, "gzip")[0].headers["etag"]
    assert etag.endswith('-gzip"')
    assert change(reader, etag).status_code == 200
    assert change(reader, etag).status_code == 412


def test_of_many_changes_at_once_one_is_made(reader: httpx.Client) -> None:
    etag = reader.get(OWN).headers["etag"]
    ratings = [1, 2, 3, 4, 5, 1, 2, 3]
    with ThreadPoolExecutor(len(ratings)) as threads:
        answers = list(threads.map(lambda rating: change(reader, etag, {**CHANGE, "rating": rating}), ratings))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 7}
    made = next(answer for answer in answers if answer.status_code == 200)
    assert reader.get(OWN).json() == made.json()


@pytest.mark.parametrize("headers", [{}, STALE])
def test_who_may_not_change_it_learns_nothing_of_versions(reader: httpx.Client, headers: dict[str, str]) -> None:
    assert reader.put(FOREIGN, json=CHANGE, headers=headers).status_code == 403
    assert reader.put("/api/reviews/99999", json=CHANGE, headers=headers).status_code == 404
    reader.cookies.clear()
    assert reader.put(OWN, json=CHANGE, headers=headers).status_code == 401


def test_a_bad_change_is_refused_by_name(reader: httpx.Client) -> None:
    refused = change(reader, "*", {**CHANGE, "rating": 6})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("rating: ")
    assert reader.put(OWN, content="rating=5", headers={"If-Match": "*"}).status_code == 415
