"""The shared store, whatever keeps the counts: errors, the guard in this process, leases."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
import weakref
from collections.abc import Sequence

import pytest

from perfkit.features.rate_limit import Decision, MemoryStore, Policy, StoreError
from perfkit.features.rate_limit import _shared as shared
from perfkit.features.rate_limit._shared import SharedStore
from perfkit.features.rate_limit._shared_backend import Entry, Operation
from perfkit.features.rate_limit._shared_leases import Leases
from perfkit.options import BadOption
from tests.features.rate_limit.models import Clock
from tests.features.rate_limit.shared import KEY, Options, awaited, done

POLICY = Policy("p", 5, 60)
FLYING = Policy("f", 2, 0, "concurrent")


class Fake:
    """A server in this process, which can be told to fail."""

    name = "fake://there"

    def __init__(self) -> None:
        self.counts = MemoryStore(clock=Clock())
        self.error: Exception | None = None
        self.asked: list[tuple[Operation, list[Entry]]] = []

    def ask(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        self.asked.append((operation, list(entries)))
        if self.error:
            raise self.error
        if operation == "take":
            return self.counts.take_all([entry[:3] for entry in entries])
        for policy, key, amount, _ in entries:
            if operation in ("settle", "release"):
                self.counts.settle(policy, key, -amount if operation == "release" else amount)
        return [self.counts.peek(entry.policy, entry.key, 0) for entry in entries]

    async def ask_async(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        await asyncio.sleep(0)
        return self.ask(operation, entries)

    def check(self, policy: Policy) -> None: ...

    def forget(self, policy: Policy) -> None:
        self.counts.forget(policy)

    def forked(self) -> None: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def made(local: MemoryStore | None = None) -> tuple[SharedStore, Fake]:
    fake = Fake()
    return SharedStore("fake://there", Options(breaker=(2, 600.0)), local, backend=fake), fake


# Errors


@pytest.mark.parametrize("error", [TimeoutError("late"), OSError("gone"), RuntimeError("strange"), KeyError("bug")])
def test_whatever_fails_is_a_store_error(error: Exception) -> None:
    store, fake = made()
    fake.error = error
    with pytest.raises(StoreError, match="fake://there does not answer") as raised:
        done(store.take_all([(POLICY, KEY, 1)]))
    assert raised.value.__cause__ is error
    for call in (
        lambda: asyncio.run(awaited(store.take_all([(POLICY, KEY, 1)]))),
        lambda: store.peek(POLICY, KEY),
        lambda: store.settle(POLICY, KEY, 1),
        lambda: store.reset(POLICY, KEY),
        lambda: store.take_all([(POLICY, KEY, 1)]),
    ):
        with pytest.raises(StoreError):
            call()
    assert len(fake.asked) == 2
    assert (store.breaker.errors, store.breaker.skipped, store.breaker.openings) == (2, 4, 1)


def test_what_cannot_be_asked_is_no_fault_of_the_server() -> None:
    store, fake = made()
    with pytest.raises(ValueError, match="a policy can be asked once"):
        store.take_all([(POLICY, KEY, 1), (POLICY, KEY + 1, 1)])
    with pytest.raises(ValueError, match="a cost is 0 or more"):
        store.take_all([(POLICY, KEY, -1)])
    with pytest.raises(ValueError, match="a cost is 0 or more"):
        store.peek(POLICY, KEY, -1)
    assert store.take_all([]) == []
    assert fake.asked == []
    assert store.breaker.errors == 0


def test_a_request_that_is_cancelled_says_nothing_of_the_server() -> None:
    store, _ = made()

    async def cancelled() -> None:
        task = asyncio.create_task(awaited(store.take_all([(FLYING, KEY, 1)])))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert store.breaker.errors == 0
    assert len(store.leases) == 0


# The guard in this process


def test_the_guard_knows_what_was_admitted() -> None:
    local = MemoryStore()
    store, fake = made(local)
    done(store.take_all([(POLICY, KEY, 3), (FLYING, KEY, 2)]))
    done(store.take_all([(POLICY, KEY, 3)]))  # is refused
    done(store.settle(POLICY, KEY, 1))
    assert local.peek(POLICY, KEY).remaining == 1
    assert local.peek(FLYING, KEY).remaining == 0
    fake.error = TimeoutError("late")
    done(store.release(FLYING, KEY, 2))
    assert local.peek(FLYING, KEY).remaining == 2
    with pytest.raises(StoreError):
        done(store.take_all([(POLICY, KEY, 1)]))
    assert local.peek(POLICY, KEY).remaining == 1


def test_the_guard_forgets_what_the_store_does() -> None:
    local = MemoryStore()
    store, _ = made(local)
    done(store.take_all([(POLICY, KEY, 5)]))
    done(store.reset(POLICY, KEY))
    assert local.peek(POLICY, KEY).remaining == 5
    done(store.take_all([(POLICY, KEY + 1, 5)]))
    store.forget(POLICY)
    assert local.peek(POLICY, KEY + 1).remaining == 5


# Leases


def test_a_lease_is_given_only_for_what_was_admitted() -> None:
    store, fake = made()
    for _ in range(3):
        done(store.take_all([(FLYING, KEY, 1)]))
    done(store.take_all([(FLYING, KEY, 0), (POLICY, KEY, 1)]))
    assert len(store.leases) == 2
    names = [entry.lease for _, entries in fake.asked for entry in entries if entry.policy is FLYING]
    assert len(set(names)) == 4
    done(store.release(FLYING, KEY))
    done(store.reset(FLYING, KEY))
    assert len(store.leases) == 0
    assert store.release(FLYING, KEY) is None


def test_leases_are_renewed_by_a_thread_that_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "RENEWALS", 0.01)
    store, fake = made()
    done(store.take_all([(FLYING, KEY, 1)]))
    thread = store.leases._thread
    assert thread
    wait_for(lambda: [operation for operation, _ in fake.asked].count("renew") >= 2)
    fake.error = OSError("gone")
    wait_for(lambda: store.breaker.is_open)
    done(store.release(FLYING, KEY))
    thread.join(20)
    assert not thread.is_alive()
    fake.error = None
    store.breaker.succeeded()
    done(store.take_all([(FLYING, KEY, 1)]))
    wait_for(lambda: fake.asked[-1][0] == "renew")
    done(store.release(FLYING, KEY))


def test_threads_take_and_give_back_leases() -> None:
    renewed: list[Sequence[Entry]] = []
    leases = Leases(renewed.append, 0.001)

    def work() -> None:
        for _ in range(300):
            leases.add(Entry(FLYING, KEY, 1, Leases.name()))
            assert leases.pop(FLYING, KEY, 1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 0
    assert leases.pop(FLYING, KEY, 1) is None


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# At the start


@pytest.mark.parametrize("uri", ["memory://", "async+memory://"])
def test_memory_is_no_shared_store(uri: str) -> None:
    with pytest.raises(BadOption, match="write 'memory://'"):
        SharedStore(uri, Options())


@pytest.mark.parametrize("has_limits", [True, False])
@pytest.mark.parametrize("uri", ["nonsense://user:secret@there", "memcached+x://there", "://there"])
def test_a_scheme_that_nobody_knows(uri: str, has_limits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_limits:
        monkeypatch.setitem(sys.modules, "limits.storage", None)
    with pytest.raises(BadOption, match=r":// is no store; write one of memory://, redis://, .*mongodb://") as raised:
        SharedStore(uri, Options())
    assert "secret" not in str(raised.value)


def test_limits_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "limits.storage", None)
    with pytest.raises(BadOption, match=r"memcached://there needs .* pip install 'perfkit\[limits\]'"):
        SharedStore("memcached://user:secret@there", Options())


def test_async_redis_means_redis() -> None:
    store = SharedStore("async+redis://127.0.0.1:1", Options())
    assert store.backend.name == "redis://127.0.0.1:1"
    store.close()


def test_a_store_is_not_kept_alive(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store, _ = made()
    gone = weakref.ref(store)
    del store
    gc.collect()
    assert gone() is None
