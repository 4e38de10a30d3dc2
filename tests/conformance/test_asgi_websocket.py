"""WebSocket connections: seen by the features that ask for them."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from perfkit import Exchange, HeaderName, Reply
from tests.conformance.behaviours import Boom
from tests.conformance.direct_asgi import Message, Send, Talk, scope, talk
from tests.conformance.encoders import Upper
from tests.conformance.features import Answer, Edit, Fail, Recorder, RequestFacts, Wait

CONNECT: Message = {"type": "websocket.connect"}
ACCEPT: Message = {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"X-App", b"1")]}
HELLO: Message = {"type": "websocket.send", "text": "hello"}
REPLY = Reply(429, {HeaderName("Retry-After"): "30"}, b"slow down")
ANSWERING: dict[str, Any] = {"websocket.http.response": {}}


class Listening(Recorder):
    websocket: ClassVar[bool] = True


class ListeningAnswer(Answer):
    websocket: ClassVar[bool] = True


class ListeningEdit(Edit):
    websocket: ClassVar[bool] = True


class ListeningWait(Wait):
    websocket: ClassVar[bool] = True


class ListeningFail(Fail):
    websocket: ClassVar[bool] = True


def handshake(**changes: Any) -> dict[str, Any]:
    given = scope(type="websocket", scheme="wss", subprotocols=["chat"], **changes)
    del given["method"]
    return given


def connect(app: Any, *features: Any, **facts: Any) -> Talk:
    facts.setdefault("scope", handshake())
    return talk(app, *features, arrives=[CONNECT, {"type": "websocket.disconnect", "code": 1000}], **facts)


def says(*messages: Message) -> Any:
    """An application that takes the connection, sends these messages, and waits for the client to leave."""

    async def app(scope: Any, receive: Any, send: Send) -> None:
        assert await receive() == CONNECT
        for message in messages:
            await send(message)
        assert (await receive())["type"] == "websocket.disconnect"

    return app


def test_accepted_connection() -> None:
    sent = connect(says(ACCEPT, HELLO), Recorder("deaf"), Listening("only"))
    assert sent.sent == [{**ACCEPT, "headers": [(b"x-app", b"1")]}, HELLO]
    assert sent.sent[1] is HELLO
    assert sent.trace.names == [
        "only.on_request",
        "only.on_response",
        *("server.websocket.accept", "server.websocket.send"),
        "only.on_end",
    ]
    assert sent.trace.facts("only.on_response") == {"status": 101, "body": None}
    assert sent.ends == [None]


def test_features_all_listening() -> None:
    sent = connect(says(ACCEPT), Listening("a"), Listening("b"))
    assert sent.trace.hooks == [
        *("a.on_request", "b.on_request", "b.on_response", "a.on_response", "b.on_end", "a.on_end")
    ]


def test_handshake_is_a_get_with_the_scheme_of_http() -> None:
    class Facts(RequestFacts):
        websocket: ClassVar[bool] = True

    facts = connect(says(ACCEPT), Facts("facts")).trace.facts("facts.on_request")
    assert (facts["method"], facts["path"], facts["scheme"], facts["client"]) == ("GET", "/", "https", "127.0.0.1")


def test_headers_are_added_to_the_accept_and_not_to_the_applications_list() -> None:
    accept = {**ACCEPT, "headers": [(b"x-app", b"1")]}
    sent = connect(says(accept), ListeningEdit(append={"X-Added": "yes"}))
    assert sent.sent[0]["subprotocol"] == "chat"
    assert sent.headers == {b"x-app": b"1", b"x-added": b"yes"}
    assert accept["headers"] == [(b"x-app", b"1")]


def test_accept_without_headers_can_get_some() -> None:
    sent = connect(says({"type": "websocket.accept"}), ListeningEdit(append={"X-Added": "yes"}))
    assert sent.headers == {b"x-added": b"yes"}


def test_connection_takes_no_encoder() -> None:
    class SetsEncoder(Listening):
        def on_response(self, exchange: Exchange) -> None:
            with pytest.raises(ValueError, match="sendfile"):
                exchange.encoder = Upper()

    assert connect(says(ACCEPT), SetsEncoder("only")).types == ["websocket.accept"]


def test_message_before_the_answer_is_left_to_the_server() -> None:
    invented: Message = {"type": "websocket.invented"}
    sent = connect(says(invented, ACCEPT), Listening("only"))
    assert sent.sent[0] is invented
    assert sent.trace.facts("only.on_response")["status"] == 101


# Refusals


def test_application_refuses_with_a_close() -> None:
    close: Message = {"type": "websocket.close", "code": 4000}
    sent = connect(says(close), Listening("only"))
    assert sent.sent == [close]
    assert sent.trace.facts("only.on_response")["status"] == 403
    assert sent.ends == [None]


def test_close_of_an_accepted_connection_is_no_answer() -> None:
    sent = connect(says(ACCEPT, {"type": "websocket.close", "code": 1000}), Listening("only"))
    assert sent.types == ["websocket.accept", "websocket.close"]
    assert sent.trace.facts("only.on_response")["status"] == 101


def test_application_refuses_with_a_response() -> None:
    start: Message = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-app", b"1")]}
    content: Message = {"type": "websocket.http.response.body", "body": b"who are you?"}
    features = [ListeningEdit(status=403, append={"X-Added": "yes"}), Listening("only")]
    sent = connect(says(start, content), *features, scope=handshake(extensions=ANSWERING))
    assert sent.types == [start["type"], content["type"]]
    assert sent.sent[0]["status"] == 403
    assert sent.headers == {b"x-app": b"1", b"x-added": b"yes"}
    assert start["status"] == 401
    assert sent.trace.facts("only.on_response")["status"] == 401


def test_feature_refuses_with_its_reply() -> None:
    features = [ListeningEdit(append={"X-Outer": "yes"}), Listening("outer"), ListeningAnswer("maker", REPLY)]
    sent = connect(None, *features, scope=handshake(extensions=ANSWERING))
    assert sent.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent.sent[0]["status"] == 429
    assert sent.headers == {b"retry-after": b"30", b"content-length": b"9", b"x-outer": b"yes"}
    assert sent.body == b"slow down"
    assert sent.trace.facts("outer.on_response")["status"] == 429
    assert sent.trace.hooks[-2:] == ["maker.on_end", "outer.on_end"]
    assert sent.arrives[0]["type"] == "websocket.disconnect", "the connect was not taken"


@pytest.mark.parametrize("extensions", [{}, {"extensions": None}, {"extensions": {"http.response.push": {}}}])
def test_feature_refuses_with_a_close_where_the_server_sends_no_response(extensions: Any) -> None:
    sent = connect(None, Listening("outer"), ListeningAnswer("maker", REPLY), scope=handshake(**extensions))
    assert sent.sent == [{"type": "websocket.close", "code": 1008}]
    assert sent.trace.facts("outer.on_response")["status"] == 403
    assert sent.ends == [None, None]


# Waiting and failing


def test_hooks_wait() -> None:
    sent = connect(says(ACCEPT), ListeningWait("a", native=True))
    assert sent.trace.hooks == [
        *("a.on_request", "a.awaited", "a.on_response", "a.awaited"),
        *("a.on_end", "a.awaited"),
    ]
    assert sent.types == ["websocket.accept"]


def test_reply_can_be_waited_for() -> None:
    waiting = ListeningWait("maker", native=True, reply=REPLY)
    sent = connect(None, waiting, scope=handshake(extensions=ANSWERING))
    assert sent.body == b"slow down"


def test_failure_of_the_application_ends_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(ACCEPT)
        raise Boom

    sent = connect(app, Listening("only"))
    assert isinstance(sent.error, Boom)
    assert sent.ends == ["Boom"]


def test_failure_of_a_feature_refuses_the_connection() -> None:
    sent = connect(None, ListeningFail("check", "on_request"))
    assert isinstance(sent.error, RuntimeError)
    assert sent.ends == ["RuntimeError"]


def test_cancelled_connection_ends() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await send(ACCEPT)
        await asyncio.sleep(3600)

    sent = connect(app, Listening("only"), cancelled=True)
    assert isinstance(sent.error, asyncio.CancelledError)
    assert sent.ends == ["CancelledError"]


class Metering(Listening):
    """Notes what was counted when the connection is over."""

    meters: ClassVar[bool] = True

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        self.note(
            exchange,
            "on_end",
            messages=(exchange.messages_received, exchange.messages_sent),
            close=exchange.close_code,
            left=exchange.disconnected,
        )


def metered(app: Any, *arrives: Message) -> dict[str, Any]:
    talked = talk(app, Metering("only"), arrives=[CONNECT, *arrives], scope=handshake())
    return talked.trace.facts("only.on_end")


@pytest.mark.parametrize(("code", "known"), [({"code": 1001}, 1001), ({"code": 1006}, 1006), ({}, 1005)])
def test_messages_are_counted_and_the_close_of_the_client(code: dict[str, int], known: int) -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        while (await receive())["type"] == "websocket.receive":
            await send(HELLO)
            await send(HELLO)

    talk: Message = {"type": "websocket.receive", "text": "hi"}
    counted = metered(app, talk, {**talk}, {"type": "websocket.disconnect", **code})
    assert counted == {"messages": [2, 4], "close": known, "left": True}


@pytest.mark.parametrize(("code", "known"), [({"code": 4001}, 4001), ({}, 1000)])
def test_close_of_the_application(code: dict[str, int], known: int) -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.close", **code})
        await receive()

    counted = metered(app, {"type": "websocket.disconnect", "code": 1006})
    assert counted == {"messages": [0, 0], "close": known, "left": False}
