"""Rows E15 to E21, E25 and E26 of the table: preconditions.

E16, E17, E25 and E26 are those of ``precondition``, which decides before the view:
tests/test_starlette_precondition.py, tests/test_flask_precondition.py and tests/django/test_precondition.py have
them in full; here are those of the stack.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors import Door, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    JSON,
    ask,
    coding,
    decoded,
    page,
    streamed,
)

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
TAG = ("ETag", '"v1"')
MODIFIED = ("Last-Modified", SUNDAY)


# E15: If-Match


@pytest.mark.parametrize(
    ("value", "tag", "status"),
    [
        ('"v1"', '"v1"', 200),
        ('"a", "v1"', '"v1"', 200),
        ('"a,b"', '"a,b"', 200),
        ("*", '"v1"', 200),
        ("*", "", 200),
        ('"v1-zstd"', '"v1"', 200),
        ('"v1-br", "a"', '"v1"', 200),
        ('"v2"', '"v1"', 412),
        ('W/"v1"', '"v1"', 412),
        ('"v1"', 'W/"v1"', 412),
        ('W/"v1"', 'W/"v1"', 412),
        ('"v1"', "v1", 412),
        ("v1", "v1", 412),
        ("garbage", '"v1"', 412),
        ('"v1', '"v1"', 412),
        (",,", '"v1"', 412),
    ],
)
def test_e15_if_match_compares_strongly(door: Door, value: str, tag: str, status: int) -> None:
    for method in ("GET", "HEAD"):
        answer = page(BODY, ("ETag", tag)) if tag else page(b"x" * 20)
        response = ask(door, answer, ("If-Match", value), method=method)
        assert response.status == status
        if status == 412:
            assert (response.body, coding(response)) == (b"", None)


def test_e15_a_stream_and_its_412(door: Door) -> None:
    made: list[bytes] = []

    def chunks() -> Any:
        for chunk in CHUNKS:
            made.append(chunk)
            yield chunk

    response = ask(door, Page(stream=chunks, headers=[JSON, TAG]), ("If-Match", '"v2"'))
    assert (response.status, response.body) == (412, b"")
    assert response.header("Content-Length") in ("0", None)


def test_e15_a_412_is_for_nobody_else_and_describes_no_body(door: Door) -> None:
    kept = (("Access-Control-Allow-Origin", "*"), ("X-Request-Id", "7"))
    gone = (("Content-Language", "en"), ("Expires", SUNDAY), ("Cache-Control", "public, max-age=9"))
    response = ask(door, page(BODY, TAG, *kept, *gone), ("If-Match", '"v2"'))
    assert response.status == 412
    assert response.header("Cache-Control") == "no-store"
    for name, value in kept:
        assert response.header(name) == value
    for name in ("Content-Language", "Expires"):
        assert response.lines(name) == []


# E16, E17: what has been done is not denied


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "condition",
    [
        ("If-Match", '"v2"'),
        ("If-Match", "garbage"),
        ("If-None-Match", "*"),
        ("If-None-Match", '"v1"'),
        ("If-Unmodified-Since", BEFORE),
        ("If-Modified-Since", SUNDAY),
    ],
)
def test_e16_e17_a_change_that_was_made_is_never_answered_with_412(
    door: Door, method: str, condition: tuple[str, str]
) -> None:
    done: list[Seen] = []

    def view(seen: Seen) -> Page:
        done.append(seen)
        return page(BODY, TAG, MODIFIED)

    response = ask(door, view, condition, method=method)
    assert (response.status, decoded(response)) == (200, BODY)
    assert [(seen.method, seen.headers[condition[0].lower()]) for seen in done] == [(method, condition[1])]


def test_e16_the_412_of_an_application_passes_and_may_be_compressed(door: Door) -> None:
    for method in ("GET", "PUT"):
        response = ask(door, page(BODY, TAG, status=412), ("If-Match", '"v2"'), method=method)
        assert (response.status, decoded(response)) == (412, BODY)
        assert response.lines("Cache-Control") == []


# E18: If-Unmodified-Since


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (SUNDAY, 200),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 200),
        ("Sun Nov  6 08:49:38 1994", 200),
        (BEFORE, 412),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 412),
        ("garbage", 200),
        ("", 200),
    ],
)
def test_e18_if_unmodified_since(door: Door, value: str, status: int) -> None:
    assert ask(door, page(BODY, MODIFIED), ("If-Unmodified-Since", value)).status == status
    assert ask(door, page(BODY), ("If-Unmodified-Since", value)).status == 200  # nobody knows


# E19: If-Range


@pytest.mark.parametrize(
    ("value", "keeps"),
    [
        ('"v1"', True),
        ('"v1-zstd"', True),  # the application compares, and finds it another
        (SUNDAY, True),
        ('W/"v1"', False),
        ("garbage", False),
        ('"v1", "v2"', False),
        ("*", False),
        ('"v1', False),
    ],
)
def test_e19_a_range_whose_condition_cannot_hold_is_not_asked_for(door: Door, value: str, keeps: bool) -> None:
    seen: list[Seen] = []

    def view(request: Seen) -> Page:
        seen.append(request)
        return page()

    ask(door, view, ("Range", "bytes=0-9"), ("If-Range", value))
    assert ("range" in seen[0].headers) is keeps
    assert ("if-range" in seen[0].headers) is keeps


# E20: the order of the conditions (section 13.2.2)


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([("If-Match", '"v1"'), ("If-Unmodified-Since", BEFORE)], 200),
        ([("If-Match", '"v2"'), ("If-None-Match", '"v1"')], 412),
        ([("If-Match", '"v1"'), ("If-None-Match", '"v1"')], 304),
        ([("If-Unmodified-Since", BEFORE), ("If-None-Match", '"v1"')], 412),
        ([("If-Unmodified-Since", SUNDAY), ("If-Modified-Since", SUNDAY)], 304),
        ([("If-None-Match", '"v2"'), ("If-Modified-Since", SUNDAY)], 200),
        ([("If-Match", "garbage"), ("If-Unmodified-Since", SUNDAY)], 412),
    ],
)
def test_e20_one_after_the_other(door: Door, conditions: list[tuple[str, str]], status: int) -> None:
    assert ask(door, page(BODY, TAG, MODIFIED), *conditions).status == status
    assert ask(door, streamed(CHUNKS, TAG, MODIFIED), *reversed(conditions)).status == status


# E21: only what would be a success


@pytest.mark.parametrize("status", [301, 400, 404, 410, 429, 500, 503])
def test_e21_conditions_do_not_count_for_what_is_none(door: Door, status: int) -> None:
    for condition in (("If-None-Match", '"v1"'), ("If-Match", '"v2"'), ("If-None-Match", "*")):
        response = ask(door, page(BODY, TAG, status=status), condition)
        assert (response.status, decoded(response)) == (status, BODY)
