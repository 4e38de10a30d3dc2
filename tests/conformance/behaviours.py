"""What an application does with a request, said without any protocol.

An adapter for each kind of host (`apps_asgi`, `apps_wsgi`, `apps_django`) makes an application of that kind out of it.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.conformance.trace import note, wait_at_gate, wait_at_gate_async

Fields: TypeAlias = tuple[tuple[str, str], ...]

ENDLESS_PAUSE_SECONDS = 0.001

# Files go out in several pieces.
BLOCK_SIZE = 1024

TEXT: Fields = (("Content-Type", "text/plain; charset=utf-8"),)


class Boom(Exception):  # noqa: N818 - it is no error of ours
    """What an application raises."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A status and headers, sent as they are written here.

    Attributes:
        reason: the reason phrase, where the protocol has one; by default the registered one.
        announced: whether the application sends Content-Length.
    """

    status: int = 200
    reason: str | None = None
    headers: Fields = TEXT
    announced: bool = True

    def fields(self, length: int) -> list[tuple[str, str]]:
        announced = [("Content-Length", str(length))] if self.announced else []
        return [*self.headers, *announced]


@dataclass(frozen=True, kw_only=True)
class Whole(Head):
    """A whole body.

    Attributes:
        body: the body.
        closes_empty: the body comes first and then an empty piece that ends it, as some frameworks do.
        ignores_head: the body is given to HEAD too, for the server to drop.
        reads: the body of the request is read first.
    """

    body: bytes = b""
    closes_empty: bool = False
    reads: bool = False
    ignores_head: bool = False

    def body_for(self, method: str) -> bytes:
        return b"" if method == "HEAD" and not self.ignores_head else self.body


@dataclass(frozen=True, kw_only=True)
class NoContent(Whole):
    """A response without content: 204, 304."""

    status: int = 204
    headers: Fields = ()
    announced: bool = False


@dataclass(frozen=True, kw_only=True)
class Stream(Head):
    """A body in pieces.

    Attributes:
        chunks: the pieces.
        gated: before the second piece it waits until the test has opened its gate.
        fails_after: raises after so many pieces.
        endless: repeats the last piece until the client leaves.
    """

    chunks: tuple[bytes, ...] = ()
    gated: bool = False
    fails_after: int | None = None
    endless: bool = False
    announced: bool = False

    def length(self) -> int:
        return sum(map(len, self.chunks))

    def produce(self, request_id: str) -> Production:
        return Production(self, request_id)

    async def produce_async(self, request_id: str) -> AsyncGenerator[bytes]:
        try:
            for number, chunk in enumerate(self.pieces()):
                self.fail_before(number)
                if self.gated and number == 1:
                    await wait_at_gate_async(request_id)
                yield chunk
                await asyncio.sleep(ENDLESS_PAUSE_SECONDS if self.endless else 0)
            self.fail_before(len(self.chunks))
        finally:
            note(request_id, "app.closed")

    def pieces(self) -> Iterator[bytes]:
        yield from self.chunks
        while self.endless:
            yield self.chunks[-1]

    def fail_before(self, number: int) -> None:
        if self.fails_after == number:
            raise Boom("in the middle of the body")


class Production:
    """The pieces of a stream for a host that iterates; notes each call of `close`."""

    def __init__(self, stream: Stream, request_id: str) -> None:
        self.request_id = request_id
        self._pieces = self._produce(stream)

    def _produce(self, stream: Stream) -> Iterator[bytes]:
        for number, chunk in enumerate(stream.pieces()):
            stream.fail_before(number)
            if stream.gated and number == 1:
                wait_at_gate(self.request_id)
            yield chunk
            time.sleep(ENDLESS_PAUSE_SECONDS if stream.endless else 0)
        stream.fail_before(len(stream.chunks))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        note(self.request_id, "app.closed")


@dataclass(frozen=True, kw_only=True)
class File(Head):
    """A file, sent the way the protocol sends files."""

    path: Path = Path(__file__)
    headers: Fields = (("Content-Type", "application/octet-stream"),)

    def length(self) -> int:
        return self.path.stat().st_size


class NotedFile(io.FileIO):
    """An open file that notes when it is closed."""

    def __init__(self, file: File, request_id: str) -> None:
        super().__init__(file.path)
        self.request_id = request_id

    def close(self) -> None:
        if not self.closed:
            note(self.request_id, "app.closed")
        super().close()

    def __del__(self) -> None:
        super().close()  # Django forgets it where a response cannot be sent


@dataclass(frozen=True)
class Raises:
    """Raises before anything is sent; the server, or the framework, answers 500."""

    error: Exception = field(default_factory=lambda: Boom("before the start"))


@dataclass(frozen=True)
class AnswersError(Raises):
    """Raises inside an error handler that answers 500, and tells the host of the error where its protocol can."""


Behaviour: TypeAlias = Whole | Stream | File | Raises
