"""What checks give, how long that holds, and what becomes of those that hang. On hosts that block and that await."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Reply
from perfkit.features.health import _check, _run
from perfkit.features.health._calling import on_thread
from perfkit.features.health._result import MAX_LENGTH
from perfkit.health import Result
from tests.features.health.asking import (
    WAYS,
    ask,
    ask_async,
    ask_on_loop,
    body,
    detail,
    hanging,
    health,
    health_threads,
    until,
)

ways = pytest.mark.parametrize("way", WAYS)


class Odd(BaseException):
    """None of Exception's."""


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(error: BaseException) -> Any:
    def check() -> None:
        raise error

    return check


def awaiting(function: Any) -> Any:
    async def check() -> Any:
        await asyncio.sleep(0)
        return function()

    return check


KINDS = pytest.mark.parametrize("of_kind", [lambda function: function, awaiting], ids=["sync", "async"])


class TestOutcomes:
    @ways
    @KINDS
    @pytest.mark.parametrize(
        ("value", "status", "output"),
        [
            (None, "pass", None),
            (True, "pass", None),
            (Result("pass", "3 ms"), "pass", "3 ms"),
            (Result("warn", "the replica lags"), "warn", "the replica lags"),
            (Result("fail"), "fail", None),
            (False, "fail", None),
            ("no route", "fail", "no route"),
            ("", "fail", None),
            (0, "fail", "it gave int, not None, True, False, a text or a Result"),
            (1, "fail", "it gave int, not None, True, False, a text or a Result"),
            (b"OK", "fail", "it gave bytes, not None, True, False, a text or a Result"),
            ([], "fail", "it gave list, not None, True, False, a text or a Result"),
        ],
        ids=repr,
    )
    def test_are_what_a_check_gives(self, way, of_kind, value, status, output):
        seen = detail(way(health({"it": of_kind(lambda: value)}), internal=True))
        assert (seen["status"], seen.get("output")) == (status, output)

    @ways
    @KINDS
    @pytest.mark.parametrize(
        "error",
        [
            OSError("no such host"),
            SystemExit(3),
            asyncio.CancelledError(),
            GeneratorExit(),
            TimeoutError("of its own"),
            Odd(),
            UnspeakableError(),
            ExceptionGroup("two", [ValueError(), OSError()]),
        ],
        ids=repr,
    )
    def test_fail_by_the_type_of_what_is_raised(self, way, of_kind, error):
        seen = detail(way(health({"it": of_kind(raising(error))}), internal=True))
        assert (seen["status"], seen["output"]) == ("fail", type(error).__name__)

    @ways
    @pytest.mark.parametrize("error", [KeyboardInterrupt(), StopIteration()], ids=repr)
    def test_fail_by_what_no_coroutine_may_raise(self, way, error):
        assert detail(way(health({"it": raising(error)}), internal=True))["output"] == type(error).__name__

    def test_of_an_interrupt_reach_the_loop(self):
        with pytest.raises(KeyboardInterrupt):
            ask_on_loop(health({"it": awaiting(raising(KeyboardInterrupt()))}))

    @ways
    def test_of_a_coroutine_that_nobody_awaits_say_so(self, way):
        check = awaiting(lambda: True)

        def forgetful() -> Any:
            return check()

        seen = detail(way(health({"it": forgetful}), internal=True))
        assert seen["status"] == "fail"
        assert seen["output"].startswith("it gave a coroutine: write the check with 'async def'")

    @ways
    def test_are_those_of_objects_with_a_coroutine_function(self, way):
        class Check:
            async def __call__(self) -> str:
                return "awaited"

        assert detail(way(health({"it": Check()}), internal=True))["output"] == "awaited"

    @given(st.text(st.characters(), max_size=2000))
    def test_are_short_texts_that_json_can_hold(self, text):
        output = detail(ask(health({"it": lambda: text}), internal=True)).get("output", "")
        assert len(output) <= MAX_LENGTH
        assert "\n" not in output

    def test_have_no_lone_surrogates(self):
        assert detail(ask(health({"it": lambda: "a\ud800b\nc"}), internal=True))["output"] == "a?b c"

    def test_have_a_status_that_exists(self):
        with pytest.raises(ValueError, match="'ok' is not a status; write 'pass', 'warn' or 'fail'"):
            Result("ok")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="the output is int, not a text"):
            Result("pass", 3)  # type: ignore[arg-type]


