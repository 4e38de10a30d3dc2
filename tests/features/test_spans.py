"""span: what it measures, where, and that nobody else's exchange sees it."""

import asyncio
import contextvars
import gc
import inspect
import logging
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import assert_type

import pytest
import trio
from prometheus_client import CollectorRegistry

from perfkit import Metrics, Timing, _span_observers, span, timed
from perfkit._span_observers import add_observer
from perfkit._starts import _innermost, _Start
from perfkit.features import _spans
from perfkit.features._spans import Collector, _current
from tests.features.clock import Clock
from tests.features.server_timing import Metric, read
from tests.features.span_counter import SpanCounter
from tests.memory_exchange import MemoryExchange


def begin() -> tuple[Timing, MemoryExchange]:
    feature, exchange = Timing(total=False, details="always"), MemoryExchange()
    feature.on_request(exchange)
    return feature, exchange


def respond(feature: Timing, exchange: MemoryExchange) -> list[Metric]:
    feature.on_response(exchange)
    lines = exchange.lines("Server-Timing")
    return read(lines[0]) if lines else []


@contextmanager
def measured() -> Iterator[list[Metric]]:
    """An exchange whose application is the body of the with block; its spans are in the list afterwards."""
    feature, exchange = begin()
    metrics: list[Metric] = []
    try:
        yield metrics
        metrics += respond(feature, exchange)
    finally:
        feature.on_end(exchange, None)


def names(metrics: list[Metric]) -> list[str]:
    return [metric.name for metric in metrics]


# Ways to use it


def test_context_manager(clock: Clock) -> None:
    with measured() as metrics, span("db", "books"):
        clock.advance(4.25)
    assert metrics == [Metric("db", 4.25, "books")]


def test_asynchronous_context_manager(clock: Clock) -> None:
    async def app() -> None:
        async with span("db"):
            clock.advance(4.25)

    with measured() as metrics:
        asyncio.run(app())
    assert metrics == [Metric("db", 4.25, None)]


def test_decorated_function(clock: Clock) -> None:
    @span("add")
    def add(a: int, b: int) -> int:
        clock.advance(1)
        return a + b

    with measured() as metrics:
        assert add(1, b=2) == 3
        assert add(3, 4) == 7
    assert metrics == [Metric("add", 2.0, None)]


def test_decorated_coroutine_function(clock: Clock) -> None:
    @span("add")
    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        clock.advance(1)
        return a + b

    assert inspect.iscoroutinefunction(add)
    with measured() as metrics:
        assert asyncio.run(add(1, b=2)) == 3
    assert metrics == [Metric("add", 1.0, None)]


def test_decorated_method(clock: Clock) -> None:
    class Shelf:
        @span("count")
        def count(self) -> int:
            clock.advance(1)
            return 3

    with measured() as metrics:
        assert Shelf().count() == 3
    assert names(metrics) == ["count"]


def test_a_decorated_function_keeps_its_name_and_its_types() -> None:
    @span("add")
    def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    @span("add")
    async def add_later(a: int) -> str:
        return str(a)

    assert (add.__name__, add.__doc__, add_later.__name__) == ("add", "Add.", "add_later")
    assert list(inspect.signature(add).parameters) == ["a", "b"]
    assert_type(add(1), int)
    assert_type(asyncio.run(add_later(1)), str)
    with pytest.raises(TypeError):
        add("1", c=2)  # type: ignore[call-arg, arg-type]


def test_generators_are_refused_where_they_are_decorated() -> None:
    def rows() -> Iterator[int]:
        yield 1

    async def rows_later() -> AsyncIterator[int]:
        yield 1

    for function in (rows, rows_later):
        with pytest.raises(TypeError, match=r"span cannot measure .*rows.*: write `with span\(\.\.\.\)` inside it"):
            span("rows")(function)


def test_an_exception_passes_and_the_time_counts(clock: Clock) -> None:
    @span("db")
    def query() -> None:
        clock.advance(2)
        raise LookupError

    with measured() as metrics, pytest.raises(LookupError):
        query()
    assert metrics == [Metric("db", 2.0, None)]


