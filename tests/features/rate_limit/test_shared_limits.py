"""Memcached, by way of the package limits."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any

import anyio
import pytest

from perfkit.features.rate_limit import Policy, StoreError, _shared_limits
from perfkit.features.rate_limit._shared import SharedStore
from perfkit.features.rate_limit._shared_limits import _retry
from perfkit.options import BadOption
from tests.features.rate_limit.redis_server import free_port, missing
from tests.features.rate_limit.shared import KEY, Options, awaited, done

# So long that no test sees a window end.
POLICY = Policy("p", 5, 1_000_000)
OTHER = Policy("q", 5, 1_000_000)


@contextlib.contextmanager
def memcached() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    program = shutil.which("memcached")
    if program is None:
        missing("needs memcached, which is not installed")
    port = free_port()
    process = subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-u", "nobody"])
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"memcached://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with memcached() as (uri, _):
        yield uri


@pytest.fixture
def store(uri: str) -> Iterator[SharedStore]:
    store = SharedStore(uri, Options())
    yield store
    store.close()


def remaining(store: SharedStore, policy: Policy) -> int:
    return done(store.peek(policy, KEY, 0)).remaining


def test_the_quota_is_admitted(store: SharedStore) -> None:
    decisions = [done(store.take_all([(POLICY, KEY, 2)]))[0] for _ in range(3)]
    assert [(each.allowed, each.remaining) for each in decisions] == [(True, 3), (True, 1), (False, 1)]
    assert decisions[0].retry_after == 0
    assert decisions[2].retry_after > 0
    assert decisions[2].reset_after > POLICY.window
    assert remaining(store, OTHER) == 5


@pytest.mark.parametrize(
    "policy", [Policy("g", 5, 60, "gcra"), Policy("f", 5, 0, "concurrent"), Policy("y", 5, 1_300_000)]
)
def test_what_it_cannot_count_by_is_said_and_not_admitted(store: SharedStore, policy: Policy) -> None:
    with pytest.raises(BadOption, match=r"memcached://.* cannot count .* Redis, and the memory of each process, can"):
        store.check(policy)
    with pytest.raises(StoreError, match="cannot count"):
        done(store.take_all([(policy, KEY, 1)]))


def test_what_never_fits(store: SharedStore) -> None:
    decision = done(store.take_all([(POLICY, KEY, 6)]))[0]
    assert (decision.allowed, decision.retry_after) == (False, inf)


def test_where_one_refuses_the_others_get_theirs_back(store: SharedStore) -> None:
    done(store.take_all([(OTHER, KEY, 5)]))
    decisions = done(store.take_all([(POLICY, KEY, 2), (OTHER, KEY, 1)]))
    assert [(each.allowed, each.remaining) for each in decisions] == [(True, 5), (False, 0)]
    assert remaining(store, POLICY) == 5


def test_settled_and_reset(store: SharedStore) -> None:
    done(store.take_all([(POLICY, KEY, 3)]))
    assert done(store.settle(POLICY, KEY, -2)).remaining == 4
    assert done(store.settle(POLICY, KEY, -9)).remaining == 5
    standing = done(store.settle(POLICY, KEY, 20))
    assert (standing.allowed, standing.remaining) == (False, 0)
    assert done(store.settle(POLICY, KEY, 0)).remaining == 0
    done(store.reset(POLICY, KEY))
    assert remaining(store, POLICY) == 5
    store.forget(POLICY)
    store.close()


def test_namespaces_are_apart(uri: str) -> None:
    one, other = SharedStore(uri, Options("a b\r\n" * 100)), SharedStore(uri, Options("a"))
    done(one.take_all([(POLICY, KEY, 5)]))
    assert remaining(other, POLICY) == 5
    one.close()
    other.close()


def test_threads_take_no_less_than_the_quota(store: SharedStore) -> None:
    large = Policy("large", 100, 1_000_000)

    def take(_: int) -> int:
        return sum(done(store.take_all([(large, KEY, 1)]))[0].allowed for _ in range(30))

    with ThreadPoolExecutor(8) as pool:
        # Memcached decides in several steps, in which others are admitted too: see the module.
        assert 90 <= sum(pool.map(take, range(8))) <= 108


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_on_event_loops_it_is_asked_on_a_thread(store: SharedStore) -> None:
    with anyio.fail_after(60):
        assert (await awaited(store.take_all([(POLICY, KEY, 1)])))[0].remaining == 4
    await store.aclose()


def test_killed_or_hung_it_is_given_up(uri: str) -> None:
    with memcached() as (own, process):
        store = SharedStore(own, Options(store_timeout=0.2, breaker=(2, 600.0)))
        done(store.take_all([(POLICY, KEY, 1)]))
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(StoreError):
                done(store.take_all([(POLICY, KEY, 1)]))
            assert time.monotonic() - started < 15
        assert store.breaker.is_open
        store.close()


class TestUri:
    """Which storage of limits a URI makes. MongoDB has not been tried with a server."""

    @pytest.fixture(autouse=True)
    def made(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
        made: list[tuple[str, dict[str, Any]]] = []

        class Storage:
            get_sliding_window = None

        def storage_from_string(uri: str, **options: Any) -> Storage:
            made.append((uri, options))
            return Storage()

        monkeypatch.setattr("limits.storage.storage_from_string", storage_from_string)
        monkeypatch.setattr(_shared_limits, "find_spec", lambda name: object())
        return made

    @pytest.mark.parametrize("uri", ["mongodb://user:secret@one,two/counts?tls=true", "mongodb+srv://there"])
    def test_of_mongodb_is_given_on_with_timeouts_in_milliseconds(self, uri, made) -> None:
        store = SharedStore(uri, Options(store_timeout=0.25, store_options={"database_name": "perfkit"}))
        timeouts = dict.fromkeys(("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"), 250)
        assert made == [(uri, {**timeouts, "database_name": "perfkit"})]
        assert "secret" not in store.backend.name
        store.check(Policy("p", 5, 60))
        with pytest.raises(BadOption, match="cannot count by 'gcra', only by 'sliding'"):
            store.check(Policy("p", 5, 60, "gcra"))

    def test_of_a_storage_that_limits_was_taught_is_given_on(self, made) -> None:
        SharedStore("own+store://there", Options(store_options={"size": 3}))
        assert made == [("own+store://there", {"size": 3})]

    @pytest.mark.parametrize(
        ("uri", "client"), [("mongodb://a:secret@there", "pymongo"), ("memcached://b", "pymemcache")]
    )
    def test_a_missing_client_is_named(self, uri, client, monkeypatch) -> None:
        monkeypatch.setattr(_shared_limits, "find_spec", lambda name: None)
        with pytest.raises(BadOption, match=f"needs the package {client}; pip install {client}") as raised:
            SharedStore(uri, Options())
        assert "secret" not in str(raised.value)

    def test_that_cannot_be_used_is_shown_without_its_password(self, monkeypatch) -> None:
        def storage_from_string(uri: str, **options: Any) -> Any:
            raise ValueError(f"cannot parse {uri}")

        monkeypatch.setattr("limits.storage.storage_from_string", storage_from_string)
        with pytest.raises(BadOption, match="cannot parse memcached://there:port; write"):
            SharedStore("memcached://user:secret@there:port", Options())


@pytest.mark.parametrize("cost", [1, 3, 5])
@pytest.mark.parametrize("found", [(10, 30.0, 0, 60.0), (3, 50.0, 4, 110.0), (0, 0.0, 9, 80.0), (2, 5.0, 5, 65.0)])
def test_whoever_waits_as_told_is_admitted(cost: int, found: tuple[int, float, int, float]) -> None:
    previous, left, current, lasts = found
    wait = _retry(5 - cost, 60, found)
    assert wait > 0
    if wait < lasts - 60:
        used = previous * max(left - wait, 0) / 60 + current
    else:
        used = current * max(lasts - wait, 0) / 60
    assert int(used) + cost <= 5
