"""span: what it measures, where, and that nobody else's exchange sees it."""

import asyncio
import contextvars
import gc
import inspect
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import assert_type

import pytest

from perfkit import Timing, span
from perfkit.features import _spans
from perfkit.features._spans import Collector, _current
from tests.features.clock import Clock
from tests.features.server_timing import Metric, read
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
