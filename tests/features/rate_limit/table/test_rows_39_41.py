"""Rows 39 to 41 of the table: how it is counted."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from perfkit.wsgi import RateLimitMiddleware
from tests.conformance import direct_wsgi
from tests.doors import Door
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import own_namespace
from tests.features.rate_limit.table.site import Site, rule, state
from tests.features.rate_limit.visits import Seconds

ROOT = Path(__file__).parents[4]


def shared(server: Server) -> dict[str, Any]:
    return {"store": server.uri, "namespace": own_namespace(), "store_timeout": 20}


# 39: algorithms


def test_39_sliding_counts_the_window_before_by_what_is_left_of_it(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("10/minute", jitter=False))
    assert site.statuses(10) == [200] * 10
    clock.now += 60
    assert site.get().status == 429
    clock.now += 30
    assert site.statuses(6) == [200] * 5 + [429]


def test_39_gcra_admits_a_burst_and_then_one_at_a_time(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("60/minute", algorithm="gcra", burst=3))
    assert site.statuses(4) == [200, 200, 200, 429]
    for _ in range(5):
        clock.now += 1
        assert site.statuses(2) == [200, 429]
    clock.now += 60
    assert site.statuses(4) == [200, 200, 200, 429]


@pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
@pytest.mark.parametrize("step", [-3600, -1, 3600])
def test_39_a_clock_that_steps_frees_no_more_than_its_step(
    door: Door, clock: Seconds, algorithm: str, step: int
) -> None:
    site = Site(door, rule("3/minute", algorithm=algorithm))
    assert site.statuses(4) == [200, 200, 200, 429]
    clock.now += step
    assert site.statuses(4) == ([429] * 4 if step < 0 else [200, 200, 200, 429])
    clock.now += 120
    assert site.get().status == 200


# 40: windows begin at different times


@pytest.mark.parametrize(("jitter", "apart"), [(True, True), (False, False)])
def test_40_clients_that_wait_do_not_come_all_at_once(door: Door, clock: Seconds, jitter: bool, apart: bool) -> None:
    site = Site(door, rule("5/minute", jitter=jitter))
    ends = {state(site.get(peer=f"192.0.2.{last}"))["rule"]["t"] for last in range(30)}
    assert (len(ends) > 5) is apart


# 41: nobody is admitted twice


def test_41_threads_take_exactly_the_quota() -> None:
    rules = [rule("900/hour", "a", key="global"), rule("700/day", "b", key="global", algorithm="gcra")]
    host = RateLimitMiddleware(direct_wsgi.answers([b"hello"]), rules=rules)

    def ask(_: object) -> str:
        call = direct_wsgi.call_host(host)
        call.items()
        return call.status[:3]

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(ask, range(1200)))
    finally:
        sys.setswitchinterval(switching)
    assert found.count("200") == 700
    assert found.count("429") == 500


WORKER = """
import sys
from perfkit.wsgi import RateLimitMiddleware
from tests.conformance import direct_wsgi

rules = [{"name": "a", "limits": "50/hour", "key": "global"}, {"name": "b", "limits": "30/day", "key": "global"}]
app = direct_wsgi.answers([b"hello"])
host = RateLimitMiddleware(app, rules=rules, store=sys.argv[1], namespace=sys.argv[2], store_timeout=20)
sys.stdin.readline()
found = []
for _ in range(25):
    call = direct_wsgi.call_host(host)
    call.items()
    found.append(call.status[:3])
print(found.count("200"), found.count("429"))
"""


@pytest.mark.server
def test_41_processes_take_exactly_the_quota(redis_server: Server) -> None:
    command = [sys.executable, "-c", WORKER, redis_server.uri, own_namespace()]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    found = [tuple(map(int, worker.communicate(timeout=60)[0].split())) for worker in workers]
    assert sum(admitted for admitted, _ in found) == 30
    assert sum(refused for _, refused in found) == 45


@pytest.mark.server
@pytest.mark.usefixtures("shared_stores")
def test_41_what_one_refuses_takes_nothing_of_the_others_in_a_shared_store(door: Door, redis_server: Server) -> None:
    rules = rule("5/hour", "wide"), rule("2/hour", "narrow", algorithm="gcra"), rule("3 concurrent", "flying")
    options = shared(redis_server)
    one, other = (Site(door, *rules, **options) for _ in range(2))
    assert [site.get().status for site in (one, other, one, other, one)] == [200, 200, 429, 429, 429]
    left = state(other.get())
    assert {name: each["r"] for name, each in left.items()} == {"wide": 3, "narrow": 0, "flying": 3}
