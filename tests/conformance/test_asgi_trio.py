"""The ASGI host on trio's event loop, which Hypercorn can run: what waits there waits by trio's means."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import trio

from perfkit import Compression, Exchange, Feature, Pending, Reply
from perfkit.asgi import PerfkitMiddleware
from tests.conformance.direct_asgi import App, Message, body, says, start

TEXT = b"text " * 100


class Encoding(Feature):
    """Encodes each chunk on a thread."""

    encodes = True
    offload_size = 1

    def __init__(self) -> None:
        self.threads: list[int] = []

    def on_response(self, exchange: Exchange) -> None:
        exchange.encoder = self

    def feed(self, chunk: bytes) -> bytes:
        self.threads.append(threading.get_ident())
        return chunk.upper()

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b"."


class Blocking(Feature):
    """Has hooks that wait for something that blocks."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def _note(self) -> None:
        self.threads.append(threading.get_ident())

    def on_request(self, exchange: Exchange) -> Pending[Reply | None]:
        return Pending(self._note)

    def on_response(self, exchange: Exchange) -> Pending[None]:
        return Pending(self._note)

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None]:
        return Pending(self._note)


class Ending(Feature):
    """Has an end that takes its time, and notes what it ended with."""

    def __init__(self) -> None:
        self.ended: list[BaseException | None] = []

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None]:
        async def end() -> None:
            await trio.sleep(0.01)
            self.ended.append(error)

        return Pending(lambda: None, end)


def run(app: App, *features: Feature) -> list[Message]:
    """What the server gets."""
    sent: list[Message] = []
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def send(message: Message) -> None:
        await trio.lowlevel.checkpoint()
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    trio.run(PerfkitMiddleware(app, {}, features=features), scope, receive, send)
    return sent


def test_hooks_that_block_run_on_a_thread() -> None:
    blocking = Blocking()
    sent = run(says(start(), body(TEXT)), blocking)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert len(blocking.threads) == 3
    assert threading.get_ident() not in blocking.threads


def test_large_chunks_of_a_stream_are_encoded_on_a_thread() -> None:
    encoding = Encoding()
    sent = run(says(start(), body(b"one", more=True), body(b"two")), encoding)
    assert [message["body"] for message in sent[1:]] == [b"ONE", b"TWO."]
    assert threading.get_ident() not in encoding.threads


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_bodies_of_any_size_are_compressed(size: int) -> None:
    content = TEXT * (size // 100)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"].append((b"accept-encoding", b"gzip"))
        await perfkit(scope, receive, send)

    perfkit = PerfkitMiddleware(says(start(), body(content)), {}, features=[Compression(codings=("gzip",))])
    sent = run(app)
    assert dict(sent[0]["headers"])[b"content-encoding"] == b"gzip"
    assert len(sent[1]["body"]) < len(content)


def test_a_stream_that_begins_with_a_pause_comes_whole() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await trio.sleep(0.03)
        await send(body(b"late", more=True))
        await send(body(b"r"))

    assert [message.get("body") for message in run(app, Encoding())] == [None, b"LATE", b"R."]


def test_the_end_outlives_a_cancellation() -> None:
    ending = Ending()

    async def leaves(scope: Any, receive: Any, send: Any) -> None:
        with trio.move_on_after(0.01):
            await PerfkitMiddleware(hangs, {}, features=[ending])(scope, receive, send)

    async def hangs(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await trio.sleep_forever()

    run(leaves)
    assert [type(error) for error in ending.ended] == [trio.Cancelled]
