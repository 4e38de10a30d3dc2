"""An ASGI application behind the host, driven message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from perfkit import Feature
from perfkit.asgi import PerfkitMiddleware
from tests.conformance.client import Request
from tests.conformance.inprocess_asgi import let_go, scope_of
from tests.conformance.trace import REQUEST_ID, Trace, note, notes_as_json

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
TWO_CHUNKS = [
    START,
    {"type": "http.response.body", "body": b"a", "more_body": True},
    {"type": "http.response.body", "body": b"b", "more_body": False},
]


def start(**changes: Any) -> Message:
    return {**START, **changes}


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def says(*messages: Message) -> App:
    """An application that sends these messages."""

    async def app(scope: Any, receive: Any, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def request_id_of(scope: Any) -> str:
    return dict(scope["headers"])[REQUEST_ID.raw].decode()


@dataclass
class Talk:
    """One exchange with the application.

    Attributes:
        scope: what the server gives.
        sent: what the server got.
        fails_at: the type of the message at which sending raises OSError.
        leaves_at: the type of the message at which the client leaves, while sending stalls.
        stalls_at: the type of the message at which sending never ends.
        arrives: what the server has to tell; by default a request without a body.
        error: what the application raised, through the host.
    """

    scope: dict[str, Any] = field(default_factory=lambda: scope_of(Request("GET", "/")))
    sent: list[Message] = field(default_factory=list)
    fails_at: str = ""
    leaves_at: str = ""
    stalls_at: str = ""
    arrives: list[Message] = field(default_factory=lambda: [{"type": "http.request", "body": b"", "more_body": False}])
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.id = request_id_of(self.scope)

    async def receive(self) -> Message:
        while not self.arrives:
            await asyncio.sleep(0.001)
        return self.arrives.pop(0)

    async def send(self, message: Message) -> None:
        if message["type"] == self.fails_at:
            raise OSError("the client has left")
        if message["type"] == self.leaves_at:
            self.arrives.append({"type": "http.disconnect"})
        if message["type"] in (self.stalls_at, self.leaves_at):
            await asyncio.sleep(3600)
        self.sent.append(message)
        note(self.id, f"server.{message['type']}")

    async def run(self, app: App, *, cancelled: bool = False) -> None:
        task = asyncio.ensure_future(app(self.scope, self.receive, self.send))
        if cancelled:
            await asyncio.wait([task], timeout=0.01)
            task.cancel()
        await asyncio.wait([task], timeout=5)
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self.error is not None:
            let_go(self.error)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(next(message["headers"] for message in self.sent if "headers" in message))

    @property
    def trace(self) -> Trace:
        return Trace.from_json(notes_as_json(self.id))

    @property
    def ends(self) -> list[str | None]:
        """The errors each `on_end` was given."""
        return [each.facts["error"] for each in self.trace if each.what.endswith(".on_end")]


def talk(app: App, *features: Feature, cancelled: bool = False, **facts: Any) -> Talk:
    """Run the application behind the host, on an event loop of its own.

    Args:
        app: the application.
        features: of the host.
        cancelled: whether the server cancels it, once nothing moves any more.
        facts: attributes of the Talk.
    """
    return talk_to(PerfkitMiddleware(app, {}, features=features), cancelled=cancelled, **facts)


def talk_to(host: App, *, cancelled: bool = False, **facts: Any) -> Talk:
    """The same with a host that is ready."""
    talk = Talk(**facts)
    asyncio.run(talk.run(host, cancelled=cancelled))
    return talk


def scope(**changes: Any) -> dict[str, Any]:
    return {**scope_of(Request("GET", "/")), **changes}
