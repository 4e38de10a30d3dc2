"""Tags come back as the application knows them, and go out on a 304 as the client knows them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Compression
from perfkit.features.compression._etags import Suffixes, suffixed
from tests.features.compression.answers import BROWSER, answer, coding
from tests.memory_exchange import MemoryExchange

FEATURE = Compression(codings=["zstd", "br", "gzip"])


def asked(
    name: str, value: str, *, method: str = "GET", accept: str | None = BROWSER, feature: Compression = FEATURE
) -> str:
    """What the application sees of the header."""
    headers = [(name, value), *([("accept-encoding", accept)] if accept is not None else [])]
    exchange = MemoryExchange(method=method, request_headers=headers)
    feature.on_request(exchange)
    [seen] = [value for key, value in exchange.request_headers if key.lower() == name.lower()]
    return seen


@pytest.mark.parametrize("name", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ('"abc-gzip"', '"abc"'),
        ('"abc-zstd"', '"abc"'),
        ('"abc-br"', '"abc"'),
        ('"a-gzip", "b", "c-br"', '"a", "b", "c"'),
        ('"a,b-gzip" ,"c, d"', '"a,b" ,"c, d"'),
        ('W/"abc-gzip", "abc-gzip"', 'W/"abc-gzip", "abc"'),
        ('"abc-gzip-gzip"', '"abc-gzip"'),
        ('"-gzip"', '""'),
        ('"abc"', '"abc"'),
        ('"abcgzip"', '"abcgzip"'),
        ('"abc-gzip2"', '"abc-gzip2"'),
        ('"abc-deflate"', '"abc-deflate"'),
        ("*", "*"),
        ("abc-gzip", "abc-gzip"),
        ('"abc-gzip', '"abc-gzip'),
        ("", ""),
    ],
)
def test_suffixes_are_taken_off(name: str, sent: str, seen: str) -> None:
    assert asked(name, sent) == seen


def test_if_range_is_left_alone_so_that_no_range_is_glued_to_compressed_bytes() -> None:
    assert asked("If-Range", '"abc-gzip"') == '"abc-gzip"'


def test_if_match_is_of_what_was_read_whatever_is_accepted_now() -> None:
    assert asked("If-Match", '"abc-gzip"', accept="identity") == '"abc"'
    assert asked("If-Match", '"abc-gzip"', method="PUT", accept=None) == '"abc"'
    assert asked("If-Match", '"abc-gzip"', method="PUT", accept="identity") == '"abc"'
    assert asked("If-None-Match", '"abc-gzip"', method="PUT", accept="identity") == '"abc"'


def test_what_a_client_no_longer_takes_is_not_revalidated() -> None:
    # A cache asks for a client without gzip: a 304 would tell it to give that client the gzip it has.
    assert asked("If-None-Match", '"abc-gzip", "abc-br"', accept="br") == '"abc-gzip", "abc"'
    assert asked("If-None-Match", '"abc-gzip"', accept="identity") == '"abc-gzip"'
    assert asked("If-None-Match", '"abc-gzip"', accept="gzip;q=0, *") == '"abc-gzip"'
    assert asked("If-None-Match", '"abc-gzip"', accept=None) == '"abc"'  # it takes all (RFC 9110 section 12.5.3)


@pytest.mark.parametrize("mode", ["weak", "keep", "drop"])
def test_only_suffixes_are_taken_off(mode: str) -> None:
    # The stack does not call it: see Feature.
    feature = Compression(etag=mode)
    assert asked("If-None-Match", '"abc-gzip"', feature=feature) == '"abc-gzip"'


# 304


def not_modified(
    if_none_match: str | None,
    etag: str | None = '"abc"',
    *,
    accept: str | None = BROWSER,
    method: str = "GET",
    **given: Any,
) -> MemoryExchange:
    asked = [] if if_none_match is None else [("If-None-Match", if_none_match)]
    headers = [] if etag is None else [("ETag", etag)]
    return answer(
        b"",
        status=304,
        content_type=None,
        headers=headers,
        request_headers=asked,
        accept=accept,
        method=method,
        **given,
    )


@pytest.mark.parametrize(
    ("sent", "accept", "etag"),
    [
        ('"abc-gzip"', BROWSER, '"abc-gzip"'),
        ('"abc-zstd"', BROWSER, '"abc-zstd"'),
        # Several of one: the one it would get now, else the one the application's own tag is of, else the first.
        ('"abc-gzip", "abc-zstd"', BROWSER, '"abc-zstd"'),
        ('"abc-gzip", "abc"', BROWSER, '"abc"'),
        ('"abc-gzip", "abc-br"', BROWSER, '"abc-gzip"'),
        ('"abc-gzip", "abc-br"', "br", '"abc-br"'),
        # What the client has is not encoded
        ('"abc"', BROWSER, '"abc"'),
        ('"abc", "other-gzip"', BROWSER, '"abc"'),
        # Not of this tag
        ("*", BROWSER, '"abc"'),
        ('"other-gzip"', BROWSER, '"abc"'),
        (None, BROWSER, '"abc"'),
    ],
)
def test_a_304_has_the_tag_the_client_has(sent: str | None, accept: str, etag: str) -> None:
    assert not_modified(sent, accept=accept).lines("etag") == [etag]


def test_a_weak_tag_and_none_stay() -> None:
    assert not_modified('W/"abc"', 'W/"abc"').lines("etag") == ['W/"abc"']
    assert not_modified('"abc-gzip"', None).lines("etag") == []


def test_a_tag_goes_around_and_comes_back() -> None:
    first = answer(headers=[("ETag", '"abc"')])
    [tag] = first.lines("etag")
    again = not_modified(tag)
    assert again.lines("if-none-match") == []
    assert [value for key, value in again.request_headers if key == "If-None-Match"] == ['"abc"']
    assert again.lines("etag") == [tag]


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
@pytest.mark.parametrize("accept", [BROWSER, None])
def test_a_304_keeps_vary(method: str, accept: str | None) -> None:
    exchange = not_modified('"abc"', method=method, accept=accept)
    assert (exchange.status, exchange.lines("vary"), coding(exchange)) == (304, ["Accept-Encoding"], None)


def test_a_304_of_what_is_never_compressed_has_no_vary() -> None:
    assert not_modified('"a"', method="POST").lines("vary") == []
    assert not_modified('"a"', exclude=["/"]).lines("vary") == []
    # Its type is told where ConditionalGet has made it.
    assert not_modified('"a"', facts={"content_type": "image/png"}).lines("vary") == []
    assert not_modified('"a"', facts={"content_type": "text/html"}).lines("vary") == ["Accept-Encoding"]


# Any tag

etagc = st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=12)
tags = st.builds(
    '{}"{}{}"'.format, st.sampled_from(["", "", "W/"]), etagc, st.sampled_from(["", "-gzip", "-br", "-zstd"])
)


@given(st.lists(tags, min_size=1, max_size=5), st.sampled_from([", ", ",", " ,\t"]))
def test_any_list_keeps_its_members_but_for_suffixes(members: list[str], separator: str) -> None:
    def plain(tag: str) -> str:
        for ending in ("-zstd", "-br", "-gzip"):
            if not tag.startswith("W/") and tag.endswith(f'{ending}"'):
                return f'{tag[: -len(ending) - 1]}"'
        return tag

    seen, _ = Suffixes(["zstd", "br", "gzip"]).stripped(separator.join(members), {"zstd", "br", "gzip"})
    assert seen == separator.join(map(plain, members))


@given(etagc, st.sampled_from(["zstd", "br", "gzip"]))
def test_any_tag_comes_back_as_it_was(opaque: str, name: str) -> None:
    tag = f'"{opaque}"'
    suffixes = Suffixes(["zstd", "br", "gzip"])
    assert suffixes.found(suffixed(tag, name))
    assert suffixes.stripped(suffixed(tag, name), {name})[0] == tag
