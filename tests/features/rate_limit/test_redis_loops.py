"""Connections of event loops: opened for each loop, and closed with it, without warnings of what is left open."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from perfkit.features.rate_limit import Policy
from perfkit.features.rate_limit._redis_async import Line
from perfkit.features.rate_limit._shared import SharedStore
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import KEY, Options, awaited, redis_store

pytestmark = pytest.mark.server

POLICY = Policy("p", 1000, 3600)


class Named:
    """A store whose connections the server can be asked for."""

    def __init__(self, server: Server) -> None:
        options = Options()
        self.name = options.namespace
        self.server = server
        given = Options(self.name, store_options={"client_name": self.name})
        self.store: SharedStore | None = redis_store(server.uri, given)

    async def remaining(self, times: int = 1) -> int:
        assert self.store
        takes = (awaited(self.store.take_all([(POLICY, KEY, 1)])) for _ in range(times))
        return min(decisions[0].remaining for decisions in await asyncio.gather(*takes))

    @property
    def connections(self) -> int:
        return sum(each["name"] == self.name for each in self.server.client().client_list())


def becomes(found: Callable[[], int], expected: int) -> None:
    deadline = time.monotonic() + 20
    while found() != expected:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_they_are_closed_with_their_loop(redis_server: Server) -> None:
    named = Named(redis_server)

    lines: list[Line] = []

    async def visit() -> None:
        await named.remaining(20)
        assert named.connections == 1
        assert named.store
        lines.extend(named.store.backend._lines._lines.values())  # type: ignore[attr-defined]

    for _ in range(3):
        asyncio.run(visit())
        becomes(lambda: named.connections, 0)
        gc.collect()
    assert [line.forgotten.alive for line in lines] == [False, False, True]


def test_those_of_a_test_runner_are_closed_with_it(redis_server: Server) -> None:
    named = Named(redis_server)
    for _ in range(2):
        with asyncio.Runner() as runner:
            first = runner.run(named.remaining())
            assert runner.run(named.remaining()) == first - 1
            assert named.connections == 1
        becomes(lambda: named.connections, 0)


def test_they_are_closed_when_the_store_is_forgotten(redis_server: Server) -> None:
    named = Named(redis_server)

    async def forget() -> None:
        await named.remaining()
        named.store = None
        gc.collect()
        async with asyncio.timeout(20):
            while named.connections:
                await asyncio.sleep(0.01)

    asyncio.run(forget())


def test_they_can_be_closed_and_opened_again(redis_server: Server) -> None:
    named = Named(redis_server)

    async def twice() -> None:
        for _ in range(2):
            await named.remaining()
            assert named.store
            (line,) = named.store.backend._lines._lines.values()  # type: ignore[attr-defined]
            await named.store.aclose()
            assert named.connections == 0
            assert not line.forgotten.alive

    asyncio.run(twice())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_leaves_those_of_its_parent_alone(redis_server: Server) -> None:
    named = Named(redis_server)
    with asyncio.Runner() as runner:
        assert runner.run(named.remaining()) == 999
        backend: Any = named.store and named.store.backend
        held, forked = threading.Event(), threading.Event()

        def hold() -> None:
            with backend._lock, backend._lines._lock:
                held.set()
                forked.wait(20)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(20)
        child = os.fork()
        if child == 0:
            threading.Timer(20, os._exit, [2]).start()
            right = [asyncio.run(named.remaining()) for _ in range(2)] == [998, 997]
            right &= bool(list(backend.keys))
            gc.collect()
            os._exit(0 if right else 1)
        forked.set()
        thread.join()
        assert os.waitpid(child, 0)[1] == 0
        assert runner.run(named.remaining()) == 996
        assert named.connections == 1
    becomes(lambda: named.connections, 0)


def silent(code: str, *arguments: str) -> None:
    """Run a program, which has to end without a word, and without a warning of what is left open."""
    command = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", textwrap.dedent(code), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    # What takes long on a slow machine is no concern of this.
    lines = [line for line in ran.stderr.splitlines() if not line.startswith("Executing <")]
    assert (ran.returncode, lines) == (0, [])


def test_a_program_with_loops_one_after_the_other_ends_without_warnings(redis_server: Server) -> None:
    silent(
        """
        import asyncio, sys
        from perfkit import RateLimit
        from perfkit.feature import Pending
        from perfkit.features.rate_limit import Policy

        feature = RateLimit(rules=[{"name": "all", "limits": "9/hour"}], store=sys.argv[1], namespace=sys.argv[2])

        async def take():
            await feature.store.take_all([(Policy("p", 9, 60), 1 << 63, 1)]).run_async()

        for _ in range(2):
            asyncio.run(take())
        feature.store.take_all([(Policy("p", 9, 60), 1 << 63, 1)]).run()  # a thread's, beside them
        """,
        redis_server.uri,
        Options().namespace,
    )


def test_a_server_that_shuts_down_leaves_nothing_open(redis_server: Server) -> None:
    silent(
        """
        import sys, threading, time, urllib.request
        import uvicorn
        from perfkit.asgi import PerfkitMiddleware

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

        rules = [{"name": "all", "limits": "9/hour"}]
        store = {"store": sys.argv[1], "namespace": sys.argv[2], "store_timeout": 20, "on_error": "closed"}
        app = PerfkitMiddleware(app, {"rate_limit": {"rules": rules, **store}})
        config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)

        def ask():
            while not server.started:
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response:
                assert response.headers["RateLimit"].startswith('"all";r=8;')
            server.should_exit = True

        thread = threading.Thread(target=ask)
        thread.start()
        server.run()
        thread.join()
        """,
        redis_server.uri,
        Options().namespace,
    )
