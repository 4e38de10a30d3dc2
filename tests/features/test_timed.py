"""timed: what it measures of a function, what it leaves as it is, and what it logs of slow calls."""

import asyncio
import contextvars
import functools
import gc
import inspect
import logging
import pickle
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_type

import pytest
import trio

from perfkit import Timing, _timed, span, timed
from perfkit._slow_calls import LINES
from tests.features.clock import Clock
from tests.features.server_timing import Metric, read
from tests.features.span_counter import SpanCounter
from tests.memory_exchange import MemoryExchange

HERE = __file__


@pytest.fixture
def clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(_timed, "perf_counter_ns", lambda: clock.nanoseconds)
    return clock


@pytest.fixture
def counter() -> SpanCounter:
    return SpanCounter.added()


def entries(application: Callable[[], object]) -> list[Metric]:
    """The entries of the header after this has run in an exchange."""
    feature, exchange = Timing(total=False, details="always"), MemoryExchange()
    feature.on_request(exchange)
    try:
        application()
        feature.on_response(exchange)
    finally:
        feature.on_end(exchange, None)
    lines = exchange.lines("Server-Timing")
    return read(lines[0]) if lines else []


def line_of(function: Callable[..., Any]) -> int:
    return inspect.unwrap(function).__code__.co_firstlineno


def here() -> int:
    """The line this is called in."""
    return sys._getframe(1).f_lineno


@timed(slow_ms=0)
def at_the_top(clock: Clock) -> None:
    clock.advance(1)


class TestMeasures:
    def test_a_function(self, clock: Clock, counter: SpanCounter):
        @timed("add")
        def add(a: int, b: int) -> int:
            clock.advance(2)
            return a + b

        assert add(1, b=2) == 3

        def app() -> None:
            add(3, 4)
            clock.advance(8)

        assert entries(app) == [Metric("add", 2.0, None)]
        assert counter.counted == [("add", 0.002), ("add", 0.002)]

    @pytest.mark.parametrize("run", [asyncio.run, lambda coroutine: trio.run(lambda: coroutine)])
    def test_a_coroutine_function(self, clock: Clock, counter: SpanCounter, run):
        @timed("add")
        async def add(a: int, b: int) -> int:
            clock.advance(1)
            await (asyncio.sleep(0) if run is asyncio.run else trio.sleep(0))
            clock.advance(2)
            return a + b

        assert inspect.iscoroutinefunction(add)
        assert entries(lambda: run(add(1, b=2))) == [Metric("add", 3.0, None)]
        assert counter.counted == [("add", 0.003)]

    def test_methods(self, clock: Clock, counter: SpanCounter):
        class Shelf:
            def __init__(self, books: int) -> None:
                self.books = books

            @timed("count")
            def count(self) -> int:
                clock.advance(1)
                return self.books

            @staticmethod
            @timed("fixed")
            def fixed(number: int) -> int:
                return number

            @classmethod
            @timed("made")
            def made(cls, books: int) -> int:
                return cls(books).count()

        assert (Shelf(3).count(), Shelf(3).fixed(4), Shelf.made(5)) == (3, 4, 5)
        assert [name for name, _ in counter.counted] == ["count", "fixed", "count", "made"]

    def test_a_call_that_fails(self, clock: Clock, counter: SpanCounter):
        @timed("query")
        def query() -> None:
            clock.advance(2)
            raise LookupError("no such book")

        @timed("query")
        async def query_later() -> None:
            clock.advance(4)
            raise LookupError("no such book")

        with pytest.raises(LookupError, match="no such book"):
            query()
        with pytest.raises(LookupError, match="no such book"):
            asyncio.run(query_later())
        assert counter.seconds() == [0.002, 0.004]

    def test_a_call_that_is_cancelled_and_one_that_is_thrown_away(self, clock: Clock, counter: SpanCounter):
        @timed("wait")
        async def wait() -> None:
            clock.advance(1)
            await asyncio.sleep(3600)

        async def main() -> None:
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            clock.advance(4)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        coroutine = wait()

        async def begin() -> None:
            coroutine.send(None)

        asyncio.run(begin())
        clock.advance(8)
        coroutine.close()
        assert counter.seconds() == [0.005, 0.009]

    def test_a_function_that_calls_itself(self, clock: Clock, counter: SpanCounter):
        @timed("down")
        def down(depth: int) -> None:
            clock.advance(1)
            if depth:
                down(depth - 1)

        down(3)
        assert counter.seconds() == [0.001, 0.002, 0.003, 0.004]

    def test_calls_that_overlap_in_tasks(self, clock: Clock, counter: SpanCounter):
        @timed("hold")
        async def hold(ticks: int) -> None:
            for _ in range(ticks):
                await asyncio.sleep(0)

        async def tick() -> None:
            for _ in range(5):
                clock.advance(1)
                await asyncio.sleep(0)

        async def main() -> None:
            await asyncio.gather(hold(1), hold(4), hold(2), tick())

        asyncio.run(main())
        assert counter.seconds() == [0.001, 0.002, 0.004]

    def test_calls_in_threads_at_the_same_time(self, monkeypatch: pytest.MonkeyPatch, counter: SpanCounter):
        clocks = threading.local()  # to each thread its own time
        monkeypatch.setattr(_timed, "perf_counter_ns", lambda: clocks.now)
        inside = threading.Barrier(3)

        @timed("hold")
        def hold(milliseconds: int) -> None:
            inside.wait()
            clocks.now += milliseconds * 1_000_000

        def work(milliseconds: int) -> None:
            for _ in range(100):
                clocks.now = milliseconds * 1_000_000_000
                hold(milliseconds)

        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(work, milliseconds) for milliseconds in (1, 2, 3)]:
                done.result()
        assert sorted(counter.seconds()) == [seconds for seconds in (0.001, 0.002, 0.003) for _ in range(100)]

    def test_a_thread_that_has_the_context_of_the_request(self):
        @timed("load")
        def load() -> None: ...

        def app() -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(load).result()
                pool.submit(contextvars.copy_context().run, load).result()

        assert [metric.name for metric in entries(app)] == ["load"]

    def test_no_series_where_metric_is_false(self, counter: SpanCounter):
        @timed("quiet", metric=False)
        def quiet() -> None: ...

        assert [metric.name for metric in entries(quiet)] == ["quiet"]
        assert counter.counted == []

    def test_objects_that_are_called_by_a_coroutine_function(self, clock: Clock, counter: SpanCounter):
        class Later:
            async def __call__(self) -> int:
                clock.advance(1)
                return 3

        call = timed("later")(Later())
        assert inspect.iscoroutinefunction(call)
        assert asyncio.run(call()) == 3
        assert counter.seconds() == [0.001]

    def test_functions_without_a_name(self, counter: SpanCounter):
        assert timed()(functools.partial(max, 3))(4) == 4
        assert timed()(len)("abc") == 3
        assert [name for name, _ in counter.counted] == ["builtins.max", "builtins.len"]