class TestMessages:
    def check(self) -> None:
        raise OSError("cannot log in at pg://jane:s3cr/et@db/shop: password=hunter2 is wrong,\nsays   db")

    def test_are_not_shown(self):
        assert detail(ask(health({"it": self.check}), internal=True))["output"] == "OSError"

    def test_are_shown_where_that_is_asked_for_but_for_secrets(self):
        feature = health({"it": self.check}, messages=True)
        output = detail(ask(feature, internal=True))["output"]
        assert output == "OSError: cannot log in at pg://***@db/shop: password=*** is wrong, says db"
        assert body(ask(feature)) == {"status": "fail"}

    @pytest.mark.parametrize(
        "text",
        ["Pwd = 'hunter2 x'", 'token:"hunter2"', "api-key=hunter2;x", "https://hunter2@host", "redis://:hunter2@h:1/0"],
    )
    def test_hide_what_looks_like_a_secret(self, text):
        output = detail(ask(health({"it": raising(OSError(text))}, messages=True), internal=True))["output"]
        assert "hunter2" not in output
        assert "***" in output

    def test_are_cut(self):
        feature = health({"it": raising(OSError("x" * 100_000))}, messages=True)
        assert len(detail(ask(feature, internal=True))["output"]) <= MAX_LENGTH + len("OSError: ")


class TestTimeouts:
    @ways
    def test_fail_a_check_that_hangs(self, way):
        with hanging() as check:
            feature = health({"it": check, "other": lambda: True}, timeout=0.05)
            seen = way(feature, internal=True)
            assert seen.status == 503
            assert detail(seen)["output"] == "no answer in 0.05 s"
            assert detail(seen)["duration_ms"] == 50
            assert detail(seen, "other")["status"] == "pass"

    @ways
    def test_start_no_second_run_beside_one_that_hangs(self, way):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.02, every=0)
            for _ in range(5):
                assert way(feature).status == 503
            assert check.runs == 1
            assert len(health_threads()) == 1
            check.gate.set()
            until(lambda: not health_threads())
            assert way(feature).status == 200
            assert check.runs == 2

    @ways
    def test_are_told_at_once_while_the_run_hangs(self, way, monkeypatch):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.02, every=0)
            way(feature)
            for name in ("wait", "wait_async"):
                monkeypatch.setattr(_run.Run, name, None)  # so that nobody waits
            assert way(feature).status == 503

    def test_drop_what_comes_too_late(self):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.02, every=60)
            assert ask(feature).status == 503
            check.gate.set()
            until(lambda: not health_threads())
            assert ask(feature).status == 503, "a verdict holds as long as it says"
            assert check.runs == 1

    @ways
    def test_cancel_an_async_check(self, way):
        cancelled: list[bool] = []

        async def check() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        feature = health({"it": check}, timeout=0.02)
        assert detail(way(feature, internal=True))["output"] == "no answer in 0.02 s"
        until(lambda: cancelled)

    def test_start_no_second_run_beside_an_async_one_that_will_not_end(self):
        runs: list[int] = []

        async def stubborn() -> None:
            runs.append(1)
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    continue

        async def requests() -> list[int]:
            feature = health({"it": stubborn}, timeout=0.02, every=0)
            statuses = [(await ask_async(feature)).status for _ in range(3)]
            gate.set()
            await asyncio.sleep(0.02)
            return [*statuses, (await ask_async(feature)).status]

        gate = asyncio.Event()
        assert asyncio.run(requests()) == [503, 503, 503, 200]
        assert len(runs) == 2

    @ways
    def test_are_each_check_s_own(self, way):
        with hanging() as check:
            feature = health({"it": {"call": check, "timeout": 0.02}}, timeout=60)
            assert detail(way(feature, internal=True))["output"] == "no answer in 0.02 s"

    @ways
    def test_of_several_checks_pass_at_the_same_time(self, way):
        barrier = threading.Barrier(3)

        def check() -> None:
            barrier.wait(5)

        assert way(health(dict.fromkeys("abc", check), timeout=10)).status == 200


