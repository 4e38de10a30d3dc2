"""Rows E22 to E30 of the table: what a 304 says, how long things are kept, and files.

E29 is for applications, which slice, and E30 for who serves precompressed files, which perfkit does not (see "What it
does not do" in docs/compression.md); what perfkit must not break of both is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.doors import Door, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    HTML,
    JSON,
    ask,
    coding,
    decoded,
    page,
    streamed,
    varies,
)

if TYPE_CHECKING:
    from pathlib import Path

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
TAG = ("ETag", '"v1"')
MODIFIED = ("Last-Modified", SUNDAY)


# E22, E23: what a 304 says

KEPT = (
    ("Access-Control-Allow-Origin", "https://shop.example"),
    ("Access-Control-Expose-Headers", "X-Request-Id"),
    ("Cache-Control", "private, max-age=5"),
    ("Content-Location", "/books/1"),
    ("Date", SUNDAY),
    ("Expires", SUNDAY),
    ("Last-Modified", SUNDAY),
    ("Link", "</a.css>; rel=preload"),
    ("X-Request-Id", "7"),
)
OF_THE_BODY = (
    ("Content-Language", "en"),
    ("Content-Digest", "sha-256=:AAAA:"),
    ("Repr-Digest", "sha-256=:AAAA:"),
    ("Content-MD5", "AAAA"),
)


def test_e22_e23_a_304_keeps_all_but_what_describes_the_body(door: Door) -> None:
    for shape in (page(BODY, TAG, *KEPT, *OF_THE_BODY), streamed(CHUNKS, TAG, *KEPT, *OF_THE_BODY)):
        response = ask(door, shape, ("If-None-Match", '"v1"'))
        assert (response.status, response.header("ETag")) == (304, '"v1"')
        for name, value in KEPT:
            assert response.lines(name) == [value]
        for name, _ in (*OF_THE_BODY, ("Content-Type", ""), ("Content-Length", ""), ("Content-Encoding", "")):
            assert response.lines(name) == []


def test_e22_e23_cookies_and_perfkits_own_headers_are_on_it_too(door: Door) -> None:
    cookies = (("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/"))
    plain = ask(door, page(BODY, TAG, *cookies), accept=None)
    response = ask(door, page(BODY, TAG, *cookies), ("If-None-Match", '"v1"'), accept=None)
    assert response.lines("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]
    for name in ("X-Content-Type-Options", "Referrer-Policy", "Vary", "ETag"):
        assert response.header(name) == plain.header(name) is not None
    assert "total" in (response.header("Server-Timing") or "")


# E24: the application's own


@pytest.mark.parametrize("with_tag", [True, False])
def test_e24_the_304_of_an_application_passes(door: Door, with_tag: bool) -> None:
    headers = [("X-Request-Id", "7"), *([TAG] if with_tag else [])]
    for request in ([("If-None-Match", '"v1"')], [("If-Match", '"v2"')], []):
        response = ask(door, Page(status=304, headers=headers), *request)
        assert (response.status, response.body, response.header("X-Request-Id")) == (304, b"", "7")
        assert response.lines("ETag") == (['"v1"'] if with_tag else [])


def test_e24_an_application_that_answers_by_the_tag_it_gave_is_asked_by_it(door: Door) -> None:
    def view(seen: Seen) -> Page:
        if seen.headers.get("if-none-match") == '"v1"':
            return Page(status=304, headers=[TAG])
        return page(BODY, TAG)

    for accept in ("zstd", "br", "gzip"):
        sent = ask(door, view, accept=accept).header("ETag") or ""
        assert sent == f'"v1-{accept}"'
        again = ask(door, view, ("If-None-Match", sent), accept=accept)
        assert (again.status, again.header("ETag"), varies(again)) == (304, sent, True)


# E27: Cache-Control with the tag


def test_e27_a_rule_makes_browsers_ask_again_and_never_overrides(door: Door) -> None:
    rules: dict[str, Any] = {"cache_control": {"rules": [{"type": "application/json", "value": "no-cache"}]}}
    first = ask(door, page(), **rules)
    assert (first.header("Cache-Control"), first.header("ETag") is not None) == ("no-cache", True)
    again = ask(door, page(), ("If-None-Match", first.header("ETag") or ""), **rules)
    assert (again.status, again.header("Cache-Control")) == (304, "no-cache")
    for own in (("Cache-Control", "max-age=5"), ("cache-control", "")):
        assert ask(door, page(BODY, own), **rules).lines("Cache-Control") == [own[1]]
    assert ask(door, page(BODY, ("Expires", SUNDAY)), **rules).lines("Cache-Control") == []
    assert ask(door, Page(body=BODY, headers=[HTML]), **rules).lines("Cache-Control") == []


def test_e27_what_may_be_kept_is_not_said_of_a_cookie_an_error_or_a_change(door: Door) -> None:
    rules: dict[str, Any] = {"cache_control": {"rules": [{"value": "public, max-age=60"}]}}
    assert ask(door, **rules).header("Cache-Control") == "public, max-age=60"
    for answer in (page(BODY, ("Set-Cookie", "a=1; Path=/")), page(status=404), page(status=500)):
        assert ask(door, answer, **rules).lines("Cache-Control") == []
    assert ask(door, method="POST", **rules).lines("Cache-Control") == []


# E28: not everything is hashed


def test_e28_bodies_of_more_than_the_limit_get_no_tag(door: Door) -> None:
    limit: dict[str, Any] = {"conditional_get": {"maximum_size": len(BODY)}}
    assert ask(door, page(BODY), **limit).header("ETag") is not None
    assert ask(door, page(BODY + b" "), **limit).header("ETag") is None
    assert ask(door, page(b"a" * (4 * 1024 * 1024 + 1))).header("ETag") is None
    assert ask(door, page(b"a" * (2 * 1024 * 1024))).header("ETag") is not None


# E29: ranges of files, which Starlette and Flask make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "books.json"
    path.write_bytes(BODY)
    return path


def test_e29_a_file_is_compressed_and_its_ranges_are_of_the_plain_bytes(door: Door, file: Path) -> None:
    answer = Page(file=file, headers=[JSON])
    whole = ask(door, answer)
    assert (coding(whole), decoded(whole)) == ("zstd", BODY)
    part = ask(door, answer, ("Range", "bytes=0-0"))
    if door.name in ("starlette", "flask"):
        assert (part.status, part.body, part.header("Content-Range")) == (206, BODY[:1], f"bytes 0-0/{len(BODY)}")
        assert coding(part) is None
        assert varies(part)
        assert ask(door, answer, ("Range", "bytes=999999-")).status == 416
    else:
        assert (part.status, decoded(part)) == (200, BODY)


def test_e29_a_download_that_is_resumed_is_never_glued_to_other_bytes(door: Door, file: Path) -> None:
    answer = Page(file=file, headers=[JSON])
    for accept in ("zstd", "br", "gzip", None):
        first = ask(door, answer, accept=accept)
        tag = first.header("ETag")
        if tag is None or tag.startswith("W/"):
            assert door.name not in ("starlette", "flask")
            continue
        rest = ask(door, answer, ("Range", "bytes=50-"), ("If-Range", tag), accept=accept)
        if accept is None:
            assert (rest.status, first.body[:50] + rest.body) == (206, BODY)
        else:
            assert (rest.status, decoded(rest)) == (200, BODY)


def test_e29_several_ranges_which_only_starlette_makes(door: Door, file: Path) -> None:
    response = ask(door, Page(file=file, headers=[JSON]), ("Range", "bytes=0-9,100-109"))
    if door.name == "starlette":
        assert (response.status, coding(response), varies(response)) == (206, None, True)
        assert (response.header("Content-Type") or "").startswith("multipart/byteranges")
        assert BODY[:10] in response.body
    else:
        assert response.status == (416 if door.name == "flask" else 200)


def test_files_have_304s_that_vary(door: Door, file: Path) -> None:
    answer = Page(file=file, headers=[JSON])
    first = ask(door, answer)
    validators = [
        (name, first.header(head)) for name, head in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
    ]
    known = [(name, value) for name, value in validators if value is not None]
    assert known or door.name in ("asgi", "wsgi", "django-wsgi", "django-asgi")
    for condition in known:
        again = ask(door, answer, condition)
        assert (again.status, again.body, varies(again)) == (304, b"", True)


def test_files_that_do_not_shrink_stay_as_they_are(door: Door, file: Path) -> None:
    response = ask(door, Page(file=file, headers=[("Content-Type", "image/png")]))
    assert (coding(response), response.body) == (None, BODY)
    assert response.header("Content-Length") in (str(len(BODY)), None)
    assert not varies(response)


def test_the_head_of_a_file(door: Door, file: Path) -> None:
    head = ask(door, Page(file=file, headers=[JSON]), method="HEAD")
    assert coding(head) == "zstd"
    assert head.lines("Content-Length") == [] or door.name == "asgi"


# E30: precompressed files


def test_e30_a_file_that_is_compressed_already_keeps_its_own_tag(door: Door) -> None:
    def view(seen: Seen) -> Page:
        if "gzip" in seen.headers.get("accept-encoding", ""):
            return page(BODY, ("Content-Encoding", "gzip"), ("ETag", '"v1-gz"'), ("Vary", "Accept-Encoding"))
        return page(BODY, TAG, ("Vary", "Accept-Encoding"))

    for tag, accept in (('"v1-gz"', "gzip"), ('"v1-br"', "br")):
        response = ask(door, view, accept=accept)
        assert (response.header("ETag"), response.members("Vary")) == (tag, ["Accept-Encoding"])
        assert ask(door, view, ("If-None-Match", tag), accept=accept).status == 304
