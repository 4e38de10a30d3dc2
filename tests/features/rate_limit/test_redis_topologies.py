"""Redis with TLS, as a cluster, and behind sentinels: the same as one server is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from perfkit.features.rate_limit import Policy, StoreError
from perfkit.features.rate_limit._options import RateLimitOptions
from perfkit.features.rate_limit._redis import Redis
from perfkit.features.rate_limit._redis_async import Lines
from perfkit.features.rate_limit._redis_clients import Cluster, Sentinels, way_to
from perfkit.features.rate_limit._shared import SharedStore
from perfkit.features.rate_limit._shared_backend import Entry
from perfkit.features.rate_limit._shared_command import reset, show
from perfkit.options import BadOption
from tests.features.rate_limit.redis_topologies import PATIENCE, TOPOLOGIES, Topology
from tests.features.rate_limit.shared import KEY, Options, awaited, done, redis_store
from tests.features.rate_limit.test_redis_machine import RedisBesideMemory
from tests.features.rate_limit.visits import limited, rule, statuses

pytestmark = pytest.mark.server

POLICIES = [Policy("s", 5, 600), Policy("g", 5, 600, "gcra"), Policy("f", 5, 0, "concurrent")]
# Keys that a cluster would spread, were it not for the namespace in braces.
HITS = [(policy, KEY + number, 1) for number, policy in enumerate(POLICIES)]


@pytest.fixture(scope="module", params=TOPOLOGIES)
def topology(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with TOPOLOGIES[request.param](tmp_path_factory.mktemp(request.param)) as topology:
        yield topology


def options_for(topology: Topology, **more: Any) -> Options:
    return Options(store_options={**topology.options, **more})


class TestCounting:
    def test_all_policies_of_a_request_are_decided_in_one_step(self, topology: Topology) -> None:
        store = redis_store(topology.uri, options_for(topology))
        decisions = [done(store.take_all(HITS)) for _ in range(6)]
        assert [[each.remaining for each in made] for made in decisions] == [[left] * 3 for left in (4, 3, 2, 1, 0, 0)]
        assert not any(each.allowed for each in decisions[5])
        full = (POLICIES[0], KEY, 1)
        assert [each.allowed for each in done(store.take_all([full, (POLICIES[1], KEY + 9, 1)]))] == [False, True]
        assert done(store.peek(POLICIES[1], KEY + 9)).remaining == 5
        store.close()

    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
    async def test_on_loops_and_on_threads_they_count_together(self, topology: Topology, anyio_backend: str) -> None:
        store = redis_store(topology.uri, options_for(topology))
        with anyio.fail_after(2 * PATIENCE):
            made = [await awaited(store.take_all(HITS))]
            made.append(await anyio.to_thread.run_sync(lambda: done(store.take_all(HITS))))
            assert [[each.remaining for each in decisions] for decisions in made] == [[4] * 3, [3] * 3]
            await store.aclose()

    def test_loops_one_after_the_other(self, topology: Topology) -> None:
        store = redis_store(topology.uri, options_for(topology))

        async def together() -> list[int]:
            takes = (awaited(store.take_all(HITS[:1])) for _ in range(2))
            return [made[0].remaining for made in await asyncio.gather(*takes)]

        assert [asyncio.run(together()) for _ in range(2)] == [[4, 3], [2, 1]]
        store.close()

    def test_a_server_that_forgets_the_script_is_given_it_again(self, topology: Topology) -> None:
        options = options_for(topology)
        store = redis_store(topology.uri, options)

        async def take() -> int:
            return (await awaited(store.take_all(HITS)))[0].remaining

        for left in (4, 2):
            topology.server_of(options.namespace).client().script_flush()
            assert done(store.take_all(HITS))[0].remaining == left
            topology.server_of(options.namespace).client().script_flush()
            assert asyncio.run(take()) == left - 1
        assert store.breaker.errors == 0
        store.close()

    def test_it_decides_as_the_store_in_this_process_does(self, topology: Topology) -> None:
        class Machine(RedisBesideMemory):
            uri = topology.uri
            options = topology.options

        run_state_machine_as_test(Machine, settings=settings(max_examples=5, stateful_step_count=20, deadline=None))

    def test_the_feature_counts_there_by_its_uri(self, topology: Topology) -> None:
        given = {"store": topology.uri, "store_options": topology.options, "namespace": Options().namespace}
        one, other = (limited(rule("3/hour"), store_timeout=20, on_error="closed", **given) for _ in range(2))
        assert [statuses(feature, 2) for feature in (one, other)] == [[200, 200], [200, 429]]
        for feature in (one, other):
            feature.store.close()  # type: ignore[attr-defined]

    def test_the_command_shows_and_resets(self, topology: Topology) -> None:
        namespace = Options().namespace
        store = redis_store(topology.uri, Options(namespace, store_options=topology.options))
        done(store.take_all(HITS))
        options = RateLimitOptions(namespace=namespace, store_options=dict(topology.options))
        assert show(topology.uri, options, None, []) == [
            "f (concurrent): 1 key",
            "g (gcra, 600 s): 1 key",
            "s (sliding, 600 s): 1 key",
        ]
        assert reset(topology.uri, options, None, []) == [f"Reset 3 keys in the namespace {namespace!r}."]
        done(store.reset(POLICIES[0], KEY))
        store.close()


def becomes(take: Callable[[], Coroutine[Any, Any, bool]], answer: bool, runner: asyncio.Runner) -> None:
    deadline = time.monotonic() + PATIENCE
    while runner.run(take()) != answer:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(params=["threads", "loop"])
def taking(request: pytest.FixtureRequest) -> Callable[[SharedStore], Callable[[], Coroutine[Any, Any, bool]]]:
    def of(store: SharedStore) -> Callable[[], Coroutine[Any, Any, bool]]:
        async def take() -> bool:
            try:
                made = store.take_all(HITS[:1])
                (await awaited(made)) if request.param == "loop" else done(made)
            except StoreError:
                return False
            return True

        return take

    return of


class TestFailures:
    """Each with servers of its own, as it kills some."""

    @pytest.mark.parametrize("name", ["tls", "cluster"])
    def test_a_server_that_comes_back_is_asked_again(self, name: str, tmp_path, taking) -> None:
        with TOPOLOGIES[name](tmp_path) as topology, asyncio.Runner() as runner:
            options = Options(store_timeout=1.0, breaker=(1, 0.1), store_options=topology.options)
            store = redis_store(topology.uri, options)
            becomes(taking(store), True, runner)
            server = topology.server_of(options.namespace)
            server.kill()
            becomes(taking(store), False, runner)
            server.start()
            becomes(taking(store), True, runner)
            store.close()

    def test_the_new_master_is_asked_when_the_old_one_is_gone(self, tmp_path, taking) -> None:
        with TOPOLOGIES["sentinels"](tmp_path) as topology, asyncio.Runner() as runner:
            options = Options(store_timeout=1.0, breaker=(1, 0.1))
            store = redis_store(topology.uri, options)
            becomes(taking(store), True, runner)
            old = topology.server_of(options.namespace)
            old.kill()
            becomes(taking(store), False, runner)
            becomes(taking(store), True, runner)
            assert topology.server_of(options.namespace) is not old
            store.close()

    @pytest.mark.parametrize(
        "uri", ["redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://127.0.0.1:1/mymaster"]
    )
    def test_the_application_starts_without_them(self, uri: str) -> None:
        feature = limited(rule("1/hour"), store=uri)
        assert statuses(feature, 2) == [200, 429]
        feature.store.close()  # type: ignore[attr-defined]

    def test_threads_do_not_wait_one_after_the_other_for_a_cluster_that_hangs(self) -> None:
        backend = Redis("redis+cluster://127.0.0.1:1", Options(store_timeout=0.02))
        asked, go_on = threading.Event(), threading.Event()

        def hang() -> list[Any]:
            asked.set()
            go_on.wait(PATIENCE)
            raise TimeoutError("late")

        def look() -> None:
            with pytest.raises(TimeoutError, match="late"):
                list(backend.keys)

        backend._way.blocking = hang  # type: ignore[method-assign]
        first = threading.Thread(target=look)
        first.start()
        assert asked.wait(PATIENCE)
        with pytest.raises(TimeoutError, match=r"no answer in 0\.1 s"):
            backend.ask("take", [Entry(POLICIES[0], KEY, 1)])
        go_on.set()
        first.join(PATIENCE)
        with pytest.raises(TimeoutError, match="late"):  # nobody holds anything up
            backend.ask("take", [Entry(POLICIES[0], KEY, 1)])

    def test_a_certificate_that_nobody_has_signed_is_none(self, tmp_path) -> None:
        with TOPOLOGIES["tls"](tmp_path) as topology:
            store = redis_store(topology.uri)
            with pytest.raises(StoreError, match="certificate verify failed"):
                done(store.take_all(HITS))
            with pytest.raises(StoreError, match="certificate verify failed"):
                asyncio.run(awaited(store.take_all(HITS)))
            store.close()


class TestAddresses:
    def test_of_several_hosts(self) -> None:
        way = way_to("valkey+cluster://user:p%40ss@one:7000,two,[::1]:7002?socket_keepalive=yes", 1.0, {"ssl": True})
        assert isinstance(way, Cluster)
        assert way._hosts == [("one", 7000), ("two", 6379), ("::1", 7002)]
        assert way._options == {"username": "user", "password": "p@ss", "socket_keepalive": True, "ssl": True}

    def test_credentials_go_for_sentinels_too_unless_they_have_their_own(self) -> None:
        def sentinel(**options: Any) -> Any:
            way = way_to("redis+sentinel://:word@one:26379,two/mymaster", 1.0, options)
            assert isinstance(way, Sentinels)
            master, first, second = way.blocking()
            assert master.connection_pool.connection_kwargs["password"] == "word"
            assert master.connection_pool.connection_kwargs["socket_timeout"] == 1.0
            assert [each.connection_pool.connection_kwargs["port"] for each in (first, second)] == [26379, 26379]
            return second.connection_pool.connection_kwargs

        assert sentinel()["password"] == "word"
        assert sentinel()["socket_timeout"] == 1.0
        assert sentinel(sentinel_kwargs={"password": None})["password"] is None

    @pytest.mark.parametrize(
        ("uri", "options", "message"),
        [
            ("redis+cluster://localhost:7000/3", {}, "a cluster has no databases; write for example 'redis\\+cluster:"),
            ("redis+cluster://localhost:7000?db=3", {}, "a cluster has no databases"),
            ("redis+sentinel://localhost:26379", {}, "does not say which master .* 'redis\\+sentinel://.*/mymaster'"),
            ("redis+cluster://localhost:7000", {"no_such": 1}, "no_such"),
            ("redis+sentinel://localhost/mymaster", {"no_such": 1}, "no_such"),
            ("redis+sentinel://localhost/mymaster", {"sentinel_kwargs": {"no_such": 1}}, "no_such"),
            ("redis+sentinel://localhost/mymaster", {"sentinel_kwargs": "no"}, "mapping"),
            ("redis+sentinel://localhost:port/mymaster", {}, "its port is not a number"),
            ("redis+cluster://one:7000,two:port", {}, "its port is not a number"),
        ],
    )
    def test_that_cannot_be_used_are_an_error_at_the_start(self, uri: str, options: Any, message: str) -> None:
        with pytest.raises(BadOption, match=message):
            way_to(uri, 1.0, options)

    @pytest.mark.parametrize("sign", ["/", "?", "#"])
    @pytest.mark.parametrize("scheme", ["redis", "redis+cluster", "redis+sentinel"])
    def test_no_message_has_a_part_of_a_password(self, scheme: str, sign: str) -> None:
        uri = f"{scheme}://user:sec{sign}ret@localhost:6379/0"
        with pytest.raises(BadOption, match="in a password percent-encoded") as raised:
            SharedStore(uri, Options())
        assert "sec" not in str(raised.value).replace("sections", "")
        assert "ret@" not in str(raised.value)


class Slow:
    """A client that has to ask its way before its first answer, and never gives another."""

    beginning = 50

    def __init__(self) -> None:
        self.trips = 0

    def blocking(self) -> list[Any]:
        raise NotImplementedError

    def awaiting(self) -> list[Any]:
        return [self]

    def pipeline(self, **_: Any) -> Slow:
        return self

    def execute_command(self, *_: Any) -> None: ...

    async def execute(self, **_: Any) -> list[str]:
        self.trips += 1
        await asyncio.sleep(0.5 if self.trips == 1 else PATIENCE)
        return ["here"]

    async def aclose(self) -> None: ...


def test_the_first_trip_of_a_client_that_asks_its_way_may_take_longer() -> None:
    lines = Lines(Slow(), 0.1, "sha", b"script")

    async def twice() -> None:
        assert await lines.ask(["call"]) == "here"
        with pytest.raises(TimeoutError, match=r"no answer in 0\.1 s"):
            await lines.ask(["call"])

    asyncio.run(twice())