class TestNames:
    def test_are_those_of_the_module_and_the_function(self, counter: SpanCounter, clock: Clock):
        class Shelf:
            @timed()
            def count(self) -> None: ...

        at_the_top(clock)
        Shelf().count()
        top, method = (name for name, _ in counter.counted)
        assert top == "tests.features.test_timed.at_the_top"
        # With the module it would be too long.
        assert method == "test_are_those_of_the_module_and_the_function.Shelf.count"

    @pytest.mark.parametrize(
        ("module", "qualname", "name"),
        [
            ("shop.books", "price", "shop.books.price"),
            ("shop.books", "shelf.<locals>.price", "shop.books.shelf.price"),
            ("shop.books", "shelf.<locals>.<lambda>", "shop.books.shelf.-lambda"),
            ("shop.bücher", "größe", "shop.b-cher.gr-e"),
            ("a" * 40 + "." + "b" * 40, "Shelf.count", "b" * 40 + ".Shelf.count"),
            ("shop", "x" * 70, "x" * 64),
            ("", "日本", "."),
        ],
    )
    def test_that_are_made_are_short_tokens(self, module: str, qualname: str, name: str, counter: SpanCounter):
        def function() -> None: ...

        function.__module__, function.__qualname__ = module, qualname
        call = timed()(function)
        assert [metric.name for metric in entries(call)] == [name]
        assert [counted for counted, _ in counter.counted] == [name]


class TestDecorated:
    def test_keeps_its_name_its_signature_and_its_types(self):
        @timed()
        def add(a: int, b: int = 1) -> int:
            """Add."""
            return a + b

        @timed("add", slow_ms=10.5)
        async def add_later(a: int) -> str:
            return str(a)

        class Shelf:
            @timed()
            def count(self, kind: str) -> float:
                return 1.5

        assert (add.__name__, add.__doc__, add_later.__name__) == ("add", "Add.", "add_later")
        assert list(inspect.signature(add).parameters) == ["a", "b"]
        assert_type(add(1), int)
        assert_type(asyncio.run(add_later(1)), str)
        assert_type(Shelf().count(kind="novels"), float)
        with pytest.raises(TypeError):
            add("1", c=2)  # type: ignore[call-arg, arg-type]

    def test_can_be_pickled(self):
        assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top

    def test_keeps_nothing_of_its_calls(self):
        class Book: ...

        @timed(slow_ms=0)
        def fail(book: Book) -> None:
            raise LookupError

        for _ in range(3):
            with pytest.raises(LookupError):
                fail(Book())
        gc.collect()
        assert not [each for each in gc.get_objects() if type(each) is Book]


