"""What the shops do not send twice, and how long it may be kept, on every server."""

import httpx
import pytest

from tests.features.compression.answers import BROWSER, DECODERS

from .visitors import get

pytestmark = pytest.mark.server

# Headers that say something of one answer, or of a body, which a 304 has none of.
NOT_IN_A_304 = {
    *("content-encoding", "content-length", "content-type", "date", "server-timing", "transfer-encoding"),
    # They come by content type; those of the stored response stay in force.
    *("content-security-policy", "cross-origin-resource-policy"),
}
STYLE = "/static/bookshop.css"
CATALOGUE = "/files/catalogue.csv"


@pytest.mark.parametrize("accept", ["identity", BROWSER])
@pytest.mark.parametrize("path", ["/books/1", "/api/books", "/api/books/1", "/api/reviews/1", "/api/reviews/eager"])
def test_what_has_not_changed_is_not_sent_again(shop: httpx.Client, path: str, accept: str) -> None:
    first, _ = get(shop, path, accept)
    again, body = get(shop, path, accept, If_None_Match=first.headers["etag"])
    assert (again.status_code, body) == (304, b"")
    kept = {name: value for name, value in first.headers.items() if name not in NOT_IN_A_304}
    assert kept.keys() >= {"etag", "cache-control", "x-content-type-options", "x-frame-options"}
    assert {name: again.headers.get(name) for name in kept} == kept


def test_an_etag_that_no_longer_holds_brings_the_whole(shop: httpx.Client) -> None:
    response, body = get(shop, "/api/books", If_None_Match='W/"of-yesterday"')
    assert response.status_code == 200
    assert body == get(shop, "/api/books")[1]


def test_a_page_with_a_nonce_is_new_each_time(shop: httpx.Client) -> None:
    assert "etag" not in get(shop, "/")[0].headers


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/", "no-cache, private"),  # it has a nonce
        ("/books/1", "no-cache"),
        (CATALOGUE, "no-cache"),
        (STYLE, "public, max-age=3600"),
        ("/api/books", "private, no-cache"),
        ("/api/me", "private, no-cache"),
        ("/api/events?count=1", "no-store"),  # the view says so itself
        ("/nowhere", "no-cache"),
    ],
)
def test_each_response_says_how_long_it_may_be_kept(shop: httpx.Client, path: str, value: str) -> None:
    assert get(shop, path)[0].headers["cache-control"] == value


def test_a_file_that_is_missing_is_not_kept(shop: httpx.Client) -> None:
    response, _ = get(shop, "/static/old.css")
    assert response.status_code == 404
    assert "cache-control" not in response.headers


@pytest.mark.parametrize("path", [STYLE, CATALOGUE])
@pytest.mark.parametrize("accept", ["identity", "gzip", "br", "zstd"])
def test_a_file_is_not_sent_again(shop: httpx.Client, path: str, accept: str) -> None:
    first, _ = get(shop, path, accept)
    again, body = get(shop, path, accept, If_Modified_Since=first.headers["last-modified"])
    assert (again.status_code, body) == (304, b"")
    if "etag" in first.headers:
        again, body = get(shop, path, accept, If_None_Match=first.headers["etag"])
        assert (again.status_code, body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


# Django's own files have a date and no ETag, and know no ranges, which leaves little to go wrong.
@pytest.mark.parametrize("path", [STYLE, CATALOGUE])
def test_a_compressed_file_has_an_etag_of_its_own(shop: httpx.Client, server_name: str, path: str) -> None:
    plain, body = get(shop, path)
    coded, packed = get(shop, path, "zstd")
    assert DECODERS["zstd"](packed) == body
    tag = plain.headers.get("etag")
    assert (tag is not None) == server_name.startswith("fastapi")
    assert coded.headers.get("etag") == (tag and f'{tag[:-1]}-zstd"')
    assert "accept-ranges" not in coded.headers


@pytest.mark.parametrize("path", [STYLE, CATALOGUE])
@pytest.mark.parametrize("accept", ["identity", BROWSER])
def test_a_range_is_a_part_of_the_plain_file(shop: httpx.Client, server_name: str, path: str, accept: str) -> None:
    plain, body = get(shop, path)
    part, sent = get(shop, path, accept, Range="bytes=100-899")
    if server_name.startswith("fastapi"):
        assert part.status_code == 206
        assert "content-encoding" not in part.headers
        assert part.headers["etag"] == plain.headers["etag"]
        assert part.headers["content-range"] == f"bytes 100-899/{len(body)}"
        assert sent == body[100:900]
    else:
        assert part.status_code == 200
        assert DECODERS[part.headers.get("content-encoding")](sent) == body


@pytest.mark.parametrize("path", [STYLE, CATALOGUE])
def test_a_download_is_resumed_with_the_same_bytes_only(shop: httpx.Client, server_name: str, path: str) -> None:
    plain, body = get(shop, path)
    coded, _ = get(shop, path, BROWSER)
    ranges = server_name.startswith("fastapi")
    if ranges:
        part, sent = get(shop, path, BROWSER, Range="bytes=100-", If_Range=plain.headers["etag"])
        assert (part.status_code, sent) == (206, body[100:])
    # Half of one coding and half of the other would be neither.
    validator = coded.headers["etag"] if ranges else '"unknown"'
    whole, sent = get(shop, path, BROWSER, Range="bytes=100-", If_Range=validator)
    assert whole.status_code == 200
    assert DECODERS[whole.headers["content-encoding"]](sent) == body
