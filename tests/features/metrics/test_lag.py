"""How late an event loop is."""

import asyncio
import contextvars
import gc
import time
import weakref

import pytest
from prometheus_client import CollectorRegistry

from perfkit import Metrics
from perfkit.features.metrics import _lag
from perfkit.features.metrics._feature import BATCH
from tests.features.metrics.measured import Measured

LAG = "asyncio_event_loop_lag_seconds"

request_id: contextvars.ContextVar[object] = contextvars.ContextVar("request_id")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look every few milliseconds, so that a test need not wait for long."""
    monkeypatch.setattr(_lag, "INTERVAL", 0.005)


def count(measured: Measured) -> float:
    return measured.value(f"{LAG}_count") or 0


def total(measured: Measured) -> float:
    return measured.value(f"{LAG}_sum") or 0


async def looked(measured: Measured, times: int = 1) -> None:
    """Wait until a sampler has looked that often."""
    wanted = count(measured) + times
    async with asyncio.timeout(10):
        while count(measured) < wanted:
            await asyncio.sleep(0.001)


def test_loop_is_looked_at_from_its_first_request_on():
    measured = Measured()

    async def main() -> None:
        assert count(measured) == 0
        measured.serve()
        await looked(measured, times=3)

    asyncio.run(main())


def test_blocked_loop_is_late():
    measured = Measured()

    async def main() -> None:
        measured.serve()
        await looked(measured)
        before = total(measured)
        time.sleep(0.06)
        await looked(measured)
        assert total(measured) - before >= 0.05

    asyncio.run(main())


def test_each_loop_has_one_sampler():
    measured = Measured()
    other = Metrics(registry=measured.registry)
    samplers = measured.metrics._recorder.samplers

    async def main() -> None:
        for _ in range(3):
            measured.serve()
            measured.metrics, measured_before = other, measured.metrics
            measured.serve()
            measured.metrics = measured_before
        assert len(samplers._loops) == 1
        await looked(measured)

    asyncio.run(main())
    asyncio.run(main())
    gc.collect()
    assert len(samplers._loops) == 0


def test_loop_is_not_asked_for_by_each_request(monkeypatch):
    measured, asked = Measured(), []
    monkeypatch.setattr(measured.metrics, "_running_loop", lambda: asked.append(1))
    for _ in range(10):
        measured.serve()
    assert len(asked) == 1


def test_loop_beside_another_is_looked_at_before_long():
    measured = Measured()
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def main(requests: int) -> None:
        for _ in range(requests):
            measured.serve()

    try:
        first.run_until_complete(main(1))
        second.run_until_complete(main(BATCH))
        assert set(measured.metrics._recorder.samplers._loops) == {first, second}
    finally:
        first.close()
        second.close()


def test_next_loop_is_looked_at_too():
    measured = Measured()

    async def main() -> None:
        measured.serve()
        await looked(measured)

    for _ in range(3):
        asyncio.run(main())


def test_loop_and_registry_can_go():
    async def main(measured: Measured) -> weakref.ref:
        measured.serve()
        await looked(measured)
        return weakref.ref(asyncio.get_running_loop())

    measured = Measured()
    registry = weakref.ref(measured.registry)
    loop = asyncio.run(main(measured))
    gc.collect()
    assert loop() is None
    del measured
    gc.collect()
    assert registry() is None


def test_sampler_ends_with_what_it_reports_to():
    async def main() -> None:
        measured = Measured()
        measured.serve()
        await looked(measured)
        (sampler,) = measured.metrics._recorder.samplers._loops.values()
        gone = weakref.ref(sampler)
        del measured, sampler
        gc.collect()
        async with asyncio.timeout(10):
            while gone() is not None:  # its timer has it, until it rings
                await asyncio.sleep(0.001)

    asyncio.run(main())


def test_context_of_the_first_request_is_not_kept():
    class Kept: ...

    measured = Measured()

    async def request() -> weakref.ref:
        value = Kept()
        request_id.set(value)
        measured.serve()
        return weakref.ref(value)

    async def main() -> None:
        kept = await asyncio.create_task(request())
        await looked(measured)
        gc.collect()
        assert kept() is None

    asyncio.run(main())


def test_can_be_turned_off():
    measured = Measured(loop_lag=False)

    async def main() -> None:
        measured.serve()
        await asyncio.sleep(0.03)

    asyncio.run(main())
    assert count(measured) == 0
    assert not measured.metrics._recorder.samplers._loops


def test_without_a_loop_there_is_no_lag():
    measured = Measured()
    measured.serve()
    assert LAG not in measured.names()


def test_request_without_a_loop_after_one_with_a_loop_that_lives_is_measured():
    measured = Measured()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        measured.serve()

    try:
        loop.run_until_complete(main())
        measured.serve()
    finally:
        loop.close()
    assert list(measured.all("http_server_requests_total").values()) == [2]


def test_on_trio_there_is_no_lag():
    trio = pytest.importorskip("trio")
    measured = Measured()

    async def main() -> None:
        measured.serve()
        await trio.sleep(0.02)

    trio.run(main)
    assert LAG not in measured.names()


def test_clock_of_a_loop_that_goes_back_counts_as_no_lag():
    measured = Measured()

    class Loop(asyncio.SelectorEventLoop):
        shift = 0.0

        def time(self) -> float:
            return super().time() - self.shift

    async def main() -> None:
        measured.serve()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        ((sampler),) = measured.metrics._recorder.samplers._loops.values()
        loop.shift = 100.0
        sampler._look()
        assert measured.value(f"{LAG}_sum") == 0

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())


def test_registries_have_samplers_of_their_own():
    first, second = Measured(), Measured(registry=CollectorRegistry())

    async def main() -> None:
        first.serve()
        second.serve()
        await looked(first)
        await looked(second)

    asyncio.run(main())
