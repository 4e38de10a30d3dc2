"""Rows E1 to E14 of the table: entity tags, and what the client has already."""

from __future__ import annotations

import time
from typing import Any

import pytest

from perfkit.exchange import CSP_NONCE
from tests.conformance.client import Response
from tests.doors import Door, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    EVENTS,
    HTML,
    JSON,
    ask,
    coding,
    decoded,
    page,
    streamed,
    varies,
)

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
TAG = ("ETag", '"v1"')
MODIFIED = ("Last-Modified", SUNDAY)


def conditional(door: Door, value: str, tag: str = '"v1"', *, method: str = "GET") -> Response:
    return ask(door, page(BODY, ("ETag", tag)), ("If-None-Match", value), accept=None, method=method)


# E1 to E4: which responses get a tag


def test_e1_e2_a_whole_body_gets_a_weak_tag_of_its_bytes(door: Door) -> None:
    tag = ask(door).header("ETag")
    assert tag is not None
    assert (tag[:3], tag[-1], len(tag)) == ('W/"', '"', 36)
    assert ask(door).header("ETag") == tag
    assert ask(door, page(BODY + b" ")).header("ETag") != tag
    assert ask(door, None, ("If-None-Match", tag)).status == 304


@pytest.mark.parametrize(
    "answer",
    [
        Page(body=BODY, headers=[JSON], status=201),
        Page(body=BODY, headers=[JSON], status=404),
        Page(body=BODY, headers=[JSON], status=500),
        Page(body=b"x" * 79, headers=[JSON]),
        Page(body=b"", headers=[JSON]),
        streamed(),
        streamed([]),
        streamed([b"x" * 100] * 3),
        streamed(kind=EVENTS),
        Page(body=BODY, headers=[EVENTS]),
        page(BODY, ("Cache-Control", "no-store")),
        page(BODY, ("cache-control", "private, NO-STORE , max-age=0")),
        page(BODY, ("Set-Cookie", "session=1; Path=/")),
    ],
    ids=[
        "201",
        "404",
        "500",
        "79 bytes",
        "empty",
        "stream",
        "no chunk",
        "short stream",
        "events",
        "event",
        "no-store",
        "NO-STORE",
        "cookie",
    ],
)
def test_e1_e3_e4_what_nobody_can_keep_or_compare_gets_none(door: Door, answer: Page) -> None:
    response = ask(door, answer)
    assert response.lines("ETag") == []
    assert decoded(response) == (answer.body if answer.stream is None else b"".join(answer.stream()))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_e1_answers_to_other_methods_get_none(door: Door, method: str) -> None:
    assert ask(door, method=method).header("ETag") is None


def test_e1_a_page_with_a_nonce_gets_none_and_stays_private(door: Door) -> None:
    def view(seen: Seen) -> Page:
        return Page(body=BODY + str(seen.shared[CSP_NONCE]).encode(), headers=[HTML])

    settings: dict[str, Any] = {"security_headers": {"preset": "strict"}}
    first, second = (ask(door, view, **settings) for _ in range(2))
    assert decoded(first) != decoded(second)
    assert (first.header("ETag"), coding(first)) == (None, "zstd")
    assert "private" in first.members("Cache-Control")
    nonce = decoded(first)[len(BODY) :].decode()
    assert nonce in (first.header("Content-Security-Policy") or "")


def test_e1_cookies_may_be_let_in(door: Door) -> None:
    answer = page(BODY, ("Set-Cookie", "session=1; Path=/"))
    tag = ask(door, answer, conditional_get={"cookies": True}).header("ETag") or ""
    again = ask(door, answer, ("If-None-Match", tag), conditional_get={"cookies": True})
    assert (again.status, again.lines("Set-Cookie")) == (304, ["session=1; Path=/"])


# E5: the application's own


@pytest.mark.parametrize("name", ["ETag", "etag", "ETAG", "eTag"])
def test_e5_the_tag_of_the_application_is_the_only_one(door: Door, name: str) -> None:
    for answer in (page(BODY, (name, '"v1"')), streamed(CHUNKS, (name, '"v1"'))):
        assert ask(door, answer, accept=None).lines("ETag") == ['"v1"']
        assert ask(door, answer, ("If-None-Match", '"v1"'), accept=None).status == 304


@pytest.mark.parametrize("tags", [('"v1"', '"v2"'), ('"v1"', '"v1"')])
def test_e5_two_tags_are_none_that_fits(door: Door, tags: tuple[str, str]) -> None:
    answer = page(BODY, *[("ETag", tag) for tag in tags])
    for value in tags:
        response = ask(door, answer, ("If-None-Match", value), checked=False)
        assert (response.status, decoded(response)) == (200, BODY)
        assert sorted(response.members("ETag")) == sorted(tags)


@pytest.mark.parametrize("tag", ["v1", "'v1'", '"v1', 'w/"v1"', '"v 1"', "*"])
def test_e5_what_is_no_tag_matches_nothing(door: Door, tag: str) -> None:
    assert conditional(door, tag, tag).status == (304 if tag == "*" else 200)
    assert conditional(door, '"v1"', tag).status == 200


# E6, E7: methods


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_e6_e7_reads_are_answered_with_304(door: Door, method: str) -> None:
    if method == "QUERY" and door.protocol == "wsgi":
        pytest.skip("the validator of WSGI does not know it")
    assert conditional(door, '"v1"', method=method).status == 304
    modified = ask(door, page(BODY, MODIFIED), ("If-Modified-Since", SUNDAY), method=method)
    assert modified.status == 304
    assert varies(modified)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_e6_no_other_method_is(door: Door, method: str) -> None:
    answer = page(BODY, TAG, MODIFIED)
    for asked in (("If-None-Match", '"v1"'), ("If-None-Match", "*"), ("If-Modified-Since", SUNDAY)):
        response = ask(door, answer, asked, method=method)
        assert (response.status, decoded(response)) == (200, BODY)


