"""Rows C48 to C56 of the table: what compression costs, and what users may set.

Two rows are for later, as the target says (item 21), and docs/compression.md says so under "What it does not do":
C54, the decompression of requests, and C55, the dictionaries of RFC 9842. What holds of them today is tested here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from backports import zstd

from perfkit import Compression, ConfigurationError
from perfkit.compression import Codec
from perfkit.features.compression._brotli import Brotli
from perfkit.features.compression._gzip import Gzip
from perfkit.features.compression._zstd import Zstd
from tests.conformance.client import Request
from tests.doors import DOORS, Door, Front, Gate, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    CODINGS,
    EVENTS,
    ask,
    coding,
    decoded,
    page,
    streamed,
)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the gzip codec."""
    found: list[str] = []
    compress, encoder = Gzip.compress, Gzip.encoder

    def noted(self: Gzip, body: bytes) -> bytes:
        found.append("compress")
        return compress(self, body)

    def encoder_noted(self: Gzip, **facts: Any) -> Any:
        found.append("encoder")
        return encoder(self, **facts)

    monkeypatch.setattr(Gzip, "compress", noted)
    monkeypatch.setattr(Gzip, "encoder", encoder_noted)
    return found


# C48: no compressor without something to compress


def test_c48_a_304_a_head_and_an_empty_stream_make_no_compressor(door: Door, made: list[str]) -> None:
    tagged = ("ETag", '"v1"')
    ask(door, page(BODY, tagged), ("If-None-Match", '"v1"'), accept="gzip")
    ask(door, page(b"", ("Content-Length", "6000")), accept="gzip", method="HEAD")
    ask(door, streamed(CHUNKS, tagged), ("If-None-Match", '"v1"'), accept="gzip")
    ask(door, page(b"tiny"), accept="gzip")
    ask(door, accept="identity")
    assert made == []
    ask(door, streamed(), accept="gzip")
    assert made == ["encoder"]


def test_c48_a_stream_that_waits_for_its_first_chunk_has_none_yet(door: Door, made: list[str]) -> None:
    if door.protocol == "wsgi":
        pytest.skip("on WSGI a stream is known by its first chunk")
    gate = Gate()
    items: list[bytes | Gate] = [gate, BODY]

    def view(_: Seen) -> Page:
        return Page(stream=lambda: iter(items), headers=[EVENTS])

    with door.open(view, Front()).open(Request("GET", "/", [("Accept-Encoding", "gzip")])) as flight:
        assert coding(flight.head()) == "gzip"
        assert made == []
        gate.open()
        assert decoded(flight.rest()) == BODY
    assert made == ["encoder"]


# C49: the same bytes every time

PRINT_DIGESTS = """
import hashlib
from tests.doors import DOORS
from tests.features.compression.table.asking import CHUNKS, CODINGS, ask, page, streamed
for name in CODINGS:
    for answer in (page(), streamed(CHUNKS)):
        print(name, hashlib.sha256(ask(DOORS[2], answer, accept=name).body).hexdigest())
"""


def test_c49_two_processes_give_the_same_bytes_and_all_doors_do() -> None:
    def digests(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PRINT_DIGESTS]
        return subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout

    first = digests("1")
    assert len(first.split()) == 12
    assert digests("2") == first
    for name in CODINGS:
        assert len({ask(door, accept=name).body for door in DOORS}) == 1


def test_c49_the_tag_of_perfkit_is_one_for_all_codings_and_stays(door: Door) -> None:
    tags = {ask(door, accept=accept).header("ETag") for accept in (*CODINGS, None, "gzip")}
    assert len(tags) == 1


# C50: padding


@pytest.mark.parametrize("name", CODINGS)
def test_c50_padding_blurs_the_length_and_neither_the_body_nor_the_tag(door: Door, name: str) -> None:
    for answer in (page(), streamed([BODY])):
        found = [ask(door, answer, accept=name, compression={"padding": 256}) for _ in range(12)]
        assert {decoded(response) for response in found} == {BODY}
        assert len({len(response.body) for response in found}) > 1
        assert len({response.header("ETag") for response in found}) == 1


# C51: windows that browsers take (RFC 9659)


