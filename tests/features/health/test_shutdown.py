"""SIGTERM, held back in this process; what real servers make of it is in test_servers.py."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from perfkit import health as public
from perfkit.features.health import _feature, _shutdown
from perfkit.features.health._shutdown import Held
from perfkit.health import hold_sigterm, is_shutting_down
from tests.features.health.asking import ask, begin, health, until

SHORT = 0.05
LONG = 60


class Handler:
    """The server's own."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, number: int, frame: Any) -> None:
        self.calls.append(number)
        self.threads.append(threading.current_thread())


@pytest.fixture
def server() -> Iterator[Handler]:
    handler = Handler()
    before = signal.signal(signal.SIGTERM, handler)
    yield handler
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def held(server: Handler, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """What the process has of it, new."""
    held = Held()
    monkeypatch.setattr(_shutdown, "SIGTERM", held)
    monkeypatch.setattr(_feature, "SIGTERM", held)
    yield held
    release(held)
    until(lambda: not waiting_threads())


def release(held: Held) -> None:
    """Have its thread end, wherever that is."""
    held._queue.put(None)
    held._queue.put(None)


def waiting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "perfkit-sigterm"]


def handler_now() -> Any:
    return signal.getsignal(signal.SIGTERM)


def sigterm() -> None:
    signal.raise_signal(signal.SIGTERM)


class TestHolding:
    def test_fails_readiness_first_and_hands_the_signal_on_later(self, held, server):
        hold_sigterm(SHORT)
        feature = health()
        assert ask(feature, "/health/ready").status == 200
        sigterm()
        assert server.calls == []
        assert is_shutting_down()
        assert ask(feature, "/health/ready").status == 503
        assert ask(feature, "/health/live").status == 200
        until(lambda: server.calls)
        assert server.calls == [signal.SIGTERM]

    def test_calls_the_handler_on_the_main_thread_and_gives_it_back(self, held, server):
        hold_sigterm(SHORT)
        assert handler_now() != server
        sigterm()
        until(lambda: server.calls)
        assert server.threads == [threading.main_thread()]
        assert handler_now() is server
        sigterm()
        assert server.calls == [signal.SIGTERM] * 2

    def test_hands_a_second_signal_on_at_once(self, held, server):
        hold_sigterm(LONG)
        sigterm()
        sigterm()
        assert server.calls == [signal.SIGTERM]

    def test_hands_on_nothing_more_after_that(self, held, server):
        hold_sigterm(SHORT)
        sigterm()
        sigterm()
        time.sleep(3 * SHORT)
        assert server.calls == [signal.SIGTERM]

    def test_takes_two_signals_in_one_moment_for_two(self, held, server):
        hold_sigterm(LONG)
        sigterm()
        held._queue.put(signal.SIGTERM)  # of a handler that was interrupted by the next before it had noted the first
        until(lambda: server.calls)
        assert server.calls == [signal.SIGTERM]

    def test_holds_for_the_longest_time_that_was_asked_for(self, held, server):
        for seconds in (LONG, SHORT):
            hold_sigterm(seconds)
        assert held.seconds == LONG
        assert len(waiting_threads()) == 1

    def test_takes_over_once(self, held, server):
        hold_sigterm(LONG)
        handler = handler_now()
        hold_sigterm(LONG)
        assert handler_now() is handler
        sigterm()
        sigterm()
        assert server.calls == [signal.SIGTERM]

    def test_leaves_alone_what_the_server_sets_later(self, held, server):
        hold_sigterm(LONG)
        taken = handler_now()
        later = Handler()
        signal.signal(signal.SIGTERM, later)
        assert callable(taken)
        taken(signal.SIGTERM, None)
        taken(signal.SIGTERM, None)
        assert handler_now() is later
        assert server.calls == [signal.SIGTERM]

    def test_begins_anew_in_a_process_that_was_forked(self, held, server, monkeypatch):
        hold_sigterm(LONG)
        signal.signal(signal.SIGTERM, server)  # as the worker of a server does
        pid = os.getpid()
        monkeypatch.setattr("os.getpid", lambda: pid + 1)
        release(held)  # a thread that the other process does not have
        hold_sigterm(LONG)
        sigterm()
        assert server.calls == []
        assert is_shutting_down()

    def test_holds_nothing_once_the_shutdown_has_begun(self, held, server):
        public.begin_shutdown()
        hold_sigterm(LONG)
        sigterm()
        assert server.calls == [signal.SIGTERM]

    def test_logs_that_it_holds(self, held, server, caplog):
        hold_sigterm(SHORT)
        sigterm()
        until(lambda: server.calls)
        assert [record.getMessage() for record in caplog.records] == [
            "health: not ready any more; SIGTERM is handed to the server in 0.05 s"
        ]

    def test_uses_what_the_system_does_where_there_is_no_handler(self, held, server, monkeypatch):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        hold_sigterm(SHORT)
        raised: list[tuple[int, Any]] = []
        monkeypatch.setattr(signal, "raise_signal", lambda number: raised.append((number, signal.getsignal(number))))
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: raised)
        assert raised == [(signal.SIGTERM, signal.SIG_DFL)]


