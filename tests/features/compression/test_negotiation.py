"""Which coding a client gets: RFC 9110 section 12.5.3, against a model that is slow and plainly right."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Compression
from perfkit.features.compression._choice import Choices
from perfkit.features.compression._negotiation import MAX_LENGTH
from tests.features.compression.answers import BODY, answer, coding, outcome

ORDER = ("zstd", "br", "gzip")
FEATURE = Compression(codings=ORDER)


def chosen(accept: str | None) -> str | None:
    return coding(answer(feature=FEATURE, accept=accept))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # Tokens, not substrings
        ("gzip", "gzip"),
        ("notgzip, gzipped, x-gzip-like", None),
        ("my-gzip", None),
        ("gzip;q=1, xbr", "gzip"),
        # White space and case
        (" \tGZip ;\tQ=1 ", "gzip"),
        ("BR", "br"),
        (",, gzip ,,", "gzip"),
        # q=0
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("gzip;q=0, br", "br"),
        # Relative weights, and the server's order for equals
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.1, gzip;q=0.2, br;q=0.15", "gzip"),
        ("br;q=0.999, zstd;q=0.998", "br"),
        ("gzip;q=1.000, br;q=1.", "br"),
        # identity has a weight too
        ("identity;q=1, gzip;q=.5", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity, gzip", "gzip"),
        ("identity", None),
        ("identity;q=0, br;q=0.1", "br"),
        # *
        ("*", "zstd"),
        ("*;q=0", None),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0.5, *;q=0.8", "zstd"),
        ("zstd;q=0, br;q=0, *;q=0.1", "gzip"),
        ("*;q=0.5, identity;q=0.7", None),
        # Another name
        ("x-gzip", "gzip"),
        ("X-GZIP;q=0.5", "gzip"),
        # A weight that is none
        ("gzip;q=", None),
        ("gzip;q=2", None),
        ("gzip;q=-1", None),
        ("gzip;q=1.001", None),
        ("gzip;q=0.1234", None),
        ("gzip;q=high, br;q=0.1", "br"),
        ("gzip;level=9", None),
        ("gzip;q=1;q=0", None),
        ("gzip;", None),
        # The same again: the lowest counts
        ("gzip, gzip;q=0", None),
        ("gzip;q=0, x-gzip", None),
        # Nothing
        ("", None),
        ("deflate", None),
        ("gzip br", None),
    ],
)
def test_the_client_gets_what_it_asks_for(accept: str, expected: str | None) -> None:
    assert chosen(accept) == expected


def test_a_client_that_says_nothing_gets_identity_and_vary() -> None:
    exchange = answer(feature=FEATURE, accept=None)
    assert (coding(exchange), exchange.lines("vary")) == (None, ["Accept-Encoding"])
    assert outcome(exchange).reason == "not_acceptable"


def test_several_lines_are_one() -> None:
    lines = [("Accept-Encoding", "gzip;q=0.5"), ("Accept-Encoding", "br")]
    assert coding(answer(feature=FEATURE, accept=None, request_headers=lines)) == "br"


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "identity;q=0, deflate", "compress, *;q=0"])
def test_who_takes_nothing_we_have_gets_identity_and_no_406(accept: str) -> None:
    exchange = answer(feature=FEATURE, accept=accept)
    assert (exchange.status, exchange.body, coding(exchange)) == (200, BODY, None)


@pytest.mark.parametrize("body", [b"x", b"\x00\xff" * 300, bytes(range(256)) * 1])
def test_who_refuses_identity_gets_a_coding_whatever_the_size(body: bytes) -> None:
    assert coding(answer(body, feature=FEATURE, accept="gzip, identity;q=0")) == "gzip"
    assert coding(answer(body, feature=FEATURE, accept="gzip, *;q=0")) == "gzip"


def test_an_empty_body_is_the_same_in_every_coding() -> None:
    assert coding(answer(b"", feature=FEATURE, accept="gzip, identity;q=0")) is None


# Against a model


def model(header: str) -> str | None:
    """RFC 9110 sections 5.6.1, 12.4.2 and 12.5.3, word by word."""
    weights: dict[str, float] = {}
    for element in header.split(","):
        match = re.fullmatch(r"\s*([!#$%&'*+.^_`|~\w-]+)\s*(;.*)?", element, re.ASCII | re.DOTALL)
        if match is None:
            continue
        name = match[1].lower()
        name = "gzip" if name == "x-gzip" else name
        weight = 1.0
        if match[2] is not None:
            q = re.fullmatch(r";[ \t]*[qQ]=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)[ \t]*", match[2])
            weight = float(q[1]) if q else 0.0
        weights[name] = min(weight, weights.get(name, 1.0))

    def weight_of(name: str) -> float:
        return weights[name] if name in weights else weights.get("*", 0.0)

    best, best_weight = None, 0.0
    for name in ORDER:
        if weight_of(name) > best_weight and weight_of(name) >= weights.get("identity", 0.0):
            best, best_weight = name, weight_of(name)
    return best


names = st.sampled_from(["gzip", "GZIP", "x-gzip", "br", "zstd", "identity", "*", "deflate", "gz", "", "br br", "dcb"])
qvalues = st.sampled_from(["0", "1", "0.", "1.", "0.5", "0.50", "0.001", "1.000", "0.0", "2", ".5", "0.5555", "", "x"])
space = st.sampled_from(["", " ", "\t", "  "])
members = st.one_of(
    st.builds("{}{}".format, space, names),
    st.builds(
        "{}{}{}{}{}{}".format,
        names,
        space,
        st.sampled_from([";q=", ";Q=", ";", "; q=", ";x="]),
        qvalues,
        space,
        st.just(""),
    ),
)
headers = st.one_of(st.lists(members, max_size=6).map(",".join), st.text(alphabet='gzipbrq=;,.01* "\t', max_size=60))


@given(headers)
def test_it_agrees_with_the_model(header: str) -> None:
    choice = FEATURE._choices(header)
    assert (choice.large.name if choice.large else None) == model(header)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
def test_any_text_is_read(header: str) -> None:
    choice = FEATURE._choices(header)
    assert choice.large is None or choice.large.name in choice.accepted


# What others send costs little


def test_a_header_nobody_has_a_reason_to_send_is_not_read_and_not_kept() -> None:
    choices = Choices(ORDER, {})
    started = time.process_time()
    for number in range(1000):
        assert choices("gzip," * 20_000 + str(number)).large is None
    assert time.process_time() - started < 1
    assert choices._remembered.cache_info().currsize == 0
    assert choices("gzip," + " " * (MAX_LENGTH - 5)).large is not None


def test_headers_that_are_all_different_fill_no_memory() -> None:
    choices = Choices(ORDER, {})
    for number in range(2000):
        choices(f"gzip, x{number}")
    assert choices._remembered.cache_info().currsize <= 256


# The order without settings goes by the body


@pytest.mark.parametrize(
    ("accept", "size", "content_type", "expected"),
    [
        ("gzip, br, zstd", 20_000, "text/html", "zstd"),
        ("gzip, br", 20_000, "text/html", "br"),
        ("gzip, br", 16 * 1024, "text/html", "br"),
        ("gzip, br", 16 * 1024 - 1, "text/html", "gzip"),
        ("br, gzip;q=0.5", 10_000, "text/html", "br"),
    ],
)
def test_brotli_is_for_bodies_where_it_makes_less(accept: str, size: int, content_type: str, expected: str) -> None:
    body = (BODY * 4)[:size]
    assert coding(answer(body, accept=accept, content_type=content_type)) == expected


def test_the_order_of_the_settings_holds_for_all() -> None:
    assert coding(answer(codings=["gzip", "br"])) == "gzip"
    assert coding(answer(codings=["br", "gzip"])) == "br"
    assert coding(answer(codings=["br", "gzip"], accept="zstd")) is None
