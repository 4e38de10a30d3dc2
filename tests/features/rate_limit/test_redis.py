"""What is stored on Redis, and how little is asked of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import anyio
import pytest

from perfkit.features.rate_limit import Keys, Policy
from perfkit.features.rate_limit._redis import Redis
from perfkit.features.rate_limit._shared_backend import LEASE
from perfkit.options import BadOption
from tests.features.rate_limit.models import Clock
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import KEY, Options, awaited, done, redis_store

SLIDING = Policy("a", 5, 60)
GCRA = Policy("b", 5, 60, "gcra")
FLYING = Policy("c", 5, 0, "concurrent")


def names(server: Server, options: Options) -> list[str]:
    return sorted(server.client().scan_iter(match=f"{{{options.namespace}}}:*"))


class Monitor:
    """The commands that clients send, of those that name something."""

    def __init__(self, server: Server, marker: str) -> None:
        self._client = server.client()
        self._marker = marker
        self.commands: list[str] = []

    def __enter__(self) -> Self:
        self._monitor = self._client.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def _listen(self) -> None:
        for each in self._monitor.listen():
            if each["command"].startswith("ECHO end-of"):
                return
            # What a script does is no trip.
            if self._marker in each["command"] and each["client_type"] != "lua":
                self.commands.append(each["command"].partition(" ")[0])

    def __exit__(self, *_: object) -> None:
        self._client.echo(f"end-of-{self._marker}")
        self._thread.join(20)
        self._monitor.__exit__(None, None, None)
        self._client.close()


# Round trips


def test_all_policies_of_a_request_are_one_round_trip(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    hits = [(SLIDING, KEY, 1), (GCRA, KEY, 1), (FLYING, KEY + 1, 1)]
    done(store.take_all(hits))  # connects, and has the script loaded
    with Monitor(redis_server, options.namespace) as monitor:
        assert [each.remaining for each in done(store.take_all(hits))] == [3, 3, 3]
    assert monitor.commands == ["EVALSHA"]
    store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_requests_that_come_together_on_a_loop_share_a_trip(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    await awaited(store.take_all([(SLIDING, KEY, 0)]))
    before = redis_server.client().info("stats")["total_connections_received"]
    takes = (awaited(store.take_all([(SLIDING, KEY, 1)])) for _ in range(50))
    decisions = [each[0] for each in await asyncio.gather(*takes)]
    assert sum(each.allowed for each in decisions) == 5
    assert redis_server.client().info("stats")["total_connections_received"] <= before + 1
    await store.aclose()


def test_a_server_that_forgets_the_script_is_given_it_again(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    done(store.take_all([(SLIDING, KEY, 1)]))
    redis_server.client().script_flush()
    with Monitor(redis_server, options.namespace) as monitor:
        assert done(store.take_all([(SLIDING, KEY, 1)]))[0].remaining == 3
        assert done(store.take_all([(SLIDING, KEY, 1)]))[0].remaining == 2
    assert monitor.commands == ["EVALSHA", "EVAL", "EVALSHA"]
    assert store.breaker.errors == 0
    store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_on_a_loop_too_the_script_is_given_again(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    await awaited(store.take_all([(SLIDING, KEY, 1)]))
    redis_server.client().script_flush()
    takes = (awaited(store.take_all([(SLIDING, KEY, 1)])) for _ in range(10))
    assert sum(each[0].allowed for each in await asyncio.gather(*takes)) == 4
    await store.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_under_trio_it_works_as_well(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    with anyio.fail_after(60):
        assert (await awaited(store.take_all([(SLIDING, KEY, 1)])))[0].remaining == 4
    store.close()


def test_each_loop_has_a_line_and_those_of_closed_loops_are_dropped(redis_server: Server) -> None:
    backend = Redis(redis_server.uri, Options())

    async def take() -> None:
        from perfkit.features.rate_limit._shared_backend import Entry

        await backend.ask_async("take", [Entry(SLIDING, KEY, 1)])
        assert len(backend._lines._lines) == 1

    for _ in range(5):
        asyncio.run(take())
    assert len(backend._lines._lines) == 1
    backend.close()


# What is stored


def test_keys_show_policy_and_counting_and_never_what_a_client_sent(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    key = Keys("perfkit", "a").number_of("x" * 1_000_000, "\r\n*?{}")
    done(store.take_all([(SLIDING, key, 1), (GCRA, key, 1), (FLYING, key, 1)]))
    assert names(redis_server, options) == [
        f"{{{options.namespace}}}:a:sliding-60:{key:x}",
        f"{{{options.namespace}}}:b:gcra-60:{key:x}",
        f"{{{options.namespace}}}:c:concurrent-0:{key:x}",
    ]
    store.close()


def test_every_key_expires(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    slow = Policy("slow", 1, 315_360_000, "gcra")
    done(store.take_all([(SLIDING, KEY, 1), (GCRA, KEY, 5), (FLYING, KEY, 1), (slow, KEY, 1)]))
    done(store.settle(slow, KEY, 1 << 60))
    left = [redis_server.client().pttl(name) / 1000 for name in names(redis_server, options)]
    assert 60 < left[0] <= 120.1
    assert 55 < left[1] <= 60.1
    assert LEASE - 5 < left[2] <= LEASE + 0.1
    assert 0 < left[3] <= 20 * 365 * 86_400
    store.close()


def test_a_key_is_gone_when_it_says_nothing(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    done(store.take_all([(SLIDING, KEY, 0), (GCRA, KEY, 0), (FLYING, KEY, 0)]))
    assert names(redis_server, options) == []
    done(store.take_all([(SLIDING, KEY, 2), (GCRA, KEY, 2), (FLYING, KEY, 2)]))
    done(store.settle(SLIDING, KEY, -2))
    done(store.settle(GCRA, KEY, -2))
    done(store.release(FLYING, KEY, 2))
    assert names(redis_server, options) == []
    store.close()


def test_what_is_refused_leaves_nothing(redis_server: Server) -> None:
    options = Options()
    store = redis_store(redis_server.uri, options)
    decisions = done(store.take_all([(GCRA, KEY, 1), (SLIDING, KEY, 6), (FLYING, KEY, 1)]))
    assert [each.allowed for each in decisions] == [True, False, True]
    assert decisions[1].retry_after == float("inf")
    assert names(redis_server, options) == []
    assert len(store.leases) == 0
    store.close()


def test_a_policy_that_counts_otherwise_begins_anew(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    timed = [Policy("p", 5, 60), Policy("p", 5, 3600), Policy("p", 5, 60, "gcra")]
    for policy in [*timed, Policy("p", 5, 0, "concurrent")]:
        assert done(store.take_all([(policy, KEY, 5)]))[0].allowed
    store.close()


def test_policies_of_one_name_are_the_same_in_all_processes(redis_server: Server) -> None:
    options = Options()
    one, other = redis_store(redis_server.uri, options), redis_store(redis_server.uri, options)
    done(one.take_all([(Policy("p", 5, 60), KEY, 5)]))
    assert not done(other.take_all([(Policy("p", 5, 60), KEY, 1)]))[0].allowed
    one.close()
    other.close()


def test_namespaces_are_apart_whatever_they_are_called(redis_server: Server) -> None:
    base = Options().namespace
    stores = [redis_store(redis_server.uri, Options(f"{base}{end}")) for end in ("*", "[a]", "", ":b", "}{")]
    for store in stores:
        assert done(store.take_all([(SLIDING, KEY, 5)]))[0].allowed
    for store in stores:
        assert len(list(store.backend.keys)) == 1  # type: ignore[attr-defined]
        store.close()


def test_a_value_that_is_not_ours_counts_as_none(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    for policy in (SLIDING, GCRA):
        redis_server.client().set(store.backend.key_of(policy, KEY), "1", ex=60)  # type: ignore[attr-defined]
        assert done(store.take_all([(policy, KEY, 1)]))[0].remaining == 4
    store.close()


@pytest.mark.parametrize("policy", [SLIDING, GCRA], ids=lambda policy: policy.algorithm)
@pytest.mark.parametrize("step", [0.5, 3600.0, 1e8])
def test_a_server_clock_that_steps_back_stands_still(redis_server: Server, policy: Policy, step: float) -> None:
    clock = Clock(2e8)
    store = redis_store(redis_server.uri, clock=clock)
    done(store.take_all([(policy, KEY, 5)]))
    clock.advance(-step)
    decision = done(store.take_all([(policy, KEY, 3)]))[0]
    assert not decision.allowed
    assert 0 < decision.retry_after <= 120
    clock.advance(decision.retry_after)
    assert done(store.take_all([(policy, KEY, 3)]))[0].allowed
    store.close()


# In flight


def test_what_a_dead_process_had_in_flight_is_free_again(redis_server: Server) -> None:
    clock, options = Clock(), Options()
    dead, alive = redis_store(redis_server.uri, options, clock), redis_store(redis_server.uri, options, clock)
    done(dead.take_all([(FLYING, KEY, 3)]))
    clock.advance(LEASE / 2)
    done(alive.take_all([(FLYING, KEY, 2)]))
    assert not done(alive.take_all([(FLYING, KEY, 1)]))[0].allowed
    clock.advance(LEASE / 2 + 1)
    assert done(alive.take_all([(FLYING, KEY, 1)]))[0].remaining == 2
    dead.close()
    alive.close()


def test_what_is_in_flight_for_long_is_renewed(redis_server: Server) -> None:
    clock = Clock()
    store = redis_store(redis_server.uri, clock=clock)
    done(store.take_all([(FLYING, KEY, 2)]))
    done(store.take_all([(FLYING, KEY, 3)]))
    for _ in range(5):
        clock.advance(LEASE / 3)
        store._renew([entry for held in store.leases._held.values() for entry in held])
        assert not done(store.take_all([(FLYING, KEY, 1)]))[0].allowed
    done(store.release(FLYING, KEY, 2))
    assert done(store.peek(FLYING, KEY)).remaining == 2
    store.close()


def test_renewing_counts_again_what_the_server_has_lost(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    done(store.take_all([(FLYING, KEY, 5)]))
    redis_server.client().delete(store.backend.key_of(FLYING, KEY))  # type: ignore[attr-defined]
    store._renew([entry for held in store.leases._held.values() for entry in held])
    assert not done(store.take_all([(FLYING, KEY, 1)]))[0].allowed
    done(store.release(FLYING, KEY, 5))
    assert done(store.peek(FLYING, KEY)).remaining == 5
    store.close()


def test_only_what_was_taken_is_given_back_and_only_once(redis_server: Server) -> None:
    options = Options()
    one, other = redis_store(redis_server.uri, options), redis_store(redis_server.uri, options)
    done(one.take_all([(FLYING, KEY, 2)]))
    done(other.take_all([(FLYING, KEY, 2)]))
    for _ in range(3):
        done(one.release(FLYING, KEY, 2))
    assert done(other.peek(FLYING, KEY)).remaining == 3
    assert done(other.settle(FLYING, KEY, -2)).remaining == 5
    assert done(other.settle(FLYING, KEY, -2)).remaining == 5
    one.close()
    other.close()


def test_what_is_in_flight_can_be_more_than_allowed(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    assert done(store.settle(FLYING, KEY, 7)).remaining == 0
    assert not done(store.peek(FLYING, KEY, 0)).allowed
    assert done(store.settle(FLYING, KEY, 0)).remaining == 0
    assert done(store.settle(FLYING, KEY, -7)).remaining == 5
    store.close()


# Many at a time


@pytest.mark.parametrize("policy", [SLIDING, GCRA, FLYING], ids=lambda policy: policy.algorithm)
def test_threads_take_exactly_the_quota(redis_server: Server, policy: Policy) -> None:
    large = Policy("large", 200, policy.window * 1000, policy.algorithm)
    store = redis_store(redis_server.uri)

    def take(_: int) -> int:
        return sum(done(store.take_all([(large, KEY, 1)]))[0].allowed for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 200
    store.close()


# What can be wrong


def test_the_client_is_imported_only_by_those_who_use_it() -> None:
    code = "import sys, perfkit.features.rate_limit._shared; assert not {'redis', 'limits'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(BadOption, match=r"pip install 'perfkit\[redis\]'"):
        Redis("redis://localhost", Options())


@pytest.mark.parametrize(
    ("uri", "options"),
    [("redis://localhost:port", {}), ("redis://localhost?socket_timeout=soon", {}), ("redis://localhost", {"no": 1})],
)
def test_what_the_client_cannot_use_is_said_at_the_start(uri: str, options: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match="store: "):
        Redis(uri, Options(store_options=options))


def test_a_unix_socket(own_redis_server: Server) -> None:
    for scheme in ("unix", "redis+unix", "valkey+unix"):
        store = redis_store(f"{scheme}://{own_redis_server.socket}?db=1")
        assert done(store.take_all([(SLIDING, KEY, 1)]))[0].remaining == 4
        store.close()