# How spans add up


def test_spans_of_one_name_add_up_and_the_first_description_wins(clock: Clock) -> None:
    with measured() as metrics:
        for description in (None, "first", "second"):
            with span("db", description):
                clock.advance(1.5)
    assert metrics == [Metric("db", 4.5, "first")]


def test_spans_stand_in_the_order_of_their_first_start() -> None:
    with measured() as metrics, span("view"):
        for name in ("db", "cache", "db"):
            with span(name):
                pass
    assert names(metrics) == ["view", "db", "cache"]


def test_names_become_tokens_and_those_alike_add_up(clock: Clock) -> None:
    with measured() as metrics:
        for name in ("sql query", "sql/query", "sql-query", "Größe", "日本", "", "x" * 100):
            with span(name, "with a space" if " " in name else None):
                clock.advance(1)
    assert metrics == [
        Metric("sql-query", 3.0, "with a space"),
        Metric("Gr-e", 1.0, None),
        Metric("unnamed", 2.0, None),
        Metric("x" * 64, 1.0, None),
    ]


def test_one_span_object_inside_itself(clock: Clock) -> None:
    again = span("again")
    with measured() as metrics, again:
        clock.advance(1)
        with again:
            clock.advance(2)
    assert metrics == [Metric("again", 1.0 + 2.0 + 2.0, None)]


def test_one_span_object_in_tasks_at_the_same_time(clock: Clock) -> None:
    shared = span("shared")

    async def work(ticks: int) -> None:
        async with shared:
            for _ in range(ticks):
                await asyncio.sleep(0)

    async def tick() -> None:
        for _ in range(5):
            clock.advance(1)
            await asyncio.sleep(0)

    async def app() -> None:
        await asyncio.gather(work(1), work(3), tick())

    with measured() as metrics:
        asyncio.run(app())
    assert metrics == [Metric("shared", 1.0 + 3.0, None)]


def test_one_span_object_in_two_exchanges_at_the_same_time(clock: Clock) -> None:
    shared = span("shared")

    async def request(start: float, end: float) -> list[Metric]:
        with measured() as metrics:
            await until(start)
            with shared:
                await until(end)
        return metrics

    async def until(moment: float) -> None:
        while clock.nanoseconds < 1e9 + moment * 1e6:
            await asyncio.sleep(0)

    async def tick() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
            clock.advance(1)

    async def main() -> list[list[Metric]]:
        first, second, _ = await asyncio.gather(request(1, 4), request(2, 8), tick())
        return [first, second]

    assert asyncio.run(main()) == [[Metric("shared", 3.0, None)], [Metric("shared", 6.0, None)]]


def test_a_span_that_still_runs_counts_up_to_the_response(clock: Clock) -> None:
    # An inner ASGI middleware: `with span("app"): await self.app(...)` sends the response from inside the span.
    feature, exchange = begin()
    with span("app"):
        clock.advance(3)
        metrics = respond(feature, exchange)
        clock.advance(50)
    assert metrics == [Metric("app", 3.0, None)]
    feature.on_end(exchange, None)


# Threads


def work() -> None:
    with span("work"):
        pass


def test_worker_threads_that_have_the_context() -> None:
    async def app() -> None:
        await asyncio.to_thread(work)

    with measured() as metrics:
        asyncio.run(app())
    assert names(metrics) == ["work"]