@pytest.mark.parametrize("level", [1, 3, 19])
def test_c51_no_window_is_larger_than_8_mib(door: Door, level: int) -> None:
    parameters: dict[Any, int] = {zstd.DecompressionParameter.window_log_max: 23}
    for answer in (page(), streamed(), streamed(kind=EVENTS)):
        response = ask(door, answer, accept="zstd", compression={"levels": {"zstd": level}})
        assert zstd.decompress(response.body, options=parameters) == BODY


@pytest.mark.parametrize("level", [0, 20, 22, -1])
def test_c51_levels_with_larger_ones_are_refused_at_start_up(level: int) -> None:
    with pytest.raises(ConfigurationError, match=r"compression\.levels\.zstd"):
        Compression(levels={"zstd": level})


# C52: leaving something out


def test_c52_paths_types_and_a_function_leave_responses_out(door: Door) -> None:
    options: list[dict[str, Any]] = [
        {"exclude": ["/secret/*"]},
        {"exclude_types": ["application/json"]},
        {"skip_if": is_secret},
        {"minimum_size": 100_000},
    ]
    for option in options:
        response = ask(door, target="/secret/page", compression=option)
        assert (coding(response), response.body) == (None, BODY)
    assert coding(ask(door, target="/public", compression=options[0])) == "zstd"
    assert coding(ask(door, target="/public", compression=options[2])) == "zstd"


def is_secret(exchange: Any) -> bool:
    return str(exchange.path).startswith("/secret/")


@pytest.mark.parametrize("target", ["/secret%2Fpage", "/%73ecret/page", "/secret/../secret/page"])
def test_c52_a_path_is_left_out_however_it_is_written(door: Door, target: str) -> None:
    assert coding(ask(door, target=target, compression={"exclude": ["/secret/*"]})) is None


def test_c52_a_type_of_ones_own_is_let_in(door: Door) -> None:
    book = Page(body=BODY, headers=[("Content-Type", "application/x-book")])
    assert coding(ask(door, book)) is None
    assert coding(ask(door, book, compression={"types": ["application/x-book"]})) == "zstd"


# C53: a cache of compressed bodies


def test_c53_a_body_that_comes_again_is_compressed_once(door: Door, made: list[str]) -> None:
    cached: dict[str, Any] = {"compression": {"cache_size": 1_000_000, "levels": {"gzip": 6}}}
    bodies = {ask(door, page(BODY + b"c53"), accept="gzip", **cached).body for _ in range(3)}
    assert len(bodies) == 1
    assert made == ["compress"]
    other = ask(door, page(BODY + b"d53"), accept="gzip", **cached)
    assert decoded(other) == BODY + b"d53"
    assert made == ["compress", "compress"]


# C54 and C55: for later


def test_c54_an_encoded_request_reaches_the_application_as_it_is(door: Door) -> None:
    seen: list[Seen] = []

    def view(request: Seen) -> Page:
        seen.append(request)
        return Page(status=204)

    assert ask(door, view, ("Content-Encoding", "gzip"), method="POST").status == 204
    assert seen[0].headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("accept", ["dcb, dcz", "dcz, gzip;q=0.1"])
def test_c55_who_offers_dictionaries_gets_what_else_it_takes(door: Door, accept: str) -> None:
    response = ask(door, None, ("Available-Dictionary", ":AAAA:"), accept=accept)
    assert coding(response) == ("gzip" if "gzip" in accept else None)
    assert decoded(response) == BODY


# C56: levels


def test_c56_no_default_level_is_one_that_costs_more_than_it_saves() -> None:
    levels = {name: codec.level for name, codec in Compression()._choices.codecs.items()}
    assert levels == {"zstd": 3, "br": 4, "gzip": 5}
    assert Zstd.default_level == 3


@pytest.mark.parametrize(("codec", "level"), [(Zstd, 19), (Brotli, 11), (Gzip, 9)])
def test_c56_who_asks_for_more_gets_it(door: Door, codec: type[Codec], level: int) -> None:
    name = codec.name
    best = ask(door, accept=name, compression={"levels": {name: level}})
    assert best.body == codec(level).compress(BODY)
    assert best.body != ask(door, accept=name).body == codec(codec.default_level).compress(BODY)
