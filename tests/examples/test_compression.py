"""What the shops send in fewer bytes, whole and streamed, on every server."""

import time
from collections.abc import Iterator

import httpx
import pytest

from bookshop.stock import BOOKS
from tests.features.compression.answers import BROWSER, DECODERS, readable_so_far

from .visitors import get, wire

pytestmark = pytest.mark.server

EXPORT = "/api/books/export.ndjson"
BATCH = 100  # lines of the export, made and sent together
EVENTS = "/api/events?count=3&interval=0.2"


@pytest.mark.parametrize("path", ["/api/books", "/api/reviews/eager", "/books/1", "/files/catalogue.csv", EXPORT])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_body_is_smaller_and_the_same_in_each_coding(shop: httpx.Client, path: str, coding: str) -> None:
    plain, body = get(shop, path)
    coded, packed = get(shop, path, coding)
    expected = None if path == EXPORT and coding == "br" else coding  # it takes too much memory for what stays open
    assert coded.headers.get("content-encoding") == expected
    assert "content-encoding" not in plain.headers
    for response in (plain, coded):
        assert "Accept-Encoding" in response.headers["vary"].split(", ")
    assert DECODERS[expected](packed) == body
    assert len(packed) < 0.8 * len(body) or expected is None


def readable(shop: httpx.Client, path: str, accept: str) -> Iterator[tuple[bytes, float]]:
    """What can be read of a body after each piece of it, and when."""
    body = b""
    for response, piece in wire(shop, path, accept):
        body += piece
        now = time.monotonic()
        coding = response.headers.get("content-encoding")
        assert coding == (None if accept == "identity" else accept if accept != BROWSER else "gzip")
        yield (readable_so_far(coding, body) if coding else body), now


def test_a_browser_gets_the_list_in_a_quarter_of_the_bytes(shop: httpx.Client) -> None:
    response, packed = get(shop, "/api/books", BROWSER)
    assert response.headers["content-encoding"] == "zstd"
    assert 4 * len(packed) < len(get(shop, "/api/books")[1])


@pytest.mark.parametrize("path", ["/api/me", "/api/slow"])
def test_what_is_small_is_left_alone(shop: httpx.Client, path: str) -> None:
    response, _ = get(shop, path, BROWSER)
    assert {"content-encoding", "vary"} & set(response.headers) <= {"vary"}


@pytest.mark.parametrize("accept", ["identity", "gzip", "zstd", BROWSER])
def test_the_export_can_be_read_while_it_is_made(shop: httpx.Client, accept: str) -> None:
    lines = {body.count(b"\n") for body, _ in readable(shop, EXPORT, accept)}
    # Each batch by itself: whoever gathers the stream gives all at once, and a compressor that keeps some lags behind.
    assert lines >= set(range(BATCH, BOOKS + BATCH, BATCH))


@pytest.mark.parametrize("accept", ["identity", "gzip", "zstd", BROWSER])
def test_an_event_can_be_read_before_the_next_is_made(shop: httpx.Client, accept: str) -> None:
    arrivals: dict[int, float] = {}
    for body, now in readable(shop, EVENTS, accept):
        arrivals.setdefault(body.count(b"\n\n"), now)
    assert arrivals.keys() >= {1, 2, 3}
    assert min(arrivals[2] - arrivals[1], arrivals[3] - arrivals[2]) > 0.05
