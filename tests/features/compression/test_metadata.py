"""The head of a response that is compressed, or could have been: Vary, ETag, digests, ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.features.compression._metadata import merged_vary
from tests.features.compression.answers import BODY, answer, coding, outcome

TAG = [("ETag", '"abc"')]


@pytest.mark.parametrize("body", [BODY, None])
def test_an_encoded_response_names_its_coding_once(body: bytes | None) -> None:
    exchange = answer(body)
    assert exchange.lines("content-encoding") == ["zstd"]
    assert exchange.lines("vary") == ["Accept-Encoding"]


@pytest.mark.parametrize("body", [BODY, None])
def test_ranges_and_digests_of_the_other_bytes_go(body: bytes | None) -> None:
    names = ["Accept-Ranges", "content-digest", "Repr-Digest", "Digest", "CONTENT-MD5"]
    stays = [("Content-Language", "en"), ("Content-Location", "/a"), ("Last-Modified", "x"), ("Unencoded-Digest", "y")]
    exchange = answer(body, headers=[*((name, "x") for name in names), *stays])
    assert coding(exchange) == "zstd"
    assert not any(map(exchange.lines, names))
    assert all((name, value) in exchange.headers for name, value in stays)


def test_ranges_and_digests_stay_on_identity() -> None:
    headers = [("Accept-Ranges", "bytes"), ("Repr-Digest", "x"), *TAG]
    exchange = answer(accept="identity", headers=headers)
    assert exchange.headers[1:-1] == headers
    assert exchange.headers[-1] == ("Vary", "Accept-Encoding")


# Vary


@pytest.mark.parametrize("accept", [None, "identity", "deflate"])
@pytest.mark.parametrize("body", [BODY, None])
def test_the_other_variant_has_vary_too(accept: str | None, body: bytes | None) -> None:
    exchange = answer(body, accept=accept)
    assert (coding(exchange), exchange.lines("vary")) == (None, ["Accept-Encoding"])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Cookie"], ["Cookie, Accept-Encoding"]),
        (["Cookie", "Origin"], ["Cookie, Origin, Accept-Encoding"]),
        (["Cookie, cookie ,, ORIGIN", "origin"], ["Cookie, ORIGIN, Accept-Encoding"]),
        (["accept-encoding"], ["accept-encoding"]),
        (["Cookie, ACCEPT-ENCODING"], ["Cookie, ACCEPT-ENCODING"]),
        (["Accept-Encoding", "accept-encoding"], ["Accept-Encoding"]),
        (["*"], ["*"]),
        (["Cookie", "*"], ["Cookie", "*"]),
        (["Accept"], ["Accept, Accept-Encoding"]),
        (["X-Accept-Encoding"], ["X-Accept-Encoding, Accept-Encoding"]),
        ([""], ["Accept-Encoding"]),
    ],
)
@pytest.mark.parametrize("accept", ["gzip", "identity"])
def test_vary_is_merged(lines: list[str], expected: list[str], accept: str) -> None:
    assert answer(accept=accept, headers=[("Vary", line) for line in lines]).lines("vary") == expected


@given(
    st.lists(
        st.lists(st.sampled_from(["Cookie", "cookie", "Accept-Encoding", "ACCEPT-ENCODING", "*", "", "Origin"])).map(
            " , ".join
        )
    )
)
def test_any_vary_is_merged_to_the_same_set_and_ours(lines: list[str]) -> None:
    members = {member.strip().lower() for line in lines for member in line.split(",") if member.strip()}
    merged = merged_vary(lines)
    if "*" in members:
        assert merged is None
    else:
        assert merged is not None
        assert sorted(merged.lower().split(", ")) == sorted(members | {"accept-encoding"})
        assert merged_vary([merged]) == merged


# ETag


@pytest.mark.parametrize(
    ("etag", "mode", "expected"),
    [
        ('"abc"', "suffix", ['"abc-zstd"']),
        ('""', "suffix", ['"-zstd"']),
        ('"a,b"', "suffix", ['"a,b-zstd"']),
        ('W/"abc"', "suffix", ['W/"abc"']),
        ('"abc"', "weak", ['W/"abc"']),
        ('W/"abc"', "weak", ['W/"abc"']),
        ('"abc"', "keep", ['"abc"']),
        ('"abc"', "drop", []),
        ('W/"abc"', "drop", []),
        ("abc", "suffix", ["abc"]),  # no tag, and not ours to mend
        ("abc", "weak", ["abc"]),
        ('"', "suffix", ['"']),
    ],
)
@pytest.mark.parametrize("body", [BODY, None])
def test_a_tag_says_which_bytes_it_is_of(body: bytes | None, etag: str, mode: str, expected: list[str]) -> None:
    exchange = answer(body, headers=[("etag", etag)], etag=mode)
    assert (coding(exchange), exchange.lines("etag")) == ("zstd", expected)


@pytest.mark.parametrize("accept", ["zstd", "br", "gzip"])
def test_each_coding_has_its_own_tag(accept: str) -> None:
    assert answer(headers=TAG, accept=accept).lines("etag") == [f'"abc-{accept}"']


@pytest.mark.parametrize("mode", ["suffix", "weak", "drop"])
def test_the_tag_of_identity_stays(mode: str) -> None:
    assert answer(headers=TAG, accept="identity", etag=mode).lines("etag") == ['"abc"']


def test_no_tag_is_made() -> None:
    assert answer().lines("etag") == []


# The fact


def test_the_outcome_tells_the_coding_and_the_bytes() -> None:
    exchange = answer()
    assert exchange.body is not None
    told = outcome(exchange)
    assert (told.coding, told.reason, told.before, told.after) == ("zstd", "", len(BODY), len(exchange.body))
    assert repr(told) == f"Outcome('zstd', before={len(BODY)}, after={len(exchange.body)})"
    assert repr(outcome(answer(b""))) == "Outcome(None, 'too_small')"


def test_the_time_it_took_is_told() -> None:
    [(name, seconds)] = answer().timings
    assert name == "compress"
    assert 0 < seconds < 1
    assert answer(accept=None).timings == ()
