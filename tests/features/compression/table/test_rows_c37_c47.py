"""Rows C37 to C47 of the table: streams stay live, nothing is swallowed, and the event loop stays free."""

from __future__ import annotations

import asyncio
import gzip
import os
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from backports import zstd

from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.features.compression._gzip import Gzip
from tests.conformance import direct_asgi
from tests.conformance.client import Request
from tests.conformance.inprocess_asgi import background_loop
from tests.doors import Door, Front, Gate, Page
from tests.features.compression.answers import readable_so_far
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    CODINGS,
    EVENTS,
    JSON,
    ask,
    coding,
    decoded,
    streamed,
)

EVENT = b'event: price\ndata: {"symbol": "AAPL", "price": 12.5}\n\n'
LIVE_TYPES = ["text/event-stream", "application/x-ndjson", "Application/JSONL; charset=utf-8", "application/json-seq"]
ASGI_DOORS = ("asgi", "starlette", "django-asgi")


def request(accept: str) -> Request:
    return Request("GET", "/", [("Accept-Encoding", accept)])


# C37, C38: each chunk can be read when it is sent


@pytest.mark.parametrize(("kind", "names"), [("application/json", CODINGS), ("text/event-stream", ("gzip", "zstd"))])
def test_c37_c38_the_client_reads_each_chunk_before_the_next_is_made(
    door: Door, kind: str, names: tuple[str, ...]
) -> None:
    chunks = [EVENT * 20, EVENT, b"x" * 700]
    for name in names:
        gates = [Gate() for _ in chunks]
        made: list[Any] = [item for pair in zip(chunks, gates, strict=True) for item in pair]

        def view(_: Any, made: list[Any] = made) -> Page:
            return Page(stream=lambda: iter(made), headers=[("Content-Type", kind)])

        with door.open(view, Front()).open(request(name)) as flight:
            assert coding(flight.head()) == name
            sent, expected = b"", b""
            for chunk, gate in zip(chunks, gates, strict=True):
                while readable_so_far(name, sent) == expected:
                    piece = flight.chunk()
                    assert piece is not None
                    sent += piece
                expected += chunk
                assert readable_so_far(name, sent) == expected
                gate.open()
            flight.rest()


def test_c38_event_streams_are_compressed_and_never_with_brotli(door: Door) -> None:
    events = streamed([EVENT] * 50, kind=EVENTS)
    assert coding(ask(door, events)) == "gzip"
    assert coding(ask(door, events, accept="br, zstd;q=0.1")) == "zstd"
    plain = ask(door, events, accept="br")
    assert (coding(plain), plain.body) == (None, EVENT * 50)
    assert plain.header("ETag") is None


# C39, C40: the head does not wait


@pytest.mark.parametrize("kind", [*LIVE_TYPES, "application/json", "text/plain"])
def test_c39_c40_the_head_does_not_wait_for_the_first_chunk(door: Door, kind: str) -> None:
    if door.name not in ASGI_DOORS:
        pytest.skip("on WSGI servers send the head with the first of the body")
    gate = Gate()
    items: list[bytes | Gate] = [gate, EVENT * 30]

    def view(_: Any) -> Page:
        return Page(stream=lambda: iter(items), headers=[("Content-Type", kind)])

    with door.open(view, Front()).open(request("gzip")) as flight:
        head = flight.head()
        assert (head.status, coding(head)) == (200, "gzip")
        gate.open()
        assert decoded(flight.rest()) == EVENT * 30


def test_c39_the_head_of_events_is_sent_in_the_very_moment_it_is_known() -> None:
    at_body: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(direct_asgi.start(headers=[(b"content-type", b"text/event-stream")]))
        at_body.append(len(talk.sent))
        await send(direct_asgi.body(EVENT))

    talk = direct_asgi.Talk()
    asyncio.run(talk.run(Asgi(app, {})))
    assert (talk.error, at_body) == (None, [1])


# C41: one member


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_c41_a_stream_is_one_member(door: Door, kind: str) -> None:
    response = ask(door, streamed(CHUNKS, kind=("Content-Type", kind)), accept="gzip")
    reader = zlib.decompressobj(31)
    assert reader.decompress(response.body) == BODY
    assert (reader.eof, reader.unused_data) == (True, b"")
    frame = zstd.ZstdDecompressor()
    sent = ask(door, streamed(CHUNKS, kind=("Content-Type", kind)), accept="zstd").body
    assert frame.decompress(sent) == BODY
    assert (frame.eof, frame.unused_data) == (True, b"")


# A stream that breaks must not look like one that ended


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_stream_that_breaks_has_no_end_and_gives_what_it_had(door: Door, kind: str) -> None:
    def breaking() -> Iterator[bytes]:
        yield BODY
        raise ValueError("the database is gone")

    response = ask(door, Page(stream=breaking, headers=[("Content-Type", kind)]), accept="gzip", checked=False)
    assert str(response.error) == "the database is gone"
    assert readable_so_far("gzip", response.body) == BODY
    with pytest.raises(EOFError):
        gzip.decompress(response.body)


def test_a_stream_that_breaks_at_once_is_no_good_answer(door: Door) -> None:
    def breaking() -> Iterator[bytes]:
        if door.name:
            raise ValueError("the database is gone")
        yield b""

    response = ask(door, Page(stream=breaking, headers=[JSON]), accept="gzip", checked=False)
    assert response.error is not None or response.status == 500
    assert response.body == b"" or response.status == 500  # Django's page


def test_the_next_request_is_not_harmed_by_one_that_broke(door: Door) -> None:
    test_a_stream_that_breaks_has_no_end_and_gives_what_it_had(door, "application/json")
    assert decoded(ask(door, streamed(), accept="gzip")) == BODY


# C42 to C45: messages that perfkit need not know

