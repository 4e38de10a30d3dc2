"""What the ASGI host holds back of a stream, and for how long: the head, and, for a feature, the first bytes."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from tests.conformance.direct_asgi import START, Message, Send, body, says, start, talk
from tests.conformance.encoders import Framed, Upper
from tests.conformance.features import Edit, Encode, Holding, Recorder


class EncodeAll(Encode):
    hold: ClassVar[int] = 4


class Pauses:
    """An application that sends messages, and notes after each pause of so many seconds what has been sent by then."""

    def __init__(self, *steps: Message | float) -> None:
        self.steps = steps
        self.sent_by_then: list[int] = []

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        sent = scope["sent"]
        for step in self.steps:
            if isinstance(step, float):
                await asyncio.sleep(step)
                self.sent_by_then.append(len(sent))
            else:
                await send(step)


LONG = 0.2


def run(app: Any, *features: Any, fails: bool = False) -> list[Message]:
    """What the server gets; its `send` lets others run first."""
    from perfkit.asgi import PerfkitMiddleware

    sent: list[Message] = []
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "sent": sent}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        if fails:
            raise OSError("gone")
        sent.append(message)

    asyncio.run(PerfkitMiddleware(app, {}, features=features)(scope, None, send))  # type: ignore[arg-type]
    return sent


def bodies(sent: list[Message]) -> list[bytes]:
    return [message.get("body", b"") for message in sent[1:]]


ADD = Edit(append={"X-Added": "yes"})


def test_head_of_a_stream_goes_out_before_its_body_is_there() -> None:
    app = Pauses(START, LONG, body(b"a", more=True), body(b"b"))
    sent = run(app, ADD)
    assert app.sent_by_then == [1]
    assert (b"x-added", b"yes") in sent[0]["headers"]
    assert bodies(sent) == [b"a", b"b"]


def test_head_waits_where_the_length_is_announced() -> None:
    app = Pauses(start(headers=[(b"content-length", b"1")]), LONG, body(b"a"))
    run(app, ADD)
    assert app.sent_by_then == [0]


def test_head_that_went_out_alone_is_that_of_a_stream() -> None:
    app = Pauses(START, LONG, body(b"a"))
    sent = run(app, Encode(Framed))
    assert bodies(sent) == [b"<a>."]


def test_body_at_once_is_whole_and_leaves_no_timer() -> None:
    sent = talk(says(START, body(b"hello")), Recorder("only"))
    assert sent.trace.facts("only.on_response")["body"] == "hello"


def test_tiny_stream_is_given_as_a_whole() -> None:
    sent = talk(says(START, body(b"a", more=True), body(b"b", more=True), body(b"")), Holding("only"))
    assert sent.trace.facts("only.on_response") == {"body": "ab", "streamed": True}
    assert sent.body == b"ab"
    assert len(sent.sent) == 2


def test_body_in_one_piece_is_not_called_streamed() -> None:
    sent = talk(says(START, body(b"ab")), Holding("only"))
    assert sent.trace.facts("only.on_response") == {"body": "ab", "streamed": False}


def test_stream_that_grows_is_a_stream_and_loses_nothing() -> None:
    messages = [body(b"ab", more=True), body(b"cd", more=True), body(b"e", more=True), body(b"f")]
    sent = talk(says(START, *messages), Holding("only"))
    assert sent.trace.facts("only.on_response") == {"body": None, "streamed": True}
    assert [message["body"] for message in sent.sent[1:]] == [b"abcd", b"e", b"f"]


def test_without_such_a_feature_nothing_of_the_body_is_held_back() -> None:
    sent = talk(says(START, body(b"a", more=True), body(b"")), Recorder("only"))
    assert sent.trace.facts("only.on_response")["body"] is None
    assert len(sent.sent) == 3


@pytest.mark.parametrize("encoder", [Upper, Framed])
def test_what_is_held_back_goes_out_when_nothing_comes(encoder: type[Upper]) -> None:
    app = Pauses(START, body(b"a", more=True), LONG, body(b"b", more=True), body(b"c"))
    sent = run(app, EncodeAll(encoder))
    assert app.sent_by_then == [2]
    assert b"".join(bodies(sent)) == b"".join(
        bodies(run(says(START, body(b"a", more=True), body(b"b", more=True), body(b"c")), Encode(encoder)))
    )


def test_order_holds_while_what_was_held_back_is_on_its_way() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(START)
        await send(body(b"a", more=True))
        for letter in (b"b", b"c", b"d"):
            await asyncio.sleep(0.0201 if letter == b"b" else 0)
            await send(body(letter, more=True))
        await send(body(b""))

    assert b"".join(bodies(run(app, Holding("only")))) == b"abcd"


def test_application_that_stops_gets_its_bytes_sent() -> None:
    sent = run(says(START, body(b"a", more=True)), Holding("only"))
    assert bodies(sent) == [b"a"]


def test_application_that_fails_gets_its_bytes_sent() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        seen.append(scope["sent"])
        await send(START)
        await send(body(b"a", more=True))
        raise ValueError("oops")

    seen: list[list[Message]] = []
    with pytest.raises(ValueError, match="oops"):
        run(app, Holding("only"))
    assert bodies(seen[0]) == [b"a"]


def test_error_of_the_server_reaches_the_application_with_its_next_message() -> None:
    with pytest.raises(OSError, match="gone"):
        run(Pauses(START, body(b"a", more=True), LONG, body(b"b")), Holding("only"), fails=True)


def test_trailing_messages_come_after_what_is_held_back() -> None:
    hint = {"type": "http.response.debug", "info": {}}
    sent = run(says(START, body(b"a", more=True), hint, body(b"b")), Holding("only"))
    assert [message["type"].rsplit(".", 1)[1] for message in sent] == ["start", "body", "debug", "body"]


def test_stream_replaced_while_it_is_held_back() -> None:
    sent = run(
        says(START, body(b"abc", more=True), body(b"defg", more=True), body(b"")), Holding("only"), Edit(body=b"x")
    )
    assert bodies(sent) == [b"x"]
