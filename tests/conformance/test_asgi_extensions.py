"""ASGI extensions by which a server does more than plain messages: files and trailers."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit import Exchange, Feature
from tests.conformance.direct_asgi import START, Message, Send, body, says, scope, start, talk
from tests.conformance.encoders import Upper
from tests.conformance.features import Edit, Encode, Recorder, ResponseFacts, Wait

PATHSEND: Message = {"type": "http.response.pathsend", "path": "/srv/file"}
EVENTS = start(headers=[(b"content-type", b"text/event-stream")])

# Files


@pytest.mark.parametrize(
    "file",
    [[PATHSEND], [{"type": "http.response.zerocopysend", "file": 3}]],
    ids=["pathsend", "zerocopysend"],
)
def test_file_message_passes_and_ends_the_exchange(file: list[Message]) -> None:
    sent = talk(says(START, *file), Recorder("only"), ResponseFacts("facts"))
    assert sent.sent[1:] == file
    assert sent.trace.facts("only.on_response") == {"status": 200, "body": None}
    assert sent.trace.facts("facts.on_response")["sendfile"] is True
    assert sent.trace.names[-2:] == [f"server.{file[0]['type']}", "only.on_end"]
    assert sent.ends == [None]


def test_end_of_a_file_waits_for_the_hooks() -> None:
    sent = talk(says(START, PATHSEND), Wait("only", native=True))
    assert sent.trace.names[-3:] == ["server.http.response.pathsend", "only.on_end", "only.awaited"]


def test_file_in_several_messages_ends_with_the_last() -> None:
    part: Message = {"type": "http.response.zerocopysend", "file": 3, "count": 5, "more_body": True}
    sent = talk(says(START, part, {**part, "more_body": False}), Recorder("only"), ResponseFacts("facts"))
    assert sent.types == ["http.response.start", "http.response.zerocopysend", "http.response.zerocopysend"]
    assert sent.trace.names[-2:] == ["server.http.response.zerocopysend", "only.on_end"]
    assert sent.ends == [None]


def test_file_without_its_last_message_is_incomplete() -> None:
    part: Message = {"type": "http.response.zerocopysend", "file": 3, "more_body": True}
    assert talk(says(START, part), Recorder("only")).ends == ["IncompleteResponseError"]


def test_file_with_trailers_ends_after_them() -> None:
    trailers: Message = {"type": "http.response.trailers", "headers": []}
    sent = talk(says(start(trailers=True), PATHSEND, trailers), Recorder("only"))
    assert sent.trace.names[-2:] == ["server.http.response.trailers", "only.on_end"]
    assert sent.ends == [None]


def test_file_after_a_head_that_was_sent_at_once() -> None:
    sent = talk(says(EVENTS, PATHSEND), Recorder("only"), ResponseFacts("facts"))
    assert sent.types == ["http.response.start", "http.response.pathsend"]
    assert sent.ends == [None]


class SetsEncoder(Feature):
    def on_response(self, exchange: Exchange) -> None:
        with pytest.raises(ValueError, match="sends this body from a file"):
            exchange.encoder = Upper()


def test_file_message_takes_no_encoder() -> None:
    sent = talk(says(START, PATHSEND), SetsEncoder(), Recorder("only"))
    assert sent.types == ["http.response.start", "http.response.pathsend"]


def test_message_that_is_no_file_leaves_the_body_to_encode() -> None:
    push: Message = {"type": "http.response.push", "path": "/"}
    sent = talk(says(START, push, body(b"a", more=True), body(b"b")), Encode(Upper))
    assert sent.body == b"AB"


def test_file_message_of_a_replaced_body_is_dropped() -> None:
    sent = talk(says(START, PATHSEND), Edit(body=b"instead"), Recorder("only"))
    assert sent.types == ["http.response.start", "http.response.body"]
    assert sent.body == b"instead"
    assert sent.headers[b"content-length"] == b"7"
    assert sent.ends == [None]


# Zero-copy send gives the server a file that no encoder has seen


EXTENSIONS: dict[str, Any] = {"http.response.zerocopysend": {}, "http.response.pathsend": {}}


def extensions_seen(server_scope: Any, *features: Feature) -> Any:
    """The scope the application gets."""
    seen = []

    async def app(scope: Any, receive: Any, send: Send) -> None:
        seen.append(scope)
        await says(START, body(b"hello"))(scope, receive, send)

    talk(app, *features, scope=server_scope)
    return seen[0]


def test_zero_copy_send_is_hidden_where_a_feature_may_encode() -> None:
    given = scope(extensions=dict(EXTENSIONS), state={})
    seen = extensions_seen(given, Recorder("only"), Encode(Upper))
    assert seen["extensions"] == {"http.response.pathsend": {}}
    assert seen["state"] is given["state"]
    assert given["extensions"] == EXTENSIONS, "the server's scope was changed"


def test_zero_copy_send_stays_where_no_feature_encodes() -> None:
    given = scope(extensions=dict(EXTENSIONS))
    assert extensions_seen(given, Recorder("only")) is given


@pytest.mark.parametrize("extensions", [{}, {"extensions": None}, {"extensions": {"http.response.push": {}}}])
def test_scope_without_zero_copy_send_stays_the_same(extensions: Any) -> None:
    given = scope(**extensions)
    assert extensions_seen(given, Encode(Upper)) is given


# Trailers


TRAILERS: Message = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}


def test_exchange_with_trailers_ends_after_them() -> None:
    first: Message = {**TRAILERS, "more_trailers": True}
    sent = talk(says(start(trailers=True), body(b"hello"), first, TRAILERS), Recorder("only"))
    assert sent.sent[0]["trailers"] is True
    assert sent.sent[2:] == [first, TRAILERS]
    assert sent.trace.names[-3:] == ["server.http.response.trailers", "server.http.response.trailers", "only.on_end"]
    assert sent.ends == [None]


def test_stream_with_trailers_ends_after_them() -> None:
    messages = [start(trailers=True), body(b"a", more=True), body(b"b"), TRAILERS]
    sent = talk(says(*messages), Recorder("only"), Encode(Upper))
    assert sent.body == b"AB"
    assert sent.trace.names[-2:] == ["server.http.response.trailers", "only.on_end"]
    assert sent.ends == [None]


def test_changed_body_with_trailers_goes_out_in_chunks() -> None:
    sent = talk(says(start(trailers=True), body(b"hello"), TRAILERS), Edit(body=b"instead"))
    assert sent.body == b"instead"
    assert b"content-length" not in dict(sent.sent[0]["headers"])


def test_announced_trailers_that_never_come_are_missing() -> None:
    sent = talk(says(start(trailers=True), body(b"hello")), Recorder("only"))
    assert sent.ends == ["IncompleteResponseError"]


def test_trailers_of_a_replaced_stream_are_dropped() -> None:
    messages = [start(trailers=True), body(b"a", more=True), body(b"b"), TRAILERS]
    sent = talk(says(*messages), Edit(body=b"instead"), Recorder("only"))
    assert sent.types == ["http.response.start", "http.response.body"]
    assert not sent.sent[0].get("trailers"), "the server would wait for them"
    assert dict(sent.sent[0]["headers"])[b"content-length"] == b"7"
    assert sent.body == b"instead"
    assert sent.ends == [None]


def test_other_messages_after_a_replaced_stream_still_pass() -> None:
    debug: Message = {"type": "http.response.debug", "info": {}}
    messages = [START, body(b"a", more=True), debug, body(b"b")]
    sent = talk(says(*messages), Edit(body=b"instead"))
    assert sent.types == ["http.response.start", "http.response.body", "http.response.debug"]