# E8 to E11: If-None-Match


@pytest.mark.parametrize(
    ("value", "tag", "status"),
    [
        ('"v1"', '"v1"', 304),
        ('W/"v1"', '"v1"', 304),
        ('"v1"', 'W/"v1"', 304),
        ('W/"v1"', 'W/"v1"', 304),
        ('"V1"', '"v1"', 200),
        ('"v"', '"v1"', 200),
        ('"a", "v1", "b"', '"v1"', 304),
        ('"a","v1"', '"v1"', 304),
        (', ,\t"v1" ,', '"v1"', 304),
        ('"a,b", "c"', '"a,b"', 304),
        ('"a,b"', '"a"', 200),
        ('"a", "b"', '"a", "b"', 200),
        ('"x,"v1","', '"v1"', 200),
        ("*", '"v1"', 304),
        ('"*"', '"v1"', 200),
        ('*, "v1"', '"v1"', 200),
        ('""', '""', 304),
        ('"\xfc"', '"\xfc"', 304),
        ("v1", '"v1"', 200),
        ('"v1', '"v1"', 200),
        ('w/"v1"', '"v1"', 200),
        ('W/ "v1"', '"v1"', 200),
        ('"v1" "a"', '"v1"', 200),
        ('"v1";q=1', '"v1"', 200),
    ],
)
def test_e8_e11_tags_are_compared_weakly_in_lists_that_can_be_read(
    door: Door, value: str, tag: str, status: int
) -> None:
    response = conditional(door, value, tag)
    assert response.status == status
    assert response.body == (b"" if status == 304 else BODY)


def test_e9_several_lines_are_one_list(door: Door) -> None:
    response = ask(door, page(BODY, TAG), ("If-None-Match", '"a"'), ("if-none-match", '"v1"'), accept=None)
    assert response.status == 304


def test_e11_a_star_fits_what_has_no_tag_too(door: Door) -> None:
    assert ask(door, streamed(), ("If-None-Match", "*")).status == 304
    assert ask(door, page(status=404), ("If-None-Match", "*")).status == 404


GARBAGE = {
    "tags": '"a",' * 25_000,
    "open": '"' + "a" * 100_000,
    "quotes": '"' * 100_000,
    "commas": "," * 100_000,
    "blanks": '"a"' + " \t" * 50_000 + '"',
    "nearly": '"a" ' * 25_000,
    "weak": "W/" * 50_000,
    "stars": "*" * 100_000,
    "suffixes": '"v1-zstd' * 14_000,
    "latin-1": "\xff" * 100_000,
}


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE)
def test_e8_a_hundred_kilobytes_of_garbage_cost_nothing(door: Door, value: str) -> None:
    started = time.perf_counter()
    for answer in (page(BODY, TAG), page()):
        for name in ("If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"):
            response = ask(door, answer, (name, value), ("Range", "bytes=0-9"))
            assert (response.status, decoded(response)) == (200, BODY)
    assert ask(door, page(BODY, TAG), ("If-Match", value)).status == 412
    assert time.perf_counter() - started < 3  # what goes back over it takes minutes


# E12 to E14: dates


def dated(door: Door, value: str, *headers: tuple[str, str]) -> int:
    return ask(door, page(BODY, MODIFIED, *headers), ("If-Modified-Since", value)).status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 304),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("Sun Nov  6 08:49:37 1994", 304),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 304),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 304),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("sun, 06 nov 1994 08:49:37 gmt", 200),
        ("Sun, 06 Nov 1994 08:49:37 +0000", 200),
        ("Sun, 06 Nov 1994 08:49:37", 200),
        ("1994-11-06T08:49:37Z", 200),
        ("784111777", 200),
        ("Sun, 31 Feb 2094 08:49:37 GMT", 200),
        ("Sun, 06 Nov 2094 25:61:61 GMT", 200),
        ("Sun, 06 Nov 0000 08:49:37 GMT", 200),
        ("Sun, 06 Nov 99994 08:49:37 GMT", 200),
        ("\xb2\xb2, 06 Nov 1994 08:49:37 GMT", 200),
        ("never", 200),
        ("", 200),
    ],
)
def test_e13_e14_dates_in_three_formats_and_no_other(door: Door, value: str, status: int) -> None:
    assert dated(door, value) == status


def test_e13_a_date_of_the_application_that_is_none_fits_nothing(door: Door) -> None:
    for value in ("yesterday", "", "1994-11-06T08:49:37Z"):
        answer = page(BODY, ("Last-Modified", value))
        assert ask(door, answer, ("If-Modified-Since", SUNDAY)).status == 200


@pytest.mark.parametrize("value", ['"other"', "garbage", '"v1', "W/"])
def test_e12_a_list_of_tags_however_bad_puts_the_date_out_of_force(door: Door, value: str) -> None:
    response = ask(door, page(BODY, TAG, MODIFIED), ("If-None-Match", value), ("If-Modified-Since", SUNDAY))
    assert response.status == 200


def test_e12_an_old_date_does_not_undo_a_tag(door: Door) -> None:
    old = ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")
    response = ask(door, page(BODY, TAG, MODIFIED), ("If-None-Match", '"v1"'), old)
    assert response.status == 304
