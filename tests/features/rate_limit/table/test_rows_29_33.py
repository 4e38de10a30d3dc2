"""Rows 29 to 33 of the table: a shared store that is gone, late, or back; on a real Redis."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import Door
from tests.features.rate_limit.redis_server import Server, free_port
from tests.features.rate_limit.shared import own_namespace
from tests.features.rate_limit.table.site import ASGI_DOORS, Site, fields, name_of, retry_after, rule

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("shared_stores")]

ON_ERROR = ("open", "closed", "local")
# One request that is not answered, and the store is left alone for ever.
GIVEN_UP: dict[str, Any] = {"store_timeout": 0.2, "breaker": [1, 3600.0]}


def nobody() -> str:
    """A store where nobody listens."""
    return f"redis://127.0.0.1:{free_port()}/0"


def of_paths(limits: str = "2/hour") -> list[dict[str, Any]]:
    """A rule for each way to go on, for the path of that name."""
    return [rule(limits, name, match={"path": f"/{name}"}, on_error=name) for name in ON_ERROR]


# 29, 30: the store is down


@pytest.mark.parametrize(
    ("on_error", "statuses"), [("open", [200] * 4), ("closed", [503] * 4), ("local", [200, 200, 429, 429])]
)
def test_29_what_becomes_of_requests_can_be_chosen(door: Door, on_error: str, statuses: list[int]) -> None:
    site = Site(door, rule("2/hour"), store=nobody(), on_error=on_error, **GIVEN_UP)
    assert site.statuses(4) == statuses


def test_29_by_default_it_is_counted_in_this_process(door: Door) -> None:
    assert Site(door, rule("2/hour"), store=nobody(), **GIVEN_UP).statuses(4) == [200, 200, 429, 429]


def test_29_what_no_rule_counts_does_not_depend_on_the_store(door: Door) -> None:
    site = Site(door, rule("2/hour", match={"prefix": "/api"}), store=nobody(), on_error="closed", **GIVEN_UP)
    assert site.statuses(3, "/health") == [200] * 3


def test_29_a_refusal_for_that_says_so(door: Door) -> None:
    site = Site(door, rule("2/hour"), store=nobody(), on_error="closed", store_timeout=0.2, breaker=[1, 30.0])
    response = site.get()
    assert (response.status, retry_after(response)) == (503, 30)
    problem = json.loads(response.body)
    assert problem["type"].endswith("#temporary-reduced-capacity")
    assert problem["violated-policies"] == ["rule"]
    assert fields(response, "RateLimit") == []


def test_30_each_rule_has_its_own_choice(door: Door) -> None:
    site = Site(door, *of_paths(), store=nobody(), on_error="closed", **GIVEN_UP)
    found = {name: site.statuses(4, f"/{name}") for name in ON_ERROR}
    assert found == {"open": [200] * 4, "closed": [503] * 4, "local": [200, 200, 429, 429]}


def test_30_the_strictest_of_those_that_fit_decides(door: Door) -> None:
    loose, strict = rule("2/hour", "loose", on_error="open"), rule("1/hour", "strict", on_error="local")
    assert Site(door, loose, strict, store=nobody(), **GIVEN_UP).statuses(3) == [200, 429, 429]


# 31: the fallback, and the way back


def test_31_it_is_counted_here_meanwhile_and_there_again_afterwards(door: Door, own_redis_server: Server) -> None:
    options: dict[str, Any] = {"store": own_redis_server.uri, "namespace": own_namespace(), "store_timeout": 5}
    one, other = (Site(door, rule("6/hour", jitter=False), breaker=[1, 0.2], **options) for _ in range(2))
    assert [site.get().status for site in (one, other)] == [200, 200]
    own_redis_server.kill()
    # Each goes on from what it has admitted itself, so that nobody gets a quota anew.
    assert one.statuses(6) == [200] * 5 + [429]
    assert other.statuses(3) == [200] * 3
    own_redis_server.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    client = own_redis_server.client()
    while not client.dbsize():
        assert time.monotonic() < deadline, "the store is not asked again"
        one.get(peer="198.51.100.1")
        time.sleep(0.02)
    client.flushall()
    client.close()
    assert one.statuses(6, peer="192.0.2.9") == [200] * 6
    other.get(peer="198.51.100.2")
    time.sleep(0.25)
    other.get(peer="198.51.100.2")
    assert other.get(peer="192.0.2.9").status == 429


# 32: a store that hangs


class Hole:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        self.taken: list[socket.socket] = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.taken:
            connection.close()


@pytest.fixture
def hole() -> Iterator[Hole]:
    hole = Hole()
    try:
        yield hole
    finally:
        hole.close()


def test_32_a_store_that_hangs_is_given_up_in_time(door: Door, hole: Hole) -> None:
    site = Site(door, rule("2/hour"), store=hole.uri, **GIVEN_UP)
    assert site.statuses(3) == [200, 200, 429]


def test_32_and_then_left_alone(door: Door, hole: Hole, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(door, rule("9/hour"), store=hole.uri, store_timeout=0.1, breaker=[2, 3600.0])
    site.statuses(3)
    asked = len(hole.taken)
    assert asked >= 1
    assert site.statuses(5) == [200] * 5
    assert len(hole.taken) == asked
    assert [record.name for record in caplog.records].count("perfkit") == 1


# 33: nothing waits for it but what is counted by it


@pytest.mark.parametrize("door", ASGI_DOORS, ids=name_of)
def test_33_the_event_loop_goes_on_while_the_store_hangs(door: Door, own_redis_server: Server) -> None:
    limited = rule("9/hour", match={"path": "/limited"})
    site = Site(door, limited, store=own_redis_server.uri, namespace=own_namespace(), store_timeout=30)
    assert site.get("/limited").status == 200
    own_redis_server.hang()
    with site.open("/limited") as waiting:
        assert site.statuses(5, "/free") == [200] * 5
        own_redis_server.go_on()
        assert waiting.rest().status == 200
