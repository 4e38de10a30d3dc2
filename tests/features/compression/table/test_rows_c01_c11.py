"""Rows C1 to C11 of the table: what the client takes."""

from __future__ import annotations

import time

import pytest

from tests.doors import Door
from tests.features.compression.table.asking import BODY, CODINGS, ask, coding, decoded, page, varies

# C1: tokens and not pieces of text


@pytest.mark.parametrize(
    "accept",
    [
        "notgzip",
        "gzipped",
        "x-gzip-2",
        "gzip2, br2, zstd-1",
        "zstdx",
        "brr",
        "g zip",
        "identity",
        "deflate",
        "gzip/1",
        "",
        ",",
    ],
)
def test_c1_a_word_that_only_holds_a_coding_is_none(door: Door, accept: str) -> None:
    response = ask(door, accept=accept)
    assert coding(response) is None
    assert response.body == BODY
    assert varies(response)


@pytest.mark.parametrize(
    "accept", [" gzip", "gzip ", "\tgzip\t", ",,gzip,,", "deflate , \t gzip", "gzip ; q=1", "gzip;\tq=0.1"]
)
def test_c1_blanks_and_empty_members_do_not_matter(door: Door, accept: str) -> None:
    assert coding(ask(door, accept=accept)) == "gzip"


def test_c1_who_says_nothing_gets_the_plain_body(door: Door) -> None:
    response = ask(door, accept=None)
    assert coding(response) is None
    assert varies(response)


# C2: a weight of nothing refuses


@pytest.mark.parametrize("weight", ["0", "0.", "0.0", "0.00", "0.000"])
def test_c2_a_coding_of_weight_zero_is_refused(door: Door, weight: str) -> None:
    assert coding(ask(door, accept=f"gzip;q={weight}")) is None
    assert coding(ask(door, accept=f"gzip;Q={weight}, *")) != "gzip"


@pytest.mark.parametrize(
    "weight", ["-1", "2", "1.001", "0.0001", "nan", "1e0", "", "0x1", "1;q=1", "\u0661".encode().decode("latin-1")]
)
def test_c2_a_weight_that_is_none_refuses(door: Door, weight: str) -> None:
    assert coding(ask(door, accept=f"gzip;q={weight}")) is None


def test_c2_of_two_weights_of_a_coding_the_lower_counts(door: Door) -> None:
    assert coding(ask(door, accept="gzip, gzip;q=0")) is None
    assert coding(ask(door, accept="gzip;q=0, gzip")) is None


# C3 and C4: the client's order counts


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("gzip;q=0.5, br;q=0.9, zstd;q=0.1", "br"),
        ("zstd;q=0.999, gzip;q=1.0", "gzip"),
        ("br;q=0.001", "br"),
        ("gzip, br, zstd", "zstd"),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity, gzip", "gzip"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0.5, gzip;q=0.4, br;q=0.6", "br"),
    ],
)
def test_c3_c4_the_weights_order_the_codings_and_identity(door: Door, accept: str, expected: str | None) -> None:
    response = ask(door, accept=accept)
    assert coding(response) == expected
    assert decoded(response) == BODY


# C5: any


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*", "zstd"),
        ("*;q=0.1", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("zstd;q=0, gzip;q=0, *", "br"),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0.5, gzip", "gzip"),
        ("identity, *;q=0", None),
    ],
)
def test_c5_a_star_stands_for_what_is_not_named(door: Door, accept: str, expected: str | None) -> None:
    assert coding(ask(door, accept=accept)) == expected


# C6: in any case


@pytest.mark.parametrize(
    ("accept", "expected"), [("GZIP", "gzip"), ("Br;Q=1", "br"), ("zStD", "zstd"), ("X-GZip", "gzip")]
)
def test_c6_names_of_codings_are_read_in_any_case(door: Door, accept: str, expected: str) -> None:
    assert coding(ask(door, accept=accept)) == expected


# C7: in several lines


def test_c7_several_lines_count_as_one(door: Door) -> None:
    assert coding(ask(door, None, ("Accept-Encoding", "br"), accept="deflate")) == "br"
    assert coding(ask(door, None, ("accept-encoding", "gzip;q=0"), accept="gzip")) is None


# C8: no 406; who refuses identity is given a coding


@pytest.mark.parametrize(
    "accept", ["identity;q=0", "*;q=0", "identity;q=0, gzip;q=0, br;q=0, zstd;q=0", "deflate, *;q=0"]
)
def test_c8_who_takes_nothing_we_have_gets_the_plain_body(door: Door, accept: str) -> None:
    response = ask(door, accept=accept)
    assert (response.status, coding(response), response.body) == (200, None, BODY)


@pytest.mark.parametrize("accept", ["gzip, identity;q=0", "gzip, *;q=0"])
def test_c8_who_refuses_identity_gets_a_coding_whatever_the_size(door: Door, accept: str) -> None:
    response = ask(door, page(b"{}"), accept=accept)
    assert coding(response) == "gzip"
    assert decoded(response) == b"{}"
    assert coding(ask(door, page(b""), accept=accept)) is None  # is the same in every coding


# C9: a header made to keep the server busy


@pytest.mark.parametrize(
    "accept",
    [
        "gzip," * 20_000,
        ";" * 100_000,
        "gzip;q=" + "0" * 100_000,
        " " * 99_990 + "gzip",
        "\xff" * 100_000,
        'a="' * 33_000,
    ],
    ids=["members", "semicolons", "zeros", "blanks", "latin-1", "quotes"],
)
def test_c9_a_hundred_kilobytes_of_garbage_cost_nothing_and_give_the_plain_body(door: Door, accept: str) -> None:
    started = time.perf_counter()
    response = ask(door, accept=accept)
    assert time.perf_counter() - started < 1  # what reads it all, and badly, takes minutes
    assert (response.status, coding(response), response.body) == (200, None, BODY)


# C10, C11: codings


@pytest.mark.parametrize("name", CODINGS)
def test_c10_each_coding_is_one_that_others_decode(door: Door, name: str) -> None:
    response = ask(door, accept=name)
    assert coding(response) == name
    assert decoded(response) == BODY
    assert len(response.body) < len(BODY) / 4


def test_c11_deflate_is_not_spoken_since_nobody_knows_which_is_meant(door: Door) -> None:
    assert coding(ask(door, accept="deflate")) is None
