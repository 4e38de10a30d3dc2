"""`perfkit.preconditions.evaluate` against RFC 9110 section 13.2.2."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.preconditions import Conditions, evaluate
from tests.features.conditional_get import grammar
from tests.features.conditional_get.answers import MONDAY, SATURDAY, SUNDAY, answer

TAGS = st.none() | st.sampled_from(['"a"', 'W/"a"', '"b"', '"a,b"'])
LISTS = st.none() | st.sampled_from(
    ["*", '"a"', 'W/"a"', '"b"', '"b", "a"', '"a,b"', 'W/"b",W/"a"', "a", "*, *", '"a', "garbage"]
)
DATES = st.none() | st.sampled_from(
    [SATURDAY, SUNDAY, MONDAY, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "garbage", "0"]
)
METHODS = st.sampled_from(["GET", "HEAD", "QUERY", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
HEADERS = st.fixed_dictionaries(
    {"if_match": LISTS, "if_unmodified_since": DATES, "if_none_match": LISTS, "if_modified_since": DATES}
)
MODIFIED = st.none() | st.just(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))


@settings(max_examples=1000)
@given(METHODS, HEADERS, TAGS, MODIFIED)
def test_a_resource_that_exists(method, headers, etag, modified):
    seconds = None if modified is None else int(modified.timestamp())
    expected = grammar.outcome(method, **headers, etag=etag, modified=modified)
    assert (evaluate(method, Conditions(**headers), etag=etag, last_modified=seconds) or 200) == expected


@given(METHODS, HEADERS)
def test_a_resource_that_does_not_exist(method, headers):
    expected = grammar.outcome(method, **headers, etag=None, modified=None, exists=False)
    assert (evaluate(method, Conditions(**headers), exists=False) or 200) == expected


NAMES = {
    "if_match": "If-Match",
    "if_unmodified_since": "If-Unmodified-Since",
    "if_none_match": "If-None-Match",
    "if_modified_since": "If-Modified-Since",
}


@settings(max_examples=500)
@given(METHODS, HEADERS, TAGS, MODIFIED, st.sampled_from([200, 203, 206, 301, 304, 404, 412, 500]))
def test_the_feature_answers_so(method: str, headers: Any, etag: str | None, modified: Any, status: int) -> None:
    asked = [(NAMES[name], value) for name, value in headers.items() if value is not None]
    sent = [] if etag is None else [("ETag", etag)]
    if modified is not None:
        sent.append(("Last-Modified", SUNDAY))
    expected = status
    if method in ("GET", "HEAD", "QUERY") and 200 <= status < 300:
        expected = grammar.outcome(method, **headers, etag=etag, modified=modified)
        expected = status if expected == 200 else expected
    # A stream gets no ETag of ours.
    assert answer(*asked, method=method, status=status, headers=sent, body=None).status == expected


@pytest.mark.parametrize("garbage", ["a", '"a', "*, *", "garbage, 1", '"a" "b"'])
def test_a_list_that_cannot_be_read_protects(garbage):
    none_match, match = Conditions(if_none_match=garbage), Conditions(if_match=garbage)
    assert evaluate("GET", none_match, etag='"a"') is None
    assert evaluate("PUT", none_match, etag='"a"') == 412
    assert evaluate("GET", match, etag='"a"') == evaluate("PUT", match, etag='"a"') == 412


def test_an_etag_without_quotes_is_none():
    assert evaluate("GET", Conditions(if_none_match="a"), etag="a") is None
    assert evaluate("PUT", Conditions(if_match="a"), etag="a") == 412