class TestRefusals:
    def test_of_times_that_are_none(self, held):
        for seconds in (0, -1, float("nan")):
            with pytest.raises(ValueError, match="is not a time to wait; write seconds above 0"):
                hold_sigterm(seconds)

    def test_off_the_main_thread(self, held, server):
        errors: list[BaseException] = []

        def work() -> None:
            try:
                hold_sigterm(1)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert "call this on the main thread" in str(errors[0])
        assert handler_now() is server

    def test_where_the_signal_is_ignored(self, held, server):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with pytest.raises(RuntimeError, match="cannot be held back here"):
            hold_sigterm(1)


class TestOnLoops:
    """Servers that take the signal by `add_signal_handler`: gunicorn's ASGI worker, Hypercorn."""

    def test_is_held_and_handed_on(self, held, server):
        async def serve() -> list[list[int]]:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, server, signal.SIGTERM, None)
            hold_sigterm(SHORT)
            sigterm()
            await asyncio.sleep(0.01)
            seen = [list(server.calls)]
            assert is_shutting_down()
            while not server.calls:
                await asyncio.sleep(0.01)
            seen.append(list(server.calls))
            assert loop._signal_handlers[signal.SIGTERM]._callback is server  # type: ignore[attr-defined]
            sigterm()
            await asyncio.sleep(0.01)
            return [*seen, server.calls]

        assert asyncio.run(serve()) == [[], [signal.SIGTERM], [signal.SIGTERM] * 2]

    def test_second_signal_is_handed_on_at_once(self, held, server):
        async def serve() -> None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, server, signal.SIGTERM, None)
            hold_sigterm(LONG)
            for _ in range(2):
                sigterm()
                await asyncio.sleep(0.01)

        asyncio.run(serve())
        assert server.calls == [signal.SIGTERM]

    def test_is_refused_where_the_loop_does_not_tell_what_it_calls(self, held, server, monkeypatch):
        async def serve() -> None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, server, signal.SIGTERM, None)
            monkeypatch.setattr(loop, "_signal_handlers", {})
            with pytest.raises(RuntimeError, match="cannot be held back here"):
                hold_sigterm(1)
            monkeypatch.undo()

        asyncio.run(serve())

    def test_is_refused_where_no_loop_runs(self, held, server):
        async def serve() -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(serve())
        with pytest.raises(RuntimeError, match="cannot be held back here"):
            hold_sigterm(1)
        loop.close()


class TestFeature:
    def test_holds_the_signal_from_its_first_request_on(self, held, server):
        feature = health(drain=LONG)
        assert handler_now() is server, "making one changes nothing"
        begin(feature, "/any")
        sigterm()
        assert server.calls == []
        assert ask(feature, "/health/ready").status == 503

    def test_holds_nothing_without_drain(self, held, server):
        begin(health(), "/health/live")
        assert handler_now() is server

    def test_says_once_where_it_cannot(self, held, server, caplog):
        feature = health(drain=20)

        def work() -> None:
            for _ in range(3):
                begin(feature, "/health/live")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "call perfkit.health.hold_sigterm(20) on its main thread" in record.getMessage()

    def test_says_nothing_where_it_is_held_already(self, held, server, caplog):
        hold_sigterm(LONG)
        thread = threading.Thread(target=begin, args=(health(drain=20), "/"))
        thread.start()
        thread.join()
        assert caplog.records == []
