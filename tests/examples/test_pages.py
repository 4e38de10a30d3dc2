"""The pages for people, and what belongs to them."""

import re
from html import unescape

import httpx
import pytest

from bookshop.endpoints import ENDPOINTS
from bookshop.stock import Stock

pytestmark = pytest.mark.server


def test_the_home_page_shows_the_newest_books(shop: httpx.Client, stock: Stock) -> None:
    page = shop.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    newest = sorted(stock.books, key=lambda book: (book["published"], book["id"]), reverse=True)
    positions = [page.text.find(f'<a href="/books/{book["id"]}">{book["title"]}</a>') for book in newest[:12]]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert f"/books/{newest[12]['id']}" not in page.text


def test_the_home_page_names_every_endpoint(shop: httpx.Client) -> None:
    page = unescape(shop.get("/").text)
    assert [endpoint.path for endpoint in ENDPOINTS if endpoint.path not in page] == []


def test_every_link_leads_somewhere(shop: httpx.Client) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and endpoint.path != "/api/slow":  # which has a test of its own, and is slow
            with shop.stream("GET", endpoint.link) as response:
                assert (endpoint.path, response.status_code) == (endpoint.path, 200)


def test_the_home_page_has_inline_style_and_script_and_an_outside_style_sheet(shop: httpx.Client) -> None:
    page = shop.get("/").text
    assert page.count("<style") == page.count("<script") == page.count('rel="stylesheet"') == 1


def test_the_style_sheet_is_served(shop: httpx.Client) -> None:
    response = shop.get("/static/bookshop.css")
    assert response.headers["content-type"].startswith("text/css")
    assert ".books" in response.text


def test_the_page_of_a_book_escapes_and_shows_what_is_known(shop: httpx.Client, stock: Stock) -> None:
    page = shop.get("/books/2").text
    book = stock.books[1]
    publisher = stock.publishers[book["publisher_id"] - 1]
    assert f"<h2>{book['title']}</h2>" in page
    assert publisher["name"].replace("&", "&amp;") in page
    assert book["isbn"] in page
    assert f"€{book['price_cents'] / 100:.2f}" in page
    assert "★" in page


def test_the_page_of_a_book_says_how_to_show_its_card_elsewhere(shop: httpx.Client, stock: Stock) -> None:
    found = re.search(r'<iframe src="([^"]+)">', unescape(shop.get("/books/2").text))
    assert found is not None
    card = shop.get(found[1])
    assert found[1] == str(shop.base_url.join("/books/2/card"))
    assert 'href="' in card.text
    assert stock.books[1]["title"] in unescape(card.text)


@pytest.mark.parametrize("path", ["/books/99999", "/books/99999/card"])
def test_the_page_of_an_unknown_book_is_a_404_for_people(shop: httpx.Client, path: str) -> None:
    page = shop.get(path)
    assert page.status_code == 404
    assert "Not on our shelves" in page.text


def test_pages_answer_head(shop: httpx.Client) -> None:
    for path in ("/", "/books/1", "/books/1/card", "/files/catalogue.csv"):
        response = shop.head(path)
        assert response.status_code == 200
        assert response.content == b""