GZIP = {"headers": [*direct_asgi.scope()["headers"], (b"accept-encoding", b"gzip")]}
JSON_START = direct_asgi.start(headers=[(b"content-type", b"application/json")])


def gzipped(*messages: direct_asgi.Message, **scope: Any) -> direct_asgi.Talk:
    host = Asgi(direct_asgi.says(*messages), {})
    return direct_asgi.talk_to(host, scope=direct_asgi.scope(**GZIP, **scope))


@pytest.mark.parametrize("kind", ["early_hint", "debug", "push", "x-unknown"])
def test_c42_c43_messages_pass_in_their_order(kind: str) -> None:
    other = {"type": f"http.response.{kind}", "info": {"template": "books.html"}, "links": [b"</a.css>"]}
    ends = direct_asgi.body(BODY, more=True), direct_asgi.body(b"")
    before = gzipped(other, JSON_START, *ends)
    assert before.error is None
    assert before.sent[0] == other
    between = gzipped(JSON_START, other, *ends)
    assert between.types.count(f"http.response.{kind}") == 1
    assert between.types[0] == "http.response.start"
    assert gzip.decompress(between.body) == BODY


def test_c42_trailers_come_after_the_compressed_body_which_has_no_length() -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
    length = (b"content-length", str(len(BODY)).encode())
    start = {**JSON_START, "headers": [*JSON_START["headers"], length], "trailers": True}
    talk = gzipped(start, direct_asgi.body(BODY), trailers)
    assert talk.error is None
    assert talk.sent[-1] == trailers
    assert talk.sent[0]["trailers"] is True
    assert b"content-length" not in talk.headers
    assert gzip.decompress(talk.body) == BODY


def test_c44_pathsend_passes_with_the_head_of_the_plain_file() -> None:
    start = {**JSON_START, "headers": [*JSON_START["headers"], (b"etag", b'"f"'), (b"content-length", b"9000")]}
    send = {"type": "http.response.pathsend", "path": "/srv/books.json"}
    talk = gzipped(start, send, extensions={"http.response.pathsend": {}})
    assert talk.error is None
    assert talk.sent[1:] == [send]
    assert b"content-encoding" not in talk.headers
    assert (talk.headers[b"etag"], talk.headers[b"content-length"]) == (b'"f"', b"9000")


def test_c45_zerocopysend_is_not_offered_and_passes_all_the_same() -> None:
    offered: list[Any] = []
    send = {"type": "http.response.zerocopysend", "file": 7, "count": 9000}

    async def app(scope: Any, receive: Any, send_message: Any) -> None:
        offered.append(set(scope["extensions"]))
        await send_message(JSON_START)
        await send_message(send)

    extensions: dict[str, Any] = {"http.response.zerocopysend": {}, "http.response.debug": {}}
    scope = direct_asgi.scope(**GZIP, extensions=extensions)
    talk = direct_asgi.talk_to(Asgi(app, {}), scope=scope)
    assert (talk.error, offered) == (None, [{"http.response.debug"}])
    assert talk.sent[1:] == [send]
    assert b"content-encoding" not in talk.headers
    assert set(extensions) == {"http.response.zerocopysend", "http.response.debug"}


# C46: other scopes


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "x-unknown"])
def test_c46_other_scopes_keep_scope_receive_and_send_of_compression(kind: str) -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    async def receive() -> Any: ...
    async def send(message: Any) -> None: ...

    scope = {"type": kind, "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
    before = {**scope}
    asyncio.run(Asgi(app, {"timing": False, "security_headers": False, "metrics": False})(scope, receive, send))
    assert seen[0] is scope
    assert seen[1:] == [receive, send]
    assert scope == before


# C47: the event loop


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that have compressed something."""
    found: list[str] = []
    compress, encoder = Gzip.compress, Gzip.encoder

    def noted(self: Gzip, body: bytes) -> bytes:
        found.append(threading.current_thread().name)
        return compress(self, body)

    def encoder_noted(self: Gzip, **facts: Any) -> Any:
        found.append(threading.current_thread().name)
        return encoder(self, **facts)

    monkeypatch.setattr(Gzip, "compress", noted)
    monkeypatch.setattr(Gzip, "encoder", encoder_noted)
    return found


MEGABYTE = BODY * (1024 * 1024 // len(BODY) + 1)


def loops() -> str:
    """The name of the thread of the event loop."""

    async def name() -> str:
        return threading.current_thread().name

    return asyncio.run_coroutine_threadsafe(name(), background_loop()).result(5)


@pytest.mark.parametrize("shape", ["whole", "a stream of one chunk", "a stream of two"])
def test_c47_a_megabyte_is_compressed_beside_the_loop(door: Door, shape: str, threads: list[str]) -> None:
    pieces = {"a stream of one chunk": (MEGABYTE,), "a stream of two": (MEGABYTE, MEGABYTE)}.get(shape)
    answer = Page(body=MEGABYTE, headers=[JSON]) if pieces is None else streamed(pieces)
    response = ask(door, answer, accept="gzip")
    assert decoded(response) == MEGABYTE * len(pieces or "1")
    assert len(threads) == 1
    if door.name in ASGI_DOORS:
        assert threads[0] != loops()
    else:
        assert threads[0] == threading.current_thread().name


def test_c47_a_small_one_makes_no_such_way(door: Door, threads: list[str]) -> None:
    ask(door, accept="gzip")
    assert threads == [loops() if door.name in ASGI_DOORS else threading.current_thread().name]


def test_c47_noise_of_a_megabyte_is_not_compressed_at_all(door: Door, threads: list[str]) -> None:
    noise = os.urandom(1024 * 1024)
    response = ask(door, Page(body=noise, headers=[JSON]), accept="gzip")
    assert response.body == noise
    assert threads == []