class TestRefuses:
    def test_generators(self):
        def rows() -> Iterator[int]:
            yield 1

        async def rows_later() -> AsyncIterator[int]:
            yield 1

        class Rows:
            def __call__(self) -> Iterator[int]:
                yield 1

        for function in (rows, rows_later, functools.partial(rows), Rows()):
            with pytest.raises(TypeError, match=r"timed cannot measure .*[Rr]ows.*, a generator: write `with span"):
                timed()(function)

    def test_what_is_no_function(self):
        function: Any = at_the_top
        with pytest.raises(TypeError, match="cannot measure a staticmethod: write @staticmethod above it"):
            timed()(staticmethod(function))
        with pytest.raises(TypeError, match="cannot measure a classmethod: write @classmethod above it"):
            timed()(classmethod(function))  # type: ignore[type-var]
        with pytest.raises(TypeError, match="timed measures functions, not <class"):
            timed()(Clock)
        with pytest.raises(TypeError, match="timed measures functions, not 3"):
            timed()(3)  # type: ignore[type-var]

    def test_to_decorate_without_parentheses(self):
        with pytest.raises(TypeError, match=r"name is <function .*>, not a str: write @timed\(\) with parentheses"):

            @timed  # type: ignore[arg-type]
            def function() -> None: ...

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"name": 3}, TypeError, "name is 3, not a str: write a text"),
            ({"slow_ms": "10"}, TypeError, "slow_ms is '10', not a number: write a number of milliseconds"),
            ({"slow_ms": True}, TypeError, "slow_ms is True, not a number"),
            ({"slow_ms": -1}, ValueError, "slow_ms is -1: write a number of milliseconds, for example slow_ms=100"),
            ({"slow_ms": float("nan")}, ValueError, "slow_ms is nan"),
            ({"slow_ms": float("inf")}, ValueError, "slow_ms is inf"),
            ({"metric": "yes"}, TypeError, "metric is 'yes', not a bool"),
            ({"logger": "shop"}, TypeError, "logger is 'shop', not a logging.Logger"),
        ],
    )
    def test_arguments_that_cannot_be_used(self, arguments: dict[str, Any], error: type[Exception], message: str):
        with pytest.raises(error, match=f"timed: {message}"):
            timed(**arguments)


