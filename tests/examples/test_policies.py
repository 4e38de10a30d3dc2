"""The Content-Security-Policy of the pages, its nonces and its reports, on every server."""

import json
import time
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.server

LOG_TIMEOUT = 5  # seconds; a line takes a few milliseconds
# Pages without a script of their own.
QUIET = ["/books/1", "/books/1/card", "/books/99999"]
# What proxies in front of a server say, and uvicorn and gunicorn believe them where they are on the same machine.
HTTPS = {"X-Forwarded-Proto": "https"}


class Inline(HTMLParser):
    """What a policy without 'unsafe-inline' blocks in a page, and the nonces that save it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.nonces: dict[str, str | None] = {}
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag in ("script", "style"):
            self.nonces[tag] = dict(attrs).get("nonce")


def policy(response: httpx.Response) -> dict[str, str]:
    """The directives of the enforced policy, with their sources."""
    (header,) = response.headers.get_list("content-security-policy")
    return dict(directive.partition(" ")[::2] for directive in header.split("; "))


def test_the_policy_of_the_home_page_names_the_nonce_of_its_script_and_style(shop: httpx.Client) -> None:
    page = shop.get("/")
    nonces = Inline(page.text).nonces
    nonce = nonces["script"]
    assert nonces == {"script": nonce, "style": nonce}
    directives = policy(page)
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == f"'nonce-{nonce}' 'strict-dynamic'"
    assert directives["style-src"] == f"'nonce-{nonce}' 'self'"
    assert page.headers["cache-control"] == "no-cache, private"


def test_no_two_answers_have_the_same_nonce(shop: httpx.Client) -> None:
    assert len({Inline(shop.get("/").text).nonces["script"] for _ in range(6)}) == 6


@pytest.mark.parametrize("path", QUIET)
def test_a_page_without_a_script_has_no_nonce_and_stays_cacheable(shop: httpx.Client, path: str) -> None:
    page = shop.get(path)
    assert Inline(page.text).nonces == {}
    assert policy(page)["script-src"] == "'none'"
    assert policy(page)["style-src"] == "'self'"
    assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", *QUIET])
def test_no_page_has_what_its_policy_would_block(shop: httpx.Client, path: str) -> None:
    inline = Inline(shop.get(path).text)
    assert inline.attributes == []
    assert all(inline.nonces.values())


@pytest.mark.parametrize("path", ["/static/bookshop.css", "/api/books/1", "/files/catalogue.csv"])
def test_what_is_no_page_has_no_nonce(shop: httpx.Client, path: str) -> None:
    response = shop.get(path)
    assert "nonce" not in response.headers.get("content-security-policy", "")


def test_the_style_sheet_has_no_policy(shop: httpx.Client) -> None:
    assert "content-security-policy" not in shop.get("/static/bookshop.css").headers


def test_the_card_alone_may_be_shown_in_a_frame(shop: httpx.Client) -> None:
    card = shop.get("/books/1/card")
    assert policy(card)["frame-ancestors"] == "*"
    assert "x-frame-options" not in card.headers
    page = shop.get("/books/1")
    assert policy(page)["frame-ancestors"] == "'none'"
    assert page.headers["x-frame-options"] == "DENY"


def test_logging_out_over_https_empties_what_the_browser_keeps(shop: httpx.Client) -> None:
    assert shop.post("/api/logout", headers=HTTPS).headers["clear-site-data"] == '"cookies", "storage"'
    assert "clear-site-data" not in shop.get("/api/me", headers=HTTPS).headers
    assert "clear-site-data" not in shop.post("/api/logout").headers


def test_a_browser_is_told_where_to_report_to_and_its_reports_are_logged(shop: httpx.Client, server_log: Path) -> None:
    page = shop.get("/", headers=HTTPS)
    address = policy(page)["report-uri"]
    assert page.headers["reporting-endpoints"] == f'csp="{address}"'
    report = {
        "document-uri": f"{shop.base_url}?visitor=42",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js",
        "disposition": "enforce",
    }
    answer = shop.post(
        address, content=json.dumps({"csp-report": report}), headers={"content-type": "application/csp-report"}
    )
    assert answer.status_code == 204
    line = f"browser report: csp-violation script-src-elem, blocked https://evil.example on {shop.base_url}"
    deadline = time.monotonic() + LOG_TIMEOUT
    while line not in server_log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert line in server_log.read_text()
    assert "visitor=42" not in server_log.read_text()