def in_pool(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


@pytest.mark.parametrize("start", [in_pool, in_thread])
def test_threads_without_the_context_measure_nothing_unless_they_are_given_it(
    start: Callable[[Callable[[], object]], None],
) -> None:
    with measured() as metrics:
        start(work)
    assert metrics == []
    with measured() as metrics:
        context = contextvars.copy_context()
        start(lambda: context.run(work))
    assert names(metrics) == ["work"]


def test_no_start_or_end_is_lost_between_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def restless_clock() -> int:
        time.sleep(0)  # another thread's turn, in the middle of a change
        return 1_000_000_000

    monkeypatch.setattr(_spans, "perf_counter_ns", restless_clock)

    def spans() -> None:
        for _ in range(500):
            work()

    feature, exchange = begin()
    contexts = [contextvars.copy_context() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(context.run, spans) for context in contexts]:
            done.result()
    # The time is always the same: what is lost leaves it behind.
    assert respond(feature, exchange) == [Metric("work", 0.0, None)]
    feature.on_end(exchange, None)


def test_a_span_may_start_while_the_header_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    feature, exchange = begin()
    work()
    context = contextvars.copy_context()
    late = threading.Thread(target=context.run, args=(span("late").__enter__,))

    def slow_token(name: str) -> str:
        late.start()
        late.join(0.05)  # it has to wait for us, or it has changed what we read
        return name

    monkeypatch.setattr(_spans, "token", slow_token)
    assert names(respond(feature, exchange)) == ["work"]
    late.join()
    feature.on_end(exchange, None)


# Where nothing is measured


def test_nothing_happens_outside_an_exchange() -> None:
    work()

    @span("work")
    def decorated() -> int:
        return 1

    assert decorated() == 1


def test_nothing_is_measured_once_the_exchange_is_over() -> None:
    feature, exchange = begin()
    context = contextvars.copy_context()  # what a task has that was started in the exchange
    running = span("running")
    context.run(running.__enter__)
    feature.on_end(exchange, None)
    context.run(work)
    context.run(running.__exit__)
    feature.on_response(exchange)
    assert exchange.headers == []


def test_the_end_of_a_span_that_began_outside_counts_for_nothing(clock: Clock) -> None:
    outside, outside_too = span("outside"), span("db")
    outside.__enter__()
    outside_too.__enter__()
    with measured() as metrics:
        with span("db"):
            pass
        outside_too.__exit__()
        outside.__exit__()
        clock.advance(5)
    assert metrics == [Metric("db", 0.0, None)]


def test_spans_of_a_failed_exchange_do_not_reach_the_next() -> None:
    feature, exchange = begin()
    work()
    feature.on_end(exchange, RuntimeError())
    with measured() as metrics:
        pass
    assert metrics == []


# Exchanges inside exchanges


def test_an_exchange_inside_another_has_its_own_spans_and_loses_none_of_the_outer() -> None:
    with measured() as outer:
        with span("before"):
            pass
        with measured() as inner, span("inside"):
            pass
        with span("after"):
            pass
    assert (names(outer), names(inner)) == (["before", "after"], ["inside"])


def test_a_span_around_an_exchange_measures_it(clock: Clock) -> None:
    with measured() as outer, span("call"), measured():
        clock.advance(3)
    assert outer == [Metric("call", 3.0, None)]


def test_an_inner_exchange_that_ends_in_another_context_loses_no_outer_spans() -> None:
    with measured() as outer:
        feature, exchange = begin()
        contextvars.copy_context().run(feature.on_end, exchange, None)
        with span("after"):
            pass
    assert names(outer) == ["after"]


def test_exchanges_that_overlap_in_one_context_keep_to_themselves() -> None:
    # A WSGI server, or a test client, that closes one response after it has begun the next.
    (feature, exchange), later = begin(), begin()
    feature.on_end(exchange, None)
    work()
    assert names(respond(*later)) == ["work"]
    later[0].on_end(later[1], None)
    assert _current.get() is None


def test_exchanges_that_overlap_for_ever_do_not_hold_each_other() -> None:
    def collectors() -> int:
        return sum(type(each) is Collector for each in gc.get_objects())  # isinstance() would wake lazy objects

    before = collectors()
    earlier = begin()
    for _ in range(50):
        later = begin()
        earlier[0].on_end(earlier[1], None)
        earlier = later
    gc.collect()
    assert collectors() <= before + 2
    earlier[0].on_end(earlier[1], None)


# Memory


def test_a_loop_of_spans_with_names_of_their_own_does_not_grow() -> None:
    feature, exchange = begin()

    def spans(prefix: str) -> None:
        for number in range(20_000):
            with span(f"{prefix}{number}", f"description {number}"):
                pass

    spans("warm")
    tracemalloc.start()
    spans("more")
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 100_000
    assert names(respond(feature, exchange)) == [*(f"warm{number}" for number in range(19)), "other"]
    feature.on_end(exchange, None)


# Spans that are counted too


@pytest.fixture
def counter() -> SpanCounter:
    return SpanCounter.added()


def test_a_metric_span_is_counted_in_and_outside_an_exchange(clock: Clock, counter: SpanCounter) -> None:
    with span("job", metric=True):
        clock.advance(250)
    with measured() as metrics:
        with span("db query", "books", metric=True):
            clock.advance(4.25)
        clock.advance(8)
    assert metrics == [Metric("db-query", 4.25, "books")]
    assert counter.counted == [("job", 0.25), ("db query", 0.00425)]


def test_other_spans_are_not_counted(counter: SpanCounter) -> None:
    with measured(), span("db"), span("db", metric=False):
        work()
    assert counter.counted == []


def test_metric_spans_are_counted_however_they_are_written(clock: Clock, counter: SpanCounter) -> None:
    @span("function", metric=True)
    def function() -> None:
        clock.advance(1)

    @span("coroutine", metric=True)
    async def coroutine() -> None:
        clock.advance(2)
        async with span("block", metric=True):
            clock.advance(4)

    function()
    asyncio.run(coroutine())
    trio.run(coroutine)
    both = [("block", 0.004), ("coroutine", 0.006)]
    assert counter.counted == [("function", 0.001), *both, *both]


def test_a_metric_span_that_raises_is_counted(clock: Clock, counter: SpanCounter) -> None:
    @span("db", metric=True)
    def query() -> None:
        clock.advance(2)
        raise LookupError

    with pytest.raises(LookupError):
        query()
    assert counter.counted == [("db", 0.002)]


def test_one_metric_span_object_inside_itself(clock: Clock, counter: SpanCounter) -> None:
    again = span("again", metric=True)
    with again:
        clock.advance(1)
        with again:
            clock.advance(2)
        clock.advance(4)
    assert counter.seconds() == [0.002, 0.007]


def test_metric_spans_that_end_in_the_order_they_began(clock: Clock, counter: SpanCounter) -> None:
    first, second, around = (span(name, metric=True) for name in ("first", "second", "around"))
    with around:
        clock.advance(1)
        first.__enter__()
        clock.advance(2)
        second.__enter__()
        clock.advance(4)
        first.__exit__()
        with around:
            clock.advance(8)
        second.__exit__()
    assert counter.counted == [("first", 0.006), ("around", 0.008), ("second", 0.012), ("around", 0.015)]
    assert _innermost.get() is None


def test_one_metric_span_object_in_tasks_that_overlap(clock: Clock, counter: SpanCounter) -> None:
    shared = span("shared", metric=True)

    async def hold(start: float, end: float) -> None:
        await until(start)
        async with shared:
            await until(end)

    async def until(moment: float) -> None:
        while clock.nanoseconds < 1e9 + moment * 1e6:
            await asyncio.sleep(0)

    async def tick() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
            clock.advance(1)

    async def main() -> None:
        with shared:  # the tasks have its start in their contexts
            await asyncio.gather(hold(1, 4), hold(2, 7), hold(3, 5), tick())

    asyncio.run(main())
    assert counter.seconds() == [0.003, 0.002, 0.005, 0.01]


def test_one_metric_span_object_in_threads_at_the_same_time(counter: SpanCounter, monkeypatch) -> None:
    clocks = threading.local()  # to each thread its own time
    monkeypatch.setattr(_spans, "perf_counter_ns", lambda: clocks.now)
    shared = span("shared", metric=True)
    inside = threading.Barrier(4)

    def hold(milliseconds: int) -> None:
        for _ in range(200):
            clocks.now = milliseconds * 1_000_000_000
            with shared:
                inside.wait()
                clocks.now += milliseconds * 1_000_000

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(hold, milliseconds) for milliseconds in (1, 2, 3, 4)]:
            done.result()
    assert sorted(counter.seconds()) == [seconds for seconds in (0.001, 0.002, 0.003, 0.004) for _ in range(200)]


