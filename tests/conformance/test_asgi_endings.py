"""Every way an ASGI exchange can end: `on_end` is called once, and errors go on to the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perfkit import Exchange, Feature, HeaderName, Pending, Reply
from tests.conformance.behaviours import Boom
from tests.conformance.direct_asgi import START, TWO_CHUNKS, App, Message, Send, body, says, start, talk
from tests.conformance.encoders import HoldBack
from tests.conformance.features import Answer, Edit, Encode, Fail, Recorder

REPLY = Reply(429, {HeaderName("Retry-After"): "30"}, b"slow down")


def fails_after(*messages: Message) -> App:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await says(*messages)(scope, receive, send)
        raise Boom

    return app


def stalls_after(*messages: Message) -> App:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await says(*messages)(scope, receive, send)
        await asyncio.sleep(3600)

    return app


# The application fails


def test_held_start_still_gets_out_when_the_application_fails() -> None:
    sent = talk(fails_after(START), Edit(append={"X-Added": "yes"}), Recorder("only"))
    assert sent.types == ["http.response.start"]
    assert sent.headers[b"x-added"] == b"yes"
    assert isinstance(sent.error, Boom)
    assert sent.ends == ["Boom"]


def test_first_error_is_the_one_reported() -> None:
    sent = talk(fails_after(START), Recorder("only"), fails_at="http.response.start")
    assert isinstance(sent.error, Boom)
    assert sent.ends == ["Boom"]


def test_failure_in_the_middle_of_a_stream() -> None:
    sent = talk(fails_after(*TWO_CHUNKS[:2]), Recorder("only"), Encode(HoldBack))
    assert isinstance(sent.error, Boom)
    assert sent.body == b""
    assert sent.ends == ["Boom"]


def test_failure_after_the_last_byte_comes_too_late_for_the_feature() -> None:
    sent = talk(fails_after(*TWO_CHUNKS), Recorder("only"))
    assert isinstance(sent.error, Boom)
    assert sent.ends == [None]


def test_failure_that_was_answered_reaches_the_feature() -> None:
    sent = talk(fails_after(start(status=500), body(b"sorry")), Recorder("only"))
    assert isinstance(sent.error, Boom)
    assert sent.body == b"sorry"
    assert sent.ends == ["Boom"]


def test_answer_raised_to_a_failure_by_a_feature_waits_for_the_application_too() -> None:
    sent = talk(fails_after(START, body(b"hello")), Edit(status=503), Recorder("only"))
    assert sent.ends == ["Boom"]


# The server fails to send


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("messages", [[START, body(b"hello")], TWO_CHUNKS], ids=["whole", "stream"])
def test_failure_to_send_reaches_application_and_feature(kind: str, messages: list[Message]) -> None:
    caught = []

    async def app(scope: Any, receive: Any, send: Send) -> None:
        try:
            await says(*messages)(scope, receive, send)
        except OSError as error:
            caught.append(error)
            raise

    sent = talk(app, Recorder("only"), fails_at=kind)
    assert caught == [sent.error]
    assert sent.ends == ["OSError"]
    assert sent.trace.hooks.count("only.on_response") == 1


def test_application_that_ignores_a_failure_to_send_leaves_the_response_incomplete() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(START)
        with pytest.raises(OSError, match="has left"):
            await send(body(b"hello"))

    sent = talk(app, Recorder("only"), fails_at="http.response.start")
    assert sent.error is None
    assert sent.ends == ["IncompleteResponseError"]


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
def test_failure_to_send_an_early_reply(kind: str) -> None:
    sent = talk(says(), Recorder("outer"), Answer("maker", REPLY), fails_at=kind)
    assert isinstance(sent.error, OSError)
    assert sent.ends == ["OSError", "OSError"]


# The server cancels the request


@pytest.mark.parametrize(
    "app",
    [stalls_after(), stalls_after(START), stalls_after(*TWO_CHUNKS[:2])],
    ids=["before the start", "at a held start", "in the middle"],
)
def test_cancelled_application_ends_the_exchange(app: App) -> None:
    sent = talk(app, Recorder("only"), cancelled=True)
    assert isinstance(sent.error, asyncio.CancelledError)
    assert sent.ends == ["CancelledError"]


def test_held_start_is_not_sent_when_the_application_is_cancelled() -> None:
    assert talk(stalls_after(START), Recorder("only"), cancelled=True).sent == []


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("messages", [[START, body(b"hello")], TWO_CHUNKS], ids=["whole", "stream"])
def test_cancelled_while_the_server_sends(kind: str, messages: list[Message]) -> None:
    sent = talk(says(*messages), Recorder("only"), cancelled=True, stalls_at=kind)
    assert isinstance(sent.error, asyncio.CancelledError)
    assert sent.ends == ["CancelledError"]


def test_cancelled_in_background_work_ended_already() -> None:
    sent = talk(stalls_after(*TWO_CHUNKS), Recorder("only"), cancelled=True)
    assert isinstance(sent.error, asyncio.CancelledError)
    assert sent.ends == [None]


class Stall(Feature):
    """Waits in one of its hooks, forever or nearly so."""

    def __init__(self, hook: str, seconds: float = 3600) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)

        setattr(self, hook, lambda *_: Pending(lambda: None, wait))


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize("messages", [[START, body(b"hello")], TWO_CHUNKS], ids=["whole", "stream"])
def test_cancelled_while_a_hook_waits(hook: str, messages: list[Message]) -> None:
    sent = talk(says(*messages), Recorder("outer"), Stall(hook), cancelled=True)
    assert isinstance(sent.error, asyncio.CancelledError)
    assert sent.sent == []
    assert sent.ends == ["CancelledError"]


@pytest.mark.parametrize(
    "app", [says(*TWO_CHUNKS), says(START, body(b"hello")), says(start(status=500), body(b"sorry"))]
)
def test_hooks_at_the_end_go_on_when_the_request_is_cancelled(app: App) -> None:
    async def cancelled_in_send(scope: Any, receive: Any, send: Send) -> None:
        # As Starlette and others do: what sends is a task, cancelled as soon as the client is gone.
        sending = asyncio.ensure_future(app(scope, receive, send))
        await asyncio.wait([sending], timeout=0.01)
        sending.cancel()
        await asyncio.sleep(0.1)

    sent = talk(cancelled_in_send, Recorder("outer"), Stall("on_end", 0.05))
    assert sent.ends == [None]


# Features fail


def test_failing_feature_leaves_the_start_unsent() -> None:
    sent = talk(says(START, body(b"hello")), Recorder("outer"), Fail("edit", "on_response"))
    assert sent.sent == []
    assert isinstance(sent.error, RuntimeError)
    assert sent.ends == ["RuntimeError", "RuntimeError"]


def test_failing_feature_is_not_called_again_by_an_application_that_answers_the_error() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(START)
        with pytest.raises(RuntimeError):
            await send(body(b"hello"))
        await send(start(status=500))
        await send(body(b"sorry"))

    sent = talk(app, Recorder("outer"), Fail("edit", "on_response"))
    assert sent.trace.hooks.count("outer.on_end") == 1


class Interrupt(Feature):
    def on_request(self, exchange: Exchange) -> None:
        raise KeyboardInterrupt


def test_interrupt_ends_the_exchange_too() -> None:
    recorder = Recorder("outer")
    with pytest.raises(KeyboardInterrupt):
        talk(says(), recorder, Interrupt())
