"""A Redis that is killed, hangs and comes back while requests go on: nothing is raised but StoreError, and in time."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from perfkit.features.rate_limit import Policy
from perfkit.features.rate_limit._shared import SharedStore
from perfkit.features.rate_limit._store import StoreError
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import KEY, Options, awaited, done, redis_store

pytestmark = [pytest.mark.server, pytest.mark.soak]

SOAK = os.environ.get("PERFKIT_SOAK") == "full"
ENOUGH = Policy("enough", 10**9, 3600)
TIMEOUT = 0.2
PAUSE = 0.3
# What tells a hang from a machine that is busy.
PATIENCE = 15.0


def impatient() -> Options:
    return Options(store_timeout=TIMEOUT, breaker=(3, PAUSE))


def take(store: SharedStore) -> bool:
    """Whether the store has decided; anything else than an answer or a StoreError fails the test."""
    started = time.monotonic()
    try:
        decisions = done(store.take_all([(ENOUGH, KEY, 1)]))
    except StoreError:
        return False
    finally:
        assert time.monotonic() - started < PATIENCE
    assert [each.allowed for each in decisions] == [True]
    return True


async def take_async(store: SharedStore) -> bool:
    started = time.monotonic()
    try:
        await awaited(store.take_all([(ENOUGH, KEY, 1)]))
    except StoreError:
        return False
    finally:
        assert time.monotonic() - started < PATIENCE
    return True


def becomes(store: SharedStore, answer: bool) -> None:
    """Take until the store answers, or until it is given up."""
    deadline = time.monotonic() + PATIENCE
    while take(store) != answer or store.breaker.is_open == answer:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def store(own_redis_server: Server) -> Iterator[SharedStore]:
    store = redis_store(own_redis_server.uri, impatient())
    yield store
    store.close()


def test_killed_and_started_again(own_redis_server: Server, store: SharedStore) -> None:
    for _ in range(2):
        becomes(store, True)
        own_redis_server.kill()
        becomes(store, False)
        own_redis_server.start()
        becomes(store, True)
    assert store.breaker.openings == 2


def test_hung_and_going_on(own_redis_server: Server, store: SharedStore) -> None:
    for _ in range(2):
        becomes(store, True)
        own_redis_server.hang()
        becomes(store, False)
        own_redis_server.go_on()
        becomes(store, True)


def test_answers_that_come_too_late_are_for_nobody(own_redis_server: Server, store: SharedStore) -> None:
    """What a request gave up waiting for must not be read by the next."""
    quota = Policy("quota", 1000, 360_000, "gcra")
    given: list[int] = []
    for number in range(1, 40):
        if number % 10 == 0:
            own_redis_server.hang()
        try:
            # Each cost tells whose the answer is.
            given.append(done(store.peek(quota, KEY, 900 + number)).remaining)
            done(store.settle(quota, KEY + 1, number))
        except StoreError:
            own_redis_server.go_on()
            time.sleep(PAUSE / 10)
    assert set(given) == {1000}


def test_one_that_hangs_from_the_start(own_redis_server: Server, store: SharedStore) -> None:
    own_redis_server.hang()
    becomes(store, False)
    own_redis_server.go_on()
    becomes(store, True)


def test_given_up_costs_no_time(own_redis_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "perfkit")
    store = redis_store(own_redis_server.uri, Options(store_timeout=TIMEOUT, breaker=(3, 600.0)))
    own_redis_server.hang()
    becomes(store, False)
    errors = store.breaker.errors
    for _ in range(1000):
        with pytest.raises(StoreError, match="left alone"):
            store.take_all([(ENOUGH, KEY, 1)])
    assert store.breaker.errors == errors
    assert len(caplog.records) == 1
    own_redis_server.go_on()
    store.close()


def test_a_password_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    store = redis_store("redis://user:very-secret@127.0.0.1:1/0?client_name=hidden", impatient())
    becomes(store, False)
    assert "redis://127.0.0.1:1/0" in caplog.text
    assert "secret" not in caplog.text
    assert "hidden" not in caplog.text
    with pytest.raises(StoreError) as error:
        store.peek(ENOUGH, KEY)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("command", ["REPLICAOF 127.0.0.1 1", "CONFIG SET requirepass other", "CONFIG SET maxmemory 1"])
def test_a_server_that_refuses_is_one_that_does_not_answer(own_redis_server: Server, command: str) -> None:
    store = redis_store(own_redis_server.uri, impatient())
    own_redis_server.client().execute_command(*command.split())
    becomes(store, False)
    store.close()


def test_giving_back_what_was_in_flight_raises_nothing(own_redis_server: Server, store: SharedStore) -> None:
    flying = Policy("flying", 2, 0, "concurrent")
    done(store.take_all([(flying, KEY, 1)]))
    done(store.take_all([(flying, KEY, 1)]))
    own_redis_server.kill()
    done(store.release(flying, KEY))
    becomes(store, False)
    assert done(store.release(flying, KEY)) is None
    assert len(store.leases) == 0


def test_threads_go_on_while_the_server_comes_and_goes(own_redis_server: Server, store: SharedStore) -> None:
    stop = time.monotonic() + (60 if SOAK else 3)

    def work(_: int) -> int:
        answers = 0
        while time.monotonic() < stop:
            answers += take(store)
        return answers

    with ThreadPoolExecutor(9) as pool:
        workers = [pool.submit(work, number) for number in range(8)]
        while time.monotonic() < stop:
            time.sleep(0.2)
            own_redis_server.kill()
            time.sleep(0.2)
            own_redis_server.start()
            time.sleep(0.4)
            own_redis_server.hang()
            time.sleep(0.4)
            own_redis_server.go_on()
        assert sum(worker.result(60) for worker in workers) > 0
    becomes(store, True)


# Event loops


async def longest_pause(stop: asyncio.Event) -> float:
    longest, last = 0.0, time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


async def becomes_async(store: SharedStore, answer: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while await take_async(store) != answer or store.breaker.is_open == answer:
            await asyncio.sleep(0.01)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_loop_is_never_blocked(own_redis_server: Server, store: SharedStore) -> None:
    stop = asyncio.Event()
    watch = asyncio.create_task(longest_pause(stop))
    answers = 0

    async def work() -> None:
        nonlocal answers
        while not stop.is_set():
            answers += await take_async(store)
            await asyncio.sleep(0)

    workers = [asyncio.create_task(work()) for _ in range(50)]
    for _ in range(20 if SOAK else 2):
        await asyncio.sleep(0.2)
        own_redis_server.hang()
        await becomes_async(store, False)
        own_redis_server.go_on()
        await becomes_async(store, True)
        own_redis_server.kill()
        await becomes_async(store, False)
        await asyncio.to_thread(own_redis_server.start)
        await becomes_async(store, True)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*workers), PATIENCE)
    assert answers > 0
    assert await watch < PATIENCE
    await store.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_requests_that_are_cancelled_hold_nobody_up(own_redis_server: Server) -> None:
    store = redis_store(own_redis_server.uri, Options(store_timeout=PATIENCE, breaker=(3, PAUSE)))
    assert await take_async(store)
    own_redis_server.hang()
    tasks = [asyncio.create_task(take_async(store)) for _ in range(20)]
    await asyncio.sleep(0.1)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.sleep(0)
    own_redis_server.go_on()
    assert await asyncio.gather(*tasks[1::2]) == [True] * 10
    assert await take_async(store)
    await store.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_late_loop_is_not_taken_for_a_late_server(own_redis_server: Server) -> None:
    store = redis_store(own_redis_server.uri, Options(store_timeout=1.0, breaker=(3, PAUSE)))
    assert await take_async(store)
    tasks = [asyncio.create_task(take_async(store)) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.sleep(1.5)  # a view that blocks
    assert await asyncio.gather(*tasks) == [True] * 20
    assert store.breaker.errors == 0
    await store.aclose()


# Processes


def taken_by_threads(uri: str, options: Options, times: int) -> list[int]:
    """What each policy admits in one process, to eight threads together."""
    store = redis_store(uri, options)
    policies = [Policy("sliding", 1000, 360_000), Policy("gcra", 1000, 36_000_000, "gcra")]

    def work(_: int) -> list[bool]:
        return [done(store.take_all([(policies[each % 2], KEY, 1)]))[0].allowed for each in range(times)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    store.close()
    return [sum(sum(each[at::2]) for each in answers) for at in (0, 1)]


def test_eight_processes_with_eight_threads_take_exactly_the_quota(redis_server: Server) -> None:
    options, times = Options(), 400 if SOAK else 50
    # Not multiprocessing.Pool, which now and then waits for ever for a process that it has told to end.
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context("spawn")) as pool:
        counts = list(pool.map(taken_by_threads, [redis_server.uri] * 8, [options] * 8, [times] * 8))
    assert [sum(each) for each in zip(*counts, strict=True)] == [1000, 1000]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(redis_server: Server) -> None:
    store = redis_store(redis_server.uri)
    policy, flying = Policy("p", 1000, 360_000), Policy("f", 2, 0, "concurrent")
    done(store.take_all([(policy, KEY, 1), (flying, KEY, 1)]))
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            done(store.release(flying, KEY))  # is the parent's
            right = all(done(store.take_all([(policy, KEY, 1)]))[0].allowed for _ in range(100))
            os._exit(0 if right else 1)
        children.append(child)
    for _ in range(100):
        assert done(store.take_all([(policy, KEY, 1)]))[0].allowed
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert done(store.peek(policy, KEY)).remaining == 1000 - 501
    assert done(store.peek(flying, KEY)).remaining == 1
    store.close()


def test_a_request_is_tried_once() -> None:
    """The client's own retries would make a request wait several times as long as it is to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        accepted: list[int] = []

        def turn_away() -> None:
            while not accepted or accepted[-1]:
                connection, _ = listener.accept()
                accepted.append(len(connection.recv(1000)))  # nothing: it is the end of the test
                connection.close()

        thread = threading.Thread(target=turn_away)
        thread.start()
        port = listener.getsockname()[1]
        store = redis_store(f"redis://127.0.0.1:{port}", impatient())
        assert not take(store)
        assert not asyncio.run(take_async(store))
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(PATIENCE)
        store.close()
    assert len(accepted) == 3