class TestCaching:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        class Clock:
            now = 1000.0

        monkeypatch.setattr(_check, "monotonic", lambda: Clock.now)
        monkeypatch.setattr(_run, "monotonic", lambda: Clock.now)
        return Clock

    @ways
    def test_runs_a_check_again_only_when_its_verdict_is_old(self, way, clock):
        runs: list[int] = []
        feature = health({"it": lambda: runs.append(1)}, every=2)
        counts = []
        for seconds in (0, 1.9, 0.2, 1.7, 0.3):
            clock.now += seconds
            way(feature)
            counts.append(len(runs))
        assert counts == [1, 1, 2, 2, 3]

    def test_is_each_check_s_own(self, clock):
        runs: list[str] = []
        checks = {"a": {"call": lambda: runs.append("a"), "every": 10}, "b": lambda: runs.append("b")}
        feature = health(checks, every=1)
        for _ in range(3):
            ask(feature)
            clock.now += 5
        assert (runs.count("a"), runs.count("b")) == (2, 3)

    def test_holds_for_failures_too(self, clock):
        runs: list[int] = []

        def check() -> bool:
            runs.append(1)
            return False

        feature = health({"it": check}, every=1)
        assert [ask(feature).status for _ in range(5)] == [503] * 5
        assert len(runs) == 1

    def test_tells_the_age(self, clock):
        feature = health({"it": lambda: True}, every=60)
        ask(feature)
        clock.now += 12.3456
        assert detail(ask(feature, internal=True))["age_ms"] == 12346

    def test_goes_by_no_clock_that_can_be_set(self, monkeypatch):
        runs: list[int] = []
        feature = health({"it": lambda: runs.append(1)}, every=60)
        ask(feature)
        for step in (-1e9, 1e9):
            monkeypatch.setattr(time, "time", lambda step=step: step)
            assert detail(ask(feature, internal=True))["age_ms"] < 60_000
        assert len(runs) == 1


class TestStorms:
    COUNT = 1000

    def check(self) -> Any:
        def slow() -> None:
            self.runs.append(1)
            time.sleep(0.1)

        self.runs: list[int] = []
        return slow

    def test_on_an_event_loop_run_each_check_once(self):
        feature = health({"a": self.check(), "b": awaiting(lambda: self.runs.append(2))}, every=60)

        async def storm() -> list[Reply]:
            return await asyncio.gather(*(ask_async(feature) for _ in range(self.COUNT)))

        assert {reply.status for reply in asyncio.run(storm())} == {200}
        assert sorted(self.runs) == [1, 2]

    def test_on_threads_run_each_check_once(self):
        feature = health({"a": self.check(), "b": awaiting(lambda: self.runs.append(2))}, every=60)
        with ThreadPoolExecutor(100) as threads:
            statuses = set(threads.map(lambda _: ask(feature).status, range(self.COUNT)))
        assert statuses == {200}
        assert sorted(self.runs) == [1, 2]

    def test_leave_nothing_behind_at_a_check_that_hangs(self):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.2)

            async def storm() -> None:
                await asyncio.gather(*(ask_async(feature) for _ in range(self.COUNT)))

            asyncio.run(storm())
            (run,) = (feature._all[0]._run,)
            assert run is not None
            assert run._wakers == set()
            assert len(health_threads()) == 1

    def test_on_threads_and_loops_together_run_it_once(self):
        feature = health({"it": self.check()}, every=60)
        with ThreadPoolExecutor(8) as threads:
            futures = [threads.submit(WAYS[number % 2], feature) for number in range(40)]
        assert {future.result().status for future in futures} == {200}
        assert self.runs == [1]


