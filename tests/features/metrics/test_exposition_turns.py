"""Scrapes wait for each other and share what they get; nobody else waits for them."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import trio

from perfkit import Pending
from perfkit.features.metrics import _exposition
from perfkit.features.metrics._exposition import Exposition
from perfkit.features.metrics._exposition_turns import Turns
from tests.features.metrics.scrapes import Collecting, Many, families, gauge, registry, request, scrape

WAIT = 20  # seconds; nothing here takes one


class Gated:
    """A collector that waits until it is let go, and counts how often, and by how many at a time, it is asked."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.calls = self.inside = self.most = 0

    def describe(self):
        return []

    def collect(self):
        self.calls += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.begun.set()
        assert self.gate.wait(WAIT)
        self.inside -= 1
        yield gauge(f"call_{self.calls}")


@pytest.fixture
def gated():
    collector = Gated()
    yield collector
    collector.gate.set()


def pending(exposition, target="/metrics", **request_):
    found = exposition.reply(request(target, **request_))
    assert isinstance(found, Pending)
    return found


def call(reply):
    """Which call of `Gated.collect` this reply shows."""
    (name,) = families(reply)
    return name


class TestSharing:
    def test_who_asks_before_it_begins_shares_it(self, gated):
        exposition = Exposition(registry(gated))
        first = pending(exposition)
        assert gated.begun.wait(WAIT)
        waiting = [pending(exposition) for _ in range(50)]
        gated.gate.set()
        # What had begun before the others asked may not show what they want to see.
        assert call(first.run()) == "call_1"
        assert {call(each.run()) for each in waiting} == {"call_2"}
        assert gated.calls == 2

    def test_what_is_not_the_same_is_not_shared(self, gated):
        exposition = Exposition(registry(gated))
        pending(exposition)
        assert gated.begun.wait(WAIT)
        plain = pending(exposition)
        gzip = pending(exposition, Accept_Encoding="gzip")
        openmetrics = pending(exposition, Accept="application/openmetrics-text")
        some = pending(exposition, "/metrics?name[]=nothing")
        gated.gate.set()
        replies = [each.run() for each in (plain, gzip, openmetrics, some)]
        assert len({reply.body for reply in replies}) == 4
        assert gated.most == 1

    def test_two_expositions_take_turns_but_share_nothing(self, gated):
        one, other = Exposition(registry(gated)), Exposition(registry(Collecting(lambda: [gauge("other")])))
        pending(one)
        assert gated.begun.wait(WAIT)
        waiting = [pending(one), pending(other)]
        gated.gate.set()
        assert [call(each.run()) for each in waiting] == ["call_2", "other"]

    def test_a_storm_of_scrapes_makes_one_thread(self, gated):
        exposition = Exposition(registry(gated))

        async def storm():
            asked = [asyncio.create_task(pending(exposition).run_async()) for _ in range(200)]
            await asyncio.sleep(0)
            threads = threading.active_count()
            gated.gate.set()
            replies = await asyncio.gather(*asked)
            return threads, replies

        before = threading.active_count()
        threads, replies = asyncio.run(storm())
        assert threads <= before + 1
        assert {call(reply) for reply in replies} <= {"call_1", "call_2"}

    def test_several_loops_and_threads_share(self, gated):
        exposition = Exposition(registry(gated))
        first = pending(exposition)
        assert gated.begun.wait(WAIT)
        asked = [pending(exposition) for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            replies = [threads.submit(asyncio.run, each.run_async()) for each in asked[:2]]
            replies += [threads.submit(each.run) for each in asked[2:]]
            gated.gate.set()
            assert {call(reply.result(WAIT)) for reply in replies} == {"call_2"}
        assert call(first.run()) == "call_1"


class TestWaiting:
    def test_one_who_goes_away_takes_nothing_from_the_others(self, gated):
        exposition = Exposition(registry(gated))

        async def leave():
            pending(exposition)
            assert await asyncio.to_thread(gated.begun.wait, WAIT)
            leaving = asyncio.create_task(pending(exposition).run_async())
            staying = asyncio.create_task(pending(exposition).run_async())
            await asyncio.sleep(0)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
            gated.gate.set()
            return await staying

        assert call(asyncio.run(leave())) == "call_2"

    def test_a_loop_that_is_gone_is_not_missed(self, gated, caplog):
        exposition = Exposition(registry(gated))

        async def leave():
            asyncio.create_task(pending(exposition).run_async())  # noqa: RUF006 - cancelled with the loop
            await asyncio.sleep(0)

        asyncio.run(leave())
        assert gated.begun.wait(WAIT)
        gated.gate.set()
        assert call(scrape(exposition)) == "call_2"
        assert not caplog.records

    def test_a_scrape_that_takes_too_long_is_given_up(self, gated, monkeypatch):
        monkeypatch.setattr(_exposition, "WAIT", 0.01)
        exposition = Exposition(registry(gated))
        blocking = pending(exposition).run()
        awaited = asyncio.run(pending(exposition).run_async())
        assert blocking == awaited
        assert blocking.status == 503

    def test_an_error_reaches_all_who_wait(self):
        def fail():
            raise RuntimeError("broken")

        turns = Turns()
        asked = [turns.ask("key", fail, WAIT) for _ in range(2)]
        for each in asked:
            with pytest.raises(RuntimeError, match="broken"):
                each.run()
        assert turns.ask("key", lambda: "mended", WAIT).run() == "mended"

    def test_on_trio(self):
        exposition = Exposition(registry(Collecting(lambda: [gauge()])))
        assert call(trio.run(pending(exposition).run_async)) == "things"


class TestLoop:
    def test_nothing_is_rendered_on_the_event_loop(self, gated):
        """The collector waits for what only the loop does: on the loop, it would wait for ever."""
        exposition = Exposition(registry(gated))

        async def serve():
            reply = asyncio.create_task(pending(exposition).run_async())
            while not gated.begun.is_set():
                await asyncio.sleep(0.001)
            gated.gate.set()
            return await reply

        assert call(asyncio.run(serve())) == "call_1"

    def test_the_loop_keeps_turning_while_10000_series_are_rendered(self):
        exposition = Exposition(registry(Many(10_000)))

        async def serve():
            reply = asyncio.create_task(pending(exposition, Accept_Encoding="gzip").run_async())
            turns = 0
            while not reply.done():
                turns += 1
                await asyncio.sleep(0)
            return turns, await reply

        turns, reply = asyncio.run(serve())
        (family,) = families(reply).values()
        assert len(family.samples) > 9_900
        # A loop that renders makes two or three of them.
        assert turns > 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_a_thread_of_its_own(gated):
    """The parent's is not there, and its lock may be held by nobody who is."""
    exposition = Exposition(registry(gated))
    pending(exposition)
    assert gated.begun.wait(WAIT)
    other = Exposition(registry(Collecting(lambda: [gauge("child")])))
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with os.fdopen(reader) as told:
            assert told.read() == "child"
        os.waitpid(child, 0)
    else:
        try:
            os.write(writer, call(scrape(other)).encode())
        finally:
            os._exit(0)