def test_a_metric_span_that_begins_and_ends_in_two_contexts(clock: Clock, counter: SpanCounter) -> None:
    # A dependency of FastAPI that is a plain generator: its parts run in threads with a copy of the context each.
    with span("around", metric=True):
        dependency = span("dependency", metric=True)
        contextvars.copy_context().run(dependency.__enter__)
        clock.advance(3)
        contextvars.copy_context().run(dependency.__exit__)
    assert counter.counted == [("dependency", 0.003), ("around", 0.003)]


def test_the_end_of_a_metric_span_that_never_began_counts_for_nothing(counter: SpanCounter) -> None:
    with span("db", metric=True):
        span("db", metric=True).__exit__()
    assert len(counter.counted) == 1


def test_metric_spans_are_a_histogram_of_each_registry_that_metrics_count_into(clock: Clock) -> None:
    registries = [CollectorRegistry() for _ in range(2)]
    stacks = [Metrics(registry=registry) for registry in (*registries, registries[0])]
    for milliseconds in (30, 400):
        with span("a job", metric=True):
            clock.advance(milliseconds)
    timed("function")(clock.advance)(1)
    for registry in registries:
        series = "perfkit_span_duration_seconds"
        assert registry.get_sample_value(f"{series}_sum", {"name": "a job"}) == pytest.approx(0.43)
        assert registry.get_sample_value(f"{series}_bucket", {"name": "a job", "le": "0.05"}) == 1
        assert registry.get_sample_value(f"{series}_count", {"name": "a job"}) == 2
        assert registry.get_sample_value(f"{series}_count", {"name": "function"}) == 1
    del stacks


