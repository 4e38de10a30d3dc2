"""Row 48 of the table: so many at a time, and what is over is not in flight."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door, Gate, Page
from tests.features.rate_limit.shared import own_namespace
from tests.features.rate_limit.table.site import (
    FILE_DOORS,
    HELLO,
    TEXT,
    Site,
    answers,
    fields,
    name_of,
    retry_after,
    rule,
)

if TYPE_CHECKING:
    from pathlib import Path

FLYING = rule("1 concurrent", "flying")
STORES = ["memory", pytest.param("redis", marks=pytest.mark.server)]


@pytest.fixture
def store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options: where it is counted."""
    if request.param == "memory":
        return {}
    request.getfixturevalue("shared_stores")
    server = request.getfixturevalue("redis_server")
    return {"store": server.uri, "namespace": own_namespace(), "store_timeout": 20}


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 100


def stays(gate: Gate) -> Page:
    chunks: list[bytes | Gate] = [b"a", gate, b"b"]
    return Page(stream=lambda: iter(chunks), headers=[TEXT])


def admitted_again(site: Site) -> bool:
    """Whether a request is admitted, in a while: a server may end an exchange after its last byte."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while site.get().status == 429:
        if time.monotonic() > deadline:
            return False
        gc.collect()  # Django leaves some responses unclosed
        time.sleep(0.005)
    return True


def test_48_so_many_at_a_time_and_again_when_one_has_ended(door: Door) -> None:
    gate = Gate()
    pages = iter([stays(gate), HELLO, HELLO])
    site = Site(door, FLYING, view=lambda seen: next(pages), sections={"compression": False})
    with site.open() as flight:
        assert fields(flight.head(), "RateLimit-Policy") == [("flying", {"q": 1, "qu": "concurrent-requests"})]
        assert fields(flight.head(), "RateLimit") == [("flying", {"r": 0})]
        refused = site.get()
        assert (refused.status, retry_after(refused)) == (429, 1)
        assert site.get(peer="192.0.2.2").status == 200
        gate.open()
        flight.rest()
    assert admitted_again(site)


def test_48_one_request_is_one_whatever_it_costs(door: Door) -> None:
    site = Site(door, rule("1 concurrent, 100/hour", cost=lambda exchange: 9))
    assert site.statuses(3) == [200] * 3


def test_48_a_refused_request_is_not_in_flight(door: Door) -> None:
    site = Site(door, FLYING, rule("2/hour", match={"methods": ["POST"]}))
    assert site.statuses(4, method="POST") == [200, 200, 429, 429]
    assert site.statuses(3) == [200] * 3


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
def test_48_what_has_ended_is_not_in_flight(door: Door, status: int) -> None:
    site = Site(door, FLYING, view=answers(status))
    for method in ("GET", "HEAD", "POST"):
        assert site.statuses(3, method=method) == [status] * 3


@pytest.mark.parametrize("door", FILE_DOORS, ids=name_of)
def test_48_nor_is_a_file_that_was_sent(door: Door, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_bytes(b"x" * 100_000)
    site = Site(door, FLYING, view=Page(file=book, headers=[TEXT]))
    assert site.statuses(3) == [200] * 3


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_48_what_has_failed_is_not_in_flight(door: Door, store: dict[str, Any]) -> None:
    def view(seen: Any) -> Page:
        raise ValueError("the view")

    site = Site(door, FLYING, view=view, **store)
    for _ in range(3):
        with site.open() as flight:
            assert flight.rest().status == 500


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_48_a_stream_that_fails_is_not_in_flight(door: Door, store: dict[str, Any]) -> None:
    def failing() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise ValueError("the stream")

    pages = iter([Page(stream=failing, headers=[TEXT]), *[HELLO] * 1000])
    site = Site(door, FLYING, view=lambda seen: next(pages), sections={"compression": False}, **store)
    with site.open() as flight:
        flight.rest()
    assert admitted_again(site)


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_48_what_the_client_has_left_is_not_in_flight(door: Door, store: dict[str, Any]) -> None:
    pages = iter([Page(stream=endless, headers=[TEXT]), *[HELLO] * 1000])
    site = Site(door, FLYING, view=lambda seen: next(pages), sections={"compression": False}, **store)
    with site.open() as flight:
        flight.chunk()
        assert site.get().status == 429
    assert admitted_again(site)