class TestSlowCalls:
    def test_are_logged_with_the_places_of_function_and_caller(self, clock: Clock, caplog):
        @timed("a name of its own", slow_ms=100)
        def price(book: str) -> int:
            clock.advance(312.44)
            return len(book)

        line = here() + 1
        price("a secret")
        (record,) = caplog.records
        function = f"{__name__}.{price.__qualname__}"
        assert (record.name, record.levelno) == ("perfkit.timed", logging.WARNING)
        assert record.getMessage() == (
            f"slow call: {function} ({HERE}:{line_of(price)}) took 312.4 ms, limit 100 ms, called from {HERE}:{line}"
        )
        assert record.timed == {
            "function": function,
            "definition": f"{HERE}:{line_of(price)}",
            "caller": f"{HERE}:{line}",
            "milliseconds": 312.44,
            "limit_ms": 100,
            "error": None,
            "left_out": 0,
        }

    def test_are_those_above_the_limit(self, clock: Clock, caplog):
        @timed(slow_ms=2.5)
        def work(milliseconds: float) -> None:
            clock.advance(milliseconds)

        for milliseconds in (1, 2.5, 2.501, 0):
            work(milliseconds)
        assert [record.timed["milliseconds"] for record in caplog.records] == [2.501]

    def test_are_not_logged_without_a_limit(self, clock: Clock, caplog):
        timed()(clock.advance)(1e9)
        assert caplog.records == []

    def test_are_told_when_they_fail_and_never_what_of(self, clock: Clock, caplog):
        @timed(slow_ms=1)
        def query() -> None:
            clock.advance(2)
            raise LookupError("a secret")

        with pytest.raises(LookupError):
            query()
        (record,) = caplog.records
        assert "took 2.0 ms, limit 1 ms, raised LookupError, called from" in record.getMessage()
        assert "secret" not in record.getMessage() + repr(record.__dict__)

    def test_of_coroutines_were_called_from_where_they_are_awaited(self, clock: Clock, caplog):
        @timed(slow_ms=1)
        async def query() -> None:
            await asyncio.sleep(0)
            clock.advance(2)

        line = here() + 3

        async def view() -> None:
            await query()

        asyncio.run(view())
        (record,) = caplog.records
        assert record.timed["caller"] == f"{HERE}:{line}"

    def test_through_other_decorators_of_perfkit_were_called_from_the_code_outside(self, clock: Clock, caplog):
        line = here() + 1
        span("outer")(at_the_top)(clock)
        assert [record.timed["caller"] for record in caplog.records] == [f"{HERE}:{line}"]

    def test_below_other_decorators_are_defined_where_the_function_is(self, clock: Clock, caplog):
        def function() -> None:
            clock.advance(1)

        timed(slow_ms=0)(functools.cache(function))()
        assert [record.timed["definition"] for record in caplog.records] == [f"{HERE}:{line_of(function)}"]

    def test_by_an_event_loop_or_a_thread_have_no_caller(self, clock: Clock, caplog):
        @timed(slow_ms=1)
        async def query() -> None:
            clock.advance(2)

        @timed(slow_ms=1)
        def job() -> None:
            clock.advance(2)

        async def main() -> None:
            await asyncio.create_task(query())
            await asyncio.to_thread(job)

        asyncio.run(main())
        trio.run(query)
        thread = threading.Thread(target=job)
        thread.start()
        thread.join()
        assert [record.timed["caller"] for record in caplog.records] == [None] * 4
        assert "called from" not in caplog.text

    def test_of_coroutines_that_are_thrown_away_have_no_caller(self, clock: Clock, caplog):
        @timed(slow_ms=1)
        async def query() -> None:
            clock.advance(2)
            await asyncio.sleep(3600)

        async def begin() -> None:
            coroutine = query()
            coroutine.send(None)
            coroutine.close()

        asyncio.run(begin())
        (record,) = caplog.records
        assert (record.timed["error"], record.timed["caller"]) == ("GeneratorExit", None)

    def test_without_code_of_python_have_no_definition(self, clock: Clock, caplog, monkeypatch):
        monkeypatch.setattr(_timed, "perf_counter_ns", iter([0, 2_000_000]).__next__)
        timed(slow_ms=1)(len)("abc")
        (record,) = caplog.records
        assert record.getMessage().startswith("slow call: builtins.len took 2.0 ms")

    def test_go_to_the_logger_that_was_given(self, clock: Clock, caplog):
        timed(slow_ms=1, logger=logging.getLogger("shop.slow"))(clock.advance)(2)
        assert [record.name for record in caplog.records] == ["shop.slow"]

    def test_count_for_nothing_where_nobody_listens(self, clock: Clock, caplog):
        caplog.set_level(logging.ERROR, "perfkit.timed")
        work = timed(slow_ms=1)(clock.advance)
        for _ in range(2 * LINES):
            work(2)
        caplog.set_level(logging.WARNING, "perfkit.timed")
        work(2)
        assert [record.timed["left_out"] for record in caplog.records] == [0]

    def test_fill_no_log(self, clock: Clock, caplog):
        work = timed(slow_ms=1)(clock.advance)
        other = timed(slow_ms=1)(clock.advance)
        for _ in range(40):
            work(2)
        other(2)
        assert len(caplog.records) == LINES + 1
        clock.advance(1000)
        work(2)
        work(2)
        counts = [record.timed["left_out"] for record in caplog.records]
        assert counts == [0] * LINES + [0, 40 - LINES, 0]
        assert "; 30 slow calls of it before were not logged" in caplog.text

    def test_go_on_at_ten_lines_in_any_second(self, clock: Clock, caplog):
        work = timed(slow_ms=1)(clock.advance)
        for _ in range(3000):  # one each 2 ms
            work(2)
        times = [record.timed["left_out"] + 1 for record in caplog.records]
        assert len(caplog.records) == LINES * 6
        assert sum(times) <= 3000
        ends = [2 * sum(times[: index + 1]) for index in range(len(times))]
        assert all(later - earlier >= 1000 for earlier, later in zip(ends, ends[LINES:], strict=False))

    def test_that_cannot_be_logged_are_said_once_and_change_no_call(self, clock: Clock, caplog):
        class Failing(logging.Filter):
            def filter(self, record: logging.LogRecord) -> bool:
                raise LookupError

        log = logging.getLogger("shop.failing")
        log.addFilter(Failing())

        @timed(slow_ms=1, logger=log)
        def work() -> int:
            clock.advance(2)
            return 3

        assert [work(), work()] == [3, 3]
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("perfkit", logging.ERROR)

    def test_of_each_call_of_a_function_that_calls_itself_are_logged(self, clock: Clock, caplog):
        @timed(slow_ms=1.5)
        def down(depth: int) -> None:
            clock.advance(1)
            if depth:
                down(depth - 1)

        down(2)
        assert [record.timed["milliseconds"] for record in caplog.records] == [2.0, 3.0]
