"""An exchange is freed as soon as it is over: nothing of it is left to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from perfkit import Feature, HeaderName, Reply
from perfkit.asgi import PerfkitMiddleware as ASGIMiddleware
from perfkit.wsgi import PerfkitMiddleware as WSGIMiddleware
from tests.conformance.behaviours import Boom
from tests.conformance.direct_asgi import START, Message, body, says, scope
from tests.conformance.direct_django import perfkit, project
from tests.conformance.direct_wsgi import TEXT, Items, answers, environ
from tests.conformance.django_project import wsgi_application
from tests.conformance.encoders import Upper
from tests.conformance.features import Answer, Edit, Encode, Fail, Recorder

REPLY = Reply(429, {HeaderName("Content-Type"): "text/plain"}, b"slow down")

GOOD = [Recorder("watching"), Encode(Upper), Edit(body=b"instead"), Answer("answering", REPLY)]
FEATURE = pytest.mark.parametrize("feature", [*GOOD, Fail("failing", "on_request")], ids=lambda one: type(one).__name__)


def garbage(run: Callable[[], object]) -> int:
    """How many objects wait for the collector after a run."""
    run()  # what is made once, and kept, is made here
    gc.disable()
    gc.freeze()
    try:
        run()
        return gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()


@FEATURE
@pytest.mark.parametrize("messages", [[START, body(b"a")], [START, body(b"a", more=True), body(b"b")]])
def test_asgi(feature: Feature, messages: list[Message]) -> None:
    app = ASGIMiddleware(says(*messages), {}, features=[feature])
    given = scope()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None: ...

    async def run() -> None:
        with suppress(RuntimeError):
            await app(given, receive, send)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        assert garbage(lambda: loop.run_until_complete(run())) <= garbage(lambda: loop.run_until_complete(receive()))


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    return len  # a write that keeps nothing


def serve(app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
    """What a WSGI server does."""
    try:
        returned = app(environ(), start_response)
    except RuntimeError:
        return
    for _ in returned:
        pass
    if hasattr(returned, "close"):
        returned.close()


def streams(environ: Any, start_response: Any) -> Iterable[bytes]:
    return answers(Items(b"a", b"b"))(environ, start_response)


def answers_a_failure(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", TEXT)
    try:
        raise Boom
    except Boom:
        start_response("500 Sorry", TEXT, sys.exc_info())
    yield b"sorry"


@FEATURE
@pytest.mark.parametrize(
    "app",
    [answers([b"a"]), streams, answers_a_failure],
    ids=["whole", "stream", "answered failure"],
)
def test_wsgi(feature: Feature, app: Any) -> None:
    host = WSGIMiddleware(app, {}, features=[feature])
    assert garbage(lambda: serve(host)) == 0


def test_wsgi_server_that_refuses_a_second_response() -> None:
    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        try:
            if exc_info:
                raise exc_info[1]
        finally:
            exc_info = None  # as PEP 3333 asks of servers
        return len

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)(b"a")
        try:
            raise Boom
        except Boom:
            start_response("500 Sorry", TEXT, sys.exc_info())
        return []

    def refused() -> None:
        with suppress(Boom):
            host(environ(), start_response)

    host = WSGIMiddleware(app, {}, features=[Recorder("only")])
    assert garbage(refused) == 0


def whole(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"hello")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


# Of a failing feature Django keeps the traceback.
@pytest.mark.parametrize("feature", GOOD, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("view", [whole, stream])
def test_django(feature: Feature, view: Any) -> None:
    with project(view, perfkit(feature)):
        app = wsgi_application()
        assert garbage(lambda: serve(app)) == 0
