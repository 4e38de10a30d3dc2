"""Async checks on the loops that ask for them: asyncio's and trio's; requests that end before a check does."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest
import trio

from tests.features.health.asking import PATIENCE_SECONDS, ask, ask_async, detail, hanging, health, until

current: ContextVar[str] = ContextVar("current", default="nobody's")


class TestAsyncChecks:
    def test_run_on_the_loop_of_the_application(self):
        loops: list[object] = []

        async def check() -> None:
            loops.append(asyncio.get_running_loop())

        async def request() -> object:
            await ask_async(health({"it": check}))
            return asyncio.get_running_loop()

        assert loops == [asyncio.run(request())]

    def test_run_outside_of_the_request_that_asks_first(self):
        seen: list[str] = []

        async def check() -> None:
            seen.append(current.get())

        async def request() -> None:
            current.set("a request's")
            await ask_async(health({"it": check, "sync": lambda: seen.append(current.get())}))

        asyncio.run(request())
        assert seen == ["nobody's", "nobody's"]

    def test_run_on_a_loop_of_their_own_where_the_host_has_none(self):
        async def check() -> str:
            await asyncio.sleep(0)
            return asyncio.get_running_loop().__class__.__name__

        assert detail(ask(health({"it": check}), internal=True))["output"].endswith("EventLoop")

    def test_work_on_one_loop_after_another(self):
        async def check() -> None:
            await asyncio.sleep(0)

        feature = health({"it": check}, every=0)
        assert [asyncio.run(ask_async(feature)).status for _ in range(3)] == [200] * 3

    def test_of_a_loop_that_was_closed_do_not_block_those_of_the_next(self):
        async def check() -> None:
            if not again:
                await asyncio.sleep(60)

        again: list[bool] = []
        feature = health({"it": check}, every=0)
        loop = asyncio.new_event_loop()
        asked = loop.create_task(ask_async(feature))
        loop.run_until_complete(asyncio.sleep(0.01))
        # Closed as it is, without ending what runs on it; which Python would tell of.
        tasks = asyncio.all_tasks(loop)
        loop.close()
        again.append(True)
        assert asyncio.run(ask_async(feature)).status == 200
        for task in (asked, *tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_end_when_their_loop_does(self):
        ended: list[bool] = []

        async def check() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(True)

        feature = health({"it": check}, timeout=30, every=0)

        async def request() -> asyncio.Task[None]:
            asked = asyncio.ensure_future(ask_async(feature))
            await asyncio.sleep(0.01)
            asked.cancel()
            (run,) = (feature._all[0]._run,)
            assert run is not None
            task: asyncio.Task[None] = run.task
            return task

        task = asyncio.run(request())  # ends what is left, and waits for it
        assert ended == [True]
        assert task.cancelled()
        assert feature._all[0]._run is None

    def test_wake_a_loop_that_waits_for_a_thread(self):
        gate = threading.Event()
        feature = health({"it": lambda: None if gate.wait(PATIENCE_SECONDS) else False}, timeout=60)

        async def request() -> int:
            asked = asyncio.ensure_future(ask_async(feature))
            await asyncio.sleep(0.01)
            gate.set()
            async with asyncio.timeout(PATIENCE_SECONDS / 2):
                return (await asked).status

        assert asyncio.run(request()) == 200


class TestRequests:
    def test_that_are_cancelled_leave_the_check_to_the_others(self):
        gate = asyncio.Event()
        runs: list[int] = []

        async def check() -> None:
            runs.append(1)
            await gate.wait()

        async def requests() -> int:
            feature = health({"it": check}, every=60)
            first, second = (asyncio.ensure_future(ask_async(feature)) for _ in range(2))
            await asyncio.sleep(0.01)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            (run,) = (feature._all[0]._run,)
            assert run is not None
            assert len(run._wakers) == 1, "who is gone is not woken"
            gate.set()
            return (await second).status

        assert asyncio.run(requests()) == 200
        assert runs == [1]

    def test_that_are_all_cancelled_leave_a_verdict_to_the_next(self):
        runs: list[int] = []

        async def check() -> None:
            runs.append(1)
            await asyncio.sleep(0.02)

        async def requests() -> int:
            feature = health({"it": check}, every=60)
            asked = asyncio.ensure_future(ask_async(feature))
            await asyncio.sleep(0.001)
            asked.cancel()
            await asyncio.sleep(0.05)
            return (await ask_async(feature)).status

        assert asyncio.run(requests()) == 200
        assert runs == [1]

    def test_that_are_gone_leave_a_check_that_hangs_to_the_next(self):
        with hanging() as check:
            feature = health({"it": check}, timeout=0.05, every=60)

            async def request() -> None:
                asked = asyncio.ensure_future(ask_async(feature))
                await asyncio.sleep(0.001)
                asked.cancel()

            asyncio.run(request())
            (run,) = (feature._all[0]._run,)
            assert run is not None
            until(lambda: run.remaining == 0)
            assert detail(ask(feature, internal=True))["output"] == "no answer in 0.05 s"
            assert check.runs == 1

    def test_of_a_loop_that_is_closed_do_not_keep_a_check_from_ending(self):
        started: list[bool] = []
        closed: list[bool] = []

        def check() -> None:
            started.append(True)
            until(lambda: closed)

        feature = health({"it": check}, every=60)
        loop = asyncio.new_event_loop()
        asked = loop.create_task(ask_async(feature))
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        closed.append(True)
        until(lambda: feature._all[0].verdict)
        assert ask(feature).status == 200
        assert started == [True]
        asked._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_that_are_gone_leave_the_word_on_a_check_that_hangs(self):
        async def requests() -> str | None:
            feature = health({"it": asyncio.Event().wait}, timeout=0.03, every=60)
            asked = asyncio.ensure_future(ask_async(feature))
            await asyncio.sleep(0.001)
            asked.cancel()
            await asyncio.sleep(0.06)
            verdict = feature._all[0].verdict
            assert verdict is not None
            return verdict.outcome.output

        assert asyncio.run(requests()) == "no answer in 0.03 s"


class TestTrio:
    def test_runs_checks_of_its_own(self):
        async def check() -> None:
            await trio.sleep(0)

        feature = health({"async": check, "sync": lambda: True}, every=60)
        assert trio.run(ask_async, feature).status == 200

    def test_gives_up_those_that_hang(self):
        ended: list[bool] = []

        async def check() -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(True)

        feature = health({"it": check}, timeout=0.02)

        async def request() -> str:
            reply = await ask_async(feature, internal=True)
            with trio.fail_after(PATIENCE_SECONDS):
                while not ended:
                    await trio.sleep(0.001)
            return str(detail(reply)["output"])

        assert trio.run(request) == "no answer in 0.02 s"

    def test_gives_up_a_sync_check_that_hangs(self):
        async def request() -> list[int]:
            gate = trio.Event()
            token = trio.lowlevel.current_trio_token()

            def check() -> None:
                trio.from_thread.run(gate.wait, trio_token=token)

            feature = health({"it": check}, timeout=0.02, every=0)
            statuses = [(await ask_async(feature)).status for _ in range(2)]
            gate.set()
            return statuses

        assert trio.run(request) == [503, 503]

    @pytest.mark.parametrize("error", [OSError(), SystemExit(), asyncio.CancelledError()], ids=repr)
    def test_survives_what_checks_raise(self, error):
        async def check() -> None:
            raise error

        async def request() -> str:
            return str(detail(await ask_async(health({"it": check}), internal=True))["output"])

        assert trio.run(request) == type(error).__name__

    def test_runs_a_check_once_for_many_requests(self):
        runs: list[int] = []

        async def check() -> None:
            runs.append(1)
            await trio.sleep(0.02)

        async def requests() -> list[int]:
            feature = health({"it": check}, every=60)
            statuses: list[int] = []

            async def request() -> None:
                statuses.append((await ask_async(feature)).status)

            async with trio.open_nursery() as nursery:
                for _ in range(100):
                    nursery.start_soon(request)
            return statuses

        assert trio.run(requests) == [200] * 100
        assert runs == [1]

    def test_ends_with_a_check_under_way(self):
        feature = health({"it": trio.sleep_forever}, timeout=30, every=0)

        async def request() -> None:
            with trio.move_on_after(0.01):
                await ask_async(feature)

        trio.run(request)
        assert feature._all[0]._run is None
        assert feature._all[0].verdict is not None
