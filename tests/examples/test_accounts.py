"""Logging in and out, and what only readers with an account may do."""

import time

import httpx
import pytest

from bookshop.stock import DEMO_USERNAME

from .visitors import CREDENTIALS, log_in

pytestmark = pytest.mark.server

REVIEW = {"rating": 4, "text": "A map of all I had forgotten, with naïve and honest drawings. ★"}


def test_a_stranger_is_nobody(shop: httpx.Client) -> None:
    assert shop.get("/api/me").json() == {"username": None}


def test_a_login_lasts_over_connections_and_workers(reader: httpx.Client) -> None:
    for _ in range(6):
        answer = reader.get("/api/me", headers={"connection": "close"})
        assert answer.json() == {"username": DEMO_USERNAME}


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(login: httpx.Response) -> None:
    cookies = login.headers.get_list("set-cookie")
    session = next(cookie.lower() for cookie in cookies if cookie.startswith("session"))
    assert "httponly" in session
    assert "samesite=lax" in session


def test_logging_out_ends_the_session(shop: httpx.Client) -> None:
    log_in(shop)
    assert shop.post("/api/logout").json() == {"username": None}
    assert shop.get("/api/me").json() == {"username": None}
    assert shop.post("/api/books/1/reviews", json=REVIEW).status_code == 401


@pytest.mark.parametrize(
    "credentials",
    [{**CREDENTIALS, "password": "wrong"}, {**CREDENTIALS, "username": "nobody"}],
    ids=["password", "name"],
)
def test_wrong_credentials_are_refused_without_saying_which(shop: httpx.Client, credentials: dict[str, str]) -> None:
    response = shop.post("/api/login", json=credentials)
    assert response.status_code == 401
    assert response.json() == {"detail": "wrong username or password"}
    assert "set-cookie" not in response.headers


def test_a_burst_of_wrong_passwords_is_refused_and_right_ones_do_not_count(shop: httpx.Client) -> None:
    wrong = {**CREDENTIALS, "password": "guess"}
    refused = shop.post("/api/login", json=wrong)
    for _ in range(40):
        if refused.status_code == 429:
            break
        assert refused.status_code == 401
        refused = shop.post("/api/login", json=wrong)
    assert refused.status_code == 429
    assert refused.json()["violated-policies"] == ["wrong-logins"]
    time.sleep(float(refused.headers["retry-after"]))
    for _ in range(3):
        assert shop.post("/api/login", json=CREDENTIALS).status_code == 200


@pytest.mark.parametrize("body", ["", "{", "[1]", '"reader"', "{}", '{"username": "reader"}'])
def test_a_login_that_is_no_login_is_refused(shop: httpx.Client, body: str) -> None:
    response = shop.post("/api/login", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert isinstance(response.json()["detail"], str)


def test_a_form_of_another_site_cannot_log_in(shop: httpx.Client) -> None:
    # text/plain is what a hostile form can send across sites without asking first.
    body = '{"username": "reader", "password": "reader"}'
    response = shop.post("/api/login", content=body, headers={"content-type": "text/plain"})
    assert response.status_code == 415
    assert shop.post("/api/login", data=CREDENTIALS).status_code == 415


def test_a_review_needs_a_login(shop: httpx.Client) -> None:
    response = shop.post("/api/books/1/reviews", json=REVIEW)
    assert response.status_code == 401
    assert response.json() == {"detail": "log in first"}


def test_a_review_is_signed_and_shown_first(reader: httpx.Client) -> None:
    response = reader.post("/api/books/11/reviews", json={**REVIEW, "text": f"  {REVIEW['text']} "})
    assert response.status_code == 201
    review = response.json()
    assert review["author_name"] == DEMO_USERNAME
    assert (review["rating"], review["text"]) == (REVIEW["rating"], REVIEW["text"])
    assert reader.get("/api/books/11").json()["reviews"][0] == review
    assert reader.get("/api/reviews/eager").json()["reviews"][0]["id"] == review["id"]
    assert "naïve and honest drawings. ★" in reader.get("/books/11").text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": "many"}, "rating"),
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": "x" * 2_001}, "text"),
    ],
)
def test_a_bad_review_is_refused_by_name(reader: httpx.Client, change: dict[str, object], field: str) -> None:
    response = reader.post("/api/books/1/reviews", json={**REVIEW, **change})
    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"{field}: ")


def test_a_book_that_is_not_there_cannot_be_reviewed(reader: httpx.Client) -> None:
    assert reader.post("/api/books/99999/reviews", json=REVIEW).status_code == 404


def test_a_post_only_address_answers_nothing_else(shop: httpx.Client) -> None:
    for path in ("/api/login", "/api/logout", "/api/books/1/reviews"):
        assert shop.get(path).status_code == 405