class TestThreads:
    def test_are_daemons_for_which_the_process_does_not_wait(self):
        with hanging() as check:
            ask(health({"db": check}, timeout=0.01))
            (thread,) = health_threads()
            assert thread.daemon
            assert thread.name == "perfkit-health-db"

    def test_keep_a_blocking_check_off_the_event_loop(self):
        with hanging() as check:

            async def requests() -> int:
                feature = health({"it": check}, timeout=5)
                asked = asyncio.ensure_future(ask_async(feature))
                await asyncio.sleep(0.01)  # the loop goes on meanwhile
                assert check.runs == 1
                check.gate.set()
                return (await asked).status

            assert asyncio.run(requests()) == 200

    def test_that_the_system_does_not_give_fail_the_check(self, monkeypatch):
        def refused(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refused)
        feature = health({"it": lambda: True}, every=0)
        assert [detail(ask(feature, internal=True))["output"] for _ in range(2)] == ["RuntimeError"] * 2

    def test_of_another_process_are_not_waited_for(self, monkeypatch):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.02, every=0)
            ask(feature)
            monkeypatch.setattr("os.getpid", lambda: -1)  # as after a fork
            ask(feature)
            assert check.runs == 2

    def test_that_were_not_waited_for_change_nothing_when_they_end(self, monkeypatch):
        with hanging() as lost, hanging() as current:
            checks = [current, lost]

            def function() -> None:
                checks.pop()()

            (check,) = health({"it": function}, timeout=30, every=0)._all
            check.begin(on_thread)
            until(lambda: lost.runs)
            monkeypatch.setattr("os.getpid", lambda: -1)
            run = check.begin(on_thread)
            until(lambda: current.runs)
            lost.gate.set()
            until(lambda: len(health_threads()) == 1)
            assert check.verdict is None
            assert check.begin(on_thread) is run


class TestEnds:
    def test_at_the_last_moment_count(self):
        (check,) = health({"it": lambda: True}, every=60)._all
        run = check.begin(on_thread)
        assert run is not None
        until(lambda: check.verdict)
        check.give_up(run)  # by who has just found the time to be over
        assert check.verdict is not None
        assert check.verdict.outcome.status == "pass"


class TestLogs:
    def statuses(self, *given: Any) -> Any:
        values = iter(given)
        return health({"db": lambda: next(values)}, every=0)

    def messages(self, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
        until(lambda: not health_threads())  # who waits is woken before the log is written
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    def test_tell_a_change_once(self, caplog):
        caplog.set_level(logging.INFO, "perfkit")
        feature = self.statuses(True, "full", "full", Result("warn", "slow"), True, True)
        for _ in range(6):
            ask(feature)
            self.messages(caplog)
        assert self.messages(caplog) == [
            ("WARNING", "health: the check 'db' fails: full"),
            ("WARNING", "health: the check 'db' warns: slow"),
            ("INFO", "health: the check 'db' passes again"),
        ]

    def test_tell_what_an_exception_says_but_for_secrets(self, caplog):
        ask(health({"db": raising(OSError("at pg://jane:hunter2@db"))}))
        assert self.messages(caplog) == [("WARNING", "health: the check 'db' fails: OSError: at pg://***@db")]

    def test_tell_of_a_check_that_hangs_once(self, caplog):
        with hanging() as check:
            feature = health({"db": check}, timeout=0.01, every=0)
            for _ in range(3):
                ask(feature)
        assert self.messages(caplog) == [("WARNING", "health: the check 'db' fails: no answer in 0.01 s")]
