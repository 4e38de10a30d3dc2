"""Features for the cases. They note each hook that is called; none keeps anything of an exchange outside it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import pytest

from perfkit import Exchange, Feature, HeaderName, Pending, Reply
from perfkit.exchange import CONTENT_TYPE, HeaderBlock
from tests.conformance.encoders import Framed, HoldBack, Upper
from tests.conformance.trace import SEEN, note_of

T = TypeVar("T")


class Named(Feature):
    def __init__(self, name: str) -> None:
        self.name = name

    def note(self, exchange: Exchange, hook: str, **facts: Any) -> None:
        note_of(exchange, f"{self.name}.{hook}", **facts)


class Recorder(Named):
    """Notes its hooks and what they see of the exchange."""

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        self.note(exchange, "on_request")
        return None

    def on_response(self, exchange: Exchange) -> Pending[None] | None:
        body = exchange.body
        text = None if body is None else body.decode("latin-1")
        self.note(exchange, "on_response", status=exchange.status, body=text)
        return None

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None] | None:
        self.note(exchange, "on_end", error=type(error).__name__ if error is not None else None)
        return None


class Holding(Named):
    """Has four bytes of a stream held back, and notes what it is given."""

    hold: ClassVar[int] = 4

    def on_response(self, exchange: Exchange) -> None:
        body = None if exchange.body is None else exchange.body.decode()
        self.note(exchange, "on_response", body=body, streamed=exchange.streamed)


class RequestFacts(Named):
    """Notes what it sees of the request.

    Args:
        headers: the request headers to note.
    """

    def __init__(self, name: str, *headers: str) -> None:
        super().__init__(name)
        self.headers = [HeaderName(header) for header in headers]

    def on_request(self, exchange: Exchange) -> None:
        self.note(
            exchange,
            "on_request",
            method=exchange.method,
            path=exchange.path,
            peer=exchange.peer,
            client=exchange.client,
            scheme=exchange.scheme,
            status=exchange.status,
            body=exchange.body,
            response_header=exchange.response_header(CONTENT_TYPE),
            headers={name.title: exchange.request_header(name) for name in self.headers},
        )


class Rewrite(Feature):
    """Changes a request header; None removes it."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def on_request(self, exchange: Exchange) -> None:
        exchange.request_header(SEEN)  # looked at before: what is remembered of it is of no use any more
        exchange.set_request_header(SEEN, self.value)


class ResponseFacts(Named):
    """Notes what it sees of the response.

    Args:
        headers: the response headers to note.
    """

    def __init__(self, name: str, *headers: str) -> None:
        super().__init__(name)
        self.headers = [HeaderName(header) for header in headers]

    def on_view(self, exchange: Exchange) -> None:
        self.note(exchange, "on_view", route=exchange.route)

    def on_response(self, exchange: Exchange) -> None:
        self.note(
            exchange,
            "on_response",
            route=exchange.route,
            sendfile=exchange.sendfile,
            headers={name.title: exchange.response_header(name) for name in self.headers},
            present=[name.title for name in self.headers if exchange.has_response_header(name)],
        )


class Edit(Feature):
    """Changes the response: everything that is given."""

    def __init__(
        self,
        *,
        status: int | None = None,
        body: bytes | None = None,
        remove: tuple[str, ...] = (),
        replace: Mapping[str, str] = {},
        append: Mapping[str, str] = {},
        default: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.remove = [HeaderName(name) for name in remove]
        self.replace = {HeaderName(name): value for name, value in replace.items()}
        self.append = {HeaderName(name): value for name, value in append.items()}
        self.default = None if default is None else HeaderBlock(default)

    def on_response(self, exchange: Exchange) -> None:
        for name in self.remove:
            exchange.remove_header(name)
        for name, value in self.replace.items():
            exchange.set_header(name, value)
        for name, value in self.append.items():
            exchange.append_header(name, value)
        if self.default is not None:
            exchange.set_default_headers(self.default)
        if self.status is not None:
            exchange.status = self.status
        if self.body is not None:
            exchange.body = self.body


class Try(Feature):
    """Tries values that no header can have, and goes on without."""

    def on_response(self, exchange: Exchange) -> None:
        for change in (exchange.set_header, exchange.append_header):
            with pytest.raises(ValueError, match="cannot stand in a header"):
                change(HeaderName("X-App"), "a\nb")


class Remember(Feature):
    """Keeps the path from one hook to the next, and tells it in a header."""

    def on_request(self, exchange: Exchange) -> None:
        exchange.state[self] = exchange.path

    def on_response(self, exchange: Exchange) -> None:
        exchange.set_header(HeaderName("X-Path"), exchange.state[self])


class Encode(Feature):
    """Sets an encoder where the body streams."""

    encodes: ClassVar[bool] = True

    def __init__(self, encoder: type[Upper | Framed | HoldBack]) -> None:
        self.encoder = encoder

    def on_response(self, exchange: Exchange) -> None:
        if exchange.body is None and not exchange.sendfile:
            exchange.encoder = self.encoder()


class Answer(Recorder):
    """Answers early."""

    def __init__(self, name: str, reply: Reply) -> None:
        super().__init__(name)
        self.reply = reply

    def on_request(self, exchange: Exchange) -> Reply:
        super().on_request(exchange)
        return self.reply


class Wait(Recorder):
    """Waits in each of its hooks, and notes how.

    Args:
        native: whether there is a way to wait on an event loop, beside the blocking one.
        reply: what on_request gives when it has waited.
    """

    fails: ClassVar[bool] = False

    def __init__(self, name: str, *, native: bool = False, reply: Reply | None = None) -> None:
        super().__init__(name)
        self.native = native
        self.reply = reply

    def on_request(self, exchange: Exchange) -> Pending[Reply | None]:
        super().on_request(exchange)
        return self._wait(exchange, self.reply)

    def on_response(self, exchange: Exchange) -> Pending[None]:
        super().on_response(exchange)
        return self._wait(exchange, None)

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None]:
        super().on_end(exchange, error)
        return self._wait(exchange, None)

    def _wait(self, exchange: Exchange, result: T) -> Pending[T]:
        thread = threading.get_ident()

        def finish(waited: str) -> T:
            self.note(exchange, waited)
            if self.fails:
                raise RuntimeError(f"{self.name} fails")
            return result

        def run() -> T:
            return finish("blocked" if threading.get_ident() == thread else "worked on a thread")

        async def run_async() -> T:
            await asyncio.sleep(0.003)  # long enough for a server to say that the client has left
            return finish("awaited")

        return Pending(run, run_async if self.native else None)


class FailingWait(Wait):
    """Waits for something that fails."""

    fails: ClassVar[bool] = True


class WaitingObserver(FailingWait):
    observer: ClassVar[bool] = True


class Fail(Recorder):
    """Raises in one of its hooks, after it has noted it."""

    def __init__(self, name: str, hook: str, error: Exception | None = None) -> None:
        super().__init__(name)
        self.hook = hook
        self.error = error or RuntimeError(f"{name} fails")

    def note(self, exchange: Exchange, hook: str, **facts: Any) -> None:
        super().note(exchange, hook, **facts)
        if hook == self.hook:
            raise self.error


class FailingObserver(Fail):
    observer: ClassVar[bool] = True
