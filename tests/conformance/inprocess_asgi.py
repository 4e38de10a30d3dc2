"""A small ASGI server without sockets. It holds the host to the ASGI specification: what breaks it fails the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from queue import SimpleQueue
from typing import Any
from urllib.parse import unquote

from tests.conformance.client import Flight, Host, Request, Response
from tests.conformance.hosts import Kind
from tests.conformance.trace import PATIENCE_SECONDS, note

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """An event loop that runs on a thread of its own, so that a test can look on while a response is under way."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def let_go(error: BaseException) -> BaseException:
    """The error without what it refers to, as a server lets go of it once it is logged."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


class AsgiHost(Host):
    def __init__(self, kind: Kind, app: App) -> None:
        self.kind = kind
        self.app = app

    def open(self, request: Request) -> Flight:
        return AsgiFlight(self.app, request)


def scope_of(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in request.fields()],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
    }


class AsgiFlight(Flight):
    def __init__(self, app: App, request: Request) -> None:
        self.request = request
        self.messages: SimpleQueue[Message | None] = SimpleQueue()
        self.response: Response | None = None
        self.violation: AssertionError | None = None
        self.error: BaseException | None = None
        self.ended = False
        self.body_sent = False
        self.gone = asyncio.Event()
        self.loop = background_loop()
        self.running = asyncio.run_coroutine_threadsafe(self._serve(app, scope_of(request)), self.loop)

    # On the event loop

    async def _serve(self, app: App, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            self.error = let_go(error)
            if self.response is None and self.messages.empty():
                self.messages.put({"type": "http.response.start", "status": 500, "headers": ()})
        finally:
            self.gone.set()
            self.messages.put(None)

    async def _receive(self) -> Message:
        if not self.body_sent:
            self.body_sent = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        try:
            self._check(message)
        except AssertionError as violation:
            self.violation = violation
            raise
        if self.gone.is_set():
            raise OSError("the client has left")
        await asyncio.sleep(0)  # a server may let other tasks run here
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.ended = True
            note(self.request.id, "server.last")
            self.gone.set()
        self.messages.put(message)

    def _check(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            assert not hasattr(self, "status"), "a second start"
            self.status = message["status"]
            assert type(self.status) is int
            for name, value in message["headers"]:
                assert type(name) is bytes, name
                assert type(value) is bytes, value
        else:
            assert kind == "http.response.body", kind
            assert hasattr(self, "status"), "a body before the start"
            assert not self.ended, "a body after its end"
            assert type(message.get("body", b"")) is bytes

    # On the test's thread

    def _next(self) -> Message | None:
        return self.messages.get(timeout=PATIENCE_SECONDS)

    def head(self) -> Response:
        if self.response is None:
            start = self._next()
            if start is None:
                self._raise_violation()
                raise AssertionError("the host returned without a response")
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
            self.response = Response(start["status"], None, headers)
        return self.response

    def chunk(self) -> bytes | None:
        self.head()
        message = self._next()
        if message is None:
            return None
        return bytes(message.get("body", b""))

    def rest(self) -> Response:
        response = self.head()
        while (chunk := self.chunk()) is not None:
            response.chunks.append(chunk)
        self.running.result(PATIENCE_SECONDS)
        self._raise_violation()
        response.complete = self.ended or (self.error is not None and not hasattr(self, "status"))
        response.error = self.error
        return response

    def _raise_violation(self) -> None:
        if self.violation is not None:
            raise self.violation

    def leave(self) -> None:
        self.loop.call_soon_threadsafe(self.gone.set)
        self.running.result(PATIENCE_SECONDS)