def test_all_observers_are_told_each_once(counter: SpanCounter) -> None:
    other = SpanCounter.added()
    add_observer(counter)
    with span("db", metric=True):
        pass
    assert (len(counter.counted), len(other.counted)) == (1, 1)


def test_observers_are_not_kept() -> None:
    before = len(_span_observers._observers)
    for _ in range(10):
        SpanCounter.added()
    with span("db", metric=True):
        pass
    kept = SpanCounter.added()
    with span("db", metric=True):
        pass
    assert len(kept.counted) == 1
    assert len(_span_observers._observers) <= before + 1


def test_an_observer_that_fails_is_logged_once_and_hides_no_other(
    counter: SpanCounter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(SpanCounter):
        def observe_span(self, name: str, seconds: float) -> None:
            raise LookupError

    monkeypatch.setattr(_span_observers, "_failed", False)
    monkeypatch.setattr(_span_observers, "_observers", ())
    failing = Failing.added()
    add_observer(counter)
    for _ in range(2):
        with span("db", metric=True):
            pass
    assert len(counter.counted) == 2
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("perfkit", logging.ERROR)
    del failing


def test_metric_spans_of_tasks_that_start_each_other_do_not_hold_those_before() -> None:
    shared = span("shared", metric=True)

    def starts() -> int:
        return sum(type(each) is _Start for each in gc.get_objects())

    running: set[asyncio.Task[None]] = set()
    most = 0

    async def job(generation: int) -> None:
        nonlocal most
        with shared:
            if generation:
                task = asyncio.create_task(job(generation - 1))
                running.add(task)
                task.add_done_callback(running.discard)
            for _ in range(3):  # the next ones begin before this one ends
                await asyncio.sleep(0)
        most = max(most, starts())

    async def main() -> None:
        await job(30)
        while running:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert 0 < most < 10


def test_metric_spans_that_nobody_counts_do_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_span_observers, "_observers", ())
    shared = span("shared", metric=True)

    def spans(prefix: str) -> None:
        for number in range(5000):
            with span(f"{prefix}{number}", metric=True), shared:
                pass

    spans("warm")
    tracemalloc.start()
    spans("more")
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 20_000
