"""ASGI messages: their optional keys, their order, and those a host need not know."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.direct_asgi import START, TWO_CHUNKS, Message, Send, body, request_id_of, says, start, talk
from tests.conformance.encoders import Framed, Upper
from tests.conformance.features import Edit, Encode, Recorder, Wait
from tests.conformance.trace import Trace, note

ADD = Edit(append={"X-Added": "yes"})


def seen_body(trace: Trace) -> Any:
    return trace.facts("only.on_response")["body"]


# Optional keys


def test_start_without_headers_can_get_some() -> None:
    sent = talk(says({"type": "http.response.start", "status": 200}, body(b"hello")), ADD)
    assert sent.headers == {b"x-added": b"yes"}


def test_body_message_without_keys_is_the_whole_of_an_empty_body() -> None:
    sent = talk(says(START, {"type": "http.response.body"}), Recorder("only"))
    assert seen_body(sent.trace) == ""
    assert sent.body == b""
    assert sent.ends == [None]


def test_body_message_without_more_body_is_the_last() -> None:
    sent = talk(says(START, {"type": "http.response.body", "body": b"hello"}), Recorder("only"))
    assert seen_body(sent.trace) == "hello"
    assert sent.body == b"hello"


def test_body_replaced_where_the_message_has_none() -> None:
    sent = talk(says(START, {"type": "http.response.body"}), Edit(body=b"hello"))
    assert sent.body == b"hello"
    assert sent.headers[b"content-length"] == b"5"


def test_stream_message_without_body_passes_an_encoder() -> None:
    messages = [START, {"type": "http.response.body", "more_body": True}, body(b"a", more=True), body(b"")]
    assert talk(says(*messages), Encode(Framed)).body == b"<a>."


@pytest.mark.parametrize(
    "headers",
    [
        ((b"x-app", b"1"), (b"vary", b"a")),
        [[b"x-app", b"1"], [b"vary", b"a"]],
        iter([(b"x-app", b"1"), (b"vary", b"a")]),
    ],
    ids=["tuple", "lists", "iterator"],
)
@pytest.mark.parametrize("edit", [ADD, Edit(remove=("X-None",), append={"X-Added": "yes"})], ids=["append", "remove"])
def test_headers_in_any_iterable(headers: Any, edit: Edit) -> None:
    if not isinstance(headers, (list, tuple)):
        headers = iter([(b"x-app", b"1"), (b"vary", b"a")])  # one for each test
    sent = talk(says(start(headers=headers), body(b"hello")), edit)
    assert sent.headers == {b"x-app": b"1", b"vary": b"a", b"x-added": b"yes"}


def test_messages_of_the_application_are_not_changed() -> None:
    messages: list[Message] = [start(headers=[(b"Vary", b"a")]), body(b"hello")]
    before = [{**message} for message in messages]
    fields = list(messages[0]["headers"])
    sent = talk(says(*messages), Edit(status=201, body=b"bye", append={"X-Added": "yes"}, default={"X-New": "1"}))
    assert sent.sent[0]["status"] == 201
    assert messages == before
    assert messages[0]["headers"] == fields


@pytest.mark.parametrize("messages", [TWO_CHUNKS[1:], [body(b"hello")]], ids=["stream", "whole"])
def test_body_goes_on_in_the_very_messages_the_application_sent(messages: list[Message]) -> None:
    sent = talk(says(START, *messages), ADD)
    assert [id(message) for message in sent.sent[1:]] == [id(message) for message in messages]


def test_other_keys_of_a_message_stay() -> None:
    sent = talk(says(start(extra=1), {**body(b"a", more=True), "extra": 2}, body(b"b")), ADD, Encode(Upper))
    assert [message.get("extra") for message in sent.sent] == [1, 2, None]
    assert sent.body == b"AB"


# The start


def sent_before_the_body(headers: list[tuple[bytes, bytes]]) -> list[Message]:
    """What the server has when the application has sent its start only, and waits."""
    before: list[Message] = []

    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(start(headers=headers))
        before.extend(sent)
        await send(body(b"x", more=True))
        await send(body(b""))

    sent: list[Message] = []
    done = talk(app, ADD, sent=sent)
    assert done.types == ["http.response.start", "http.response.body", "http.response.body"]
    assert done.headers[b"x-added"] == b"yes"
    return before


@pytest.mark.parametrize(
    "content_type", [b"text/event-stream", b"Text/Event-Stream; charset=utf-8", b"application/x-ndjson"]
)
def test_start_of_an_event_stream_is_sent_at_once(content_type: bytes) -> None:
    (sent,) = sent_before_the_body([(b"Content-Type", content_type)])
    assert sent["type"] == "http.response.start"


def test_start_of_any_other_body_is_held_back() -> None:
    assert sent_before_the_body([(b"content-type", b"text/plain")]) == []
    assert sent_before_the_body([]) == []


def test_event_stream_of_announced_length_may_be_whole() -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"5")]
    sent = talk(says(start(headers=headers), body(b"hello")), Recorder("only"))
    assert seen_body(sent.trace) == "hello"


def test_event_stream_can_be_replaced_at_its_start() -> None:
    headers = [(b"content-type", b"text/event-stream")]
    messages = [start(headers=headers), body(b"a", more=True), body(b"")]
    sent = talk(says(*messages), Edit(body=b"instead"), Recorder("only"))
    assert sent.body == b"instead"
    assert sent.headers[b"content-length"] == b"7"
    assert sent.types == ["http.response.start", "http.response.body"]
    assert sent.ends == [None]


def test_second_start_is_left_to_the_server() -> None:
    sent = talk(says(START, start(status=201), body(b"hello")), Recorder("only"))
    assert [message.get("status") for message in sent.sent] == [200, 201, None]
    assert sent.trace.facts("only.on_response")["status"] == 200


def test_second_start_after_the_body_is_left_to_the_server() -> None:
    sent = talk(says(*TWO_CHUNKS, start(status=201)), Recorder("only"))
    assert [message.get("status") for message in sent.sent] == [200, None, None, 201]
    assert sent.ends == [None]


def test_body_before_the_start_is_left_to_the_server() -> None:
    sent = talk(says(body(b"hello")), Recorder("only"))
    assert sent.types == ["http.response.body"]
    assert sent.error is None
    assert sent.trace.hooks.count("only.on_end") == 1


def test_start_without_body_is_sent_when_the_application_returns() -> None:
    sent = talk(says(START), ADD, Recorder("only"))
    assert sent.types == ["http.response.start"]
    assert sent.headers[b"x-added"] == b"yes"
    assert sent.ends == ["IncompleteResponseError"]


def test_stream_without_end_is_incomplete() -> None:
    sent = talk(says(*TWO_CHUNKS[:2]), Recorder("only"))
    assert sent.body == b"a"
    assert sent.ends == ["IncompleteResponseError"]


def test_body_of_announced_length_without_end_is_incomplete() -> None:
    messages = [start(headers=[(b"content-length", b"5")]), body(b"hello", more=True)]
    sent = talk(says(*messages), Recorder("only"))
    assert seen_body(sent.trace) == "hello"
    assert sent.ends == ["IncompleteResponseError"]


def test_no_message_at_all_is_incomplete() -> None:
    sent = talk(says(), Recorder("only"))
    assert sent.sent == []
    assert sent.trace.hooks == ["only.on_request", "only.on_end"]
    assert sent.ends == ["IncompleteResponseError"]


# Messages a host need not know


def test_message_before_the_start_passes_and_the_body_stays_whole() -> None:
    hint = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
    debug = {"type": "http.response.debug", "info": {"template": "page.html"}}
    sent = talk(says(hint, debug, START, body(b"hello")), Recorder("only"), ADD)
    assert sent.sent[:2] == [hint, debug]
    assert sent.types[2:] == ["http.response.start", "http.response.body"]
    assert seen_body(sent.trace) == "hello"


@pytest.mark.parametrize("kind", ["http.response.push", "http.response.debug", "http.response.invented"])
def test_message_between_start_and_body_keeps_its_place(kind: str) -> None:
    sent = talk(says(START, {"type": kind, "path": "/"}, body(b"hello")), ADD, Recorder("only"))
    assert sent.types == ["http.response.start", kind, "http.response.body"]
    assert sent.headers[b"x-added"] == b"yes"
    assert seen_body(sent.trace) is None
    assert sent.trace.facts("only.on_end") == {"error": None}


def test_message_between_chunks_keeps_its_place() -> None:
    push = {"type": "http.response.push", "path": "/"}
    sent = talk(says(*TWO_CHUNKS[:2], push, TWO_CHUNKS[2]), Recorder("only"))
    assert sent.types == ["http.response.start", "http.response.body", "http.response.push", "http.response.body"]


def test_message_with_more_body_that_is_no_body_is_not_taken_for_one() -> None:
    invented = {"type": "http.response.invented", "more_body": True}
    sent = talk(says(*TWO_CHUNKS[:2], invented, TWO_CHUNKS[2]), Recorder("only"))
    assert sent.sent[2] is invented
    assert sent.ends == [None]


# Where the exchange ends


def test_exchange_ends_with_the_last_byte_and_not_with_background_work() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await says(*TWO_CHUNKS)(scope, receive, send)
        note(request_id_of(scope), "app.background")

    assert talk(app, Recorder("only")).trace.hooks[-2:] == ["only.on_end", "app.background"]


def test_exchange_of_a_failure_ends_with_the_application() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await says(start(status=500), body(b"sorry"))(scope, receive, send)
        note(request_id_of(scope), "app.background")

    sent = talk(app, Recorder("only"))
    assert sent.trace.hooks[-2:] == ["app.background", "only.on_end"]
    assert sent.ends == [None]


def test_application_may_send_from_a_child_task() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await asyncio.create_task(says(*TWO_CHUNKS)(scope, receive, send))  # type: ignore[arg-type]

    sent = talk(app, Recorder("only"), Wait("waiting", native=True))
    assert sent.body == b"ab"
    assert sent.trace.facts("only.on_end") == {"error": None}


def test_application_may_make_a_task_of_each_send() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in TWO_CHUNKS:
            await asyncio.create_task(send(message))

    assert talk(app, Recorder("only")).ends == [None]
