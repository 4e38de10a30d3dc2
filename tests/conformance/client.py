"""How tests speak to a host, whichever it is: a request, a response in flight, a response."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Self

from tests.conformance.hosts import Kind
from tests.conformance.trace import PATIENCE_SECONDS, REQUEST_ID, Trace

Pairs = Sequence[tuple[str, str]]

_ids = count()


@dataclass(frozen=True)
class Request:
    """A request; its target is percent-encoded, as on the wire."""

    method: str
    target: str
    headers: Pairs = ()
    body: bytes = b""
    id: str = field(default_factory=lambda: f"r{next(_ids)}")

    def fields(self) -> list[tuple[str, str]]:
        length = [("Content-Length", str(len(self.body)))] if self.body else []
        return [("Host", "testserver"), (REQUEST_ID.title, self.id), *length, *self.headers]


@dataclass
class Response:
    """A response, or its head where nothing else has arrived yet.

    Attributes:
        status: the status.
        reason: the reason phrase; None where the protocol has none.
        headers: all field lines, in the order they came.
        chunks: the body, piece by piece, as the host gave it to an in-process server or as it arrived on the socket.
        complete: whether the body came to its end; None where its framing does not tell.
        error: what an in-process server caught from the host.
    """

    status: int
    reason: str | None
    headers: Pairs
    chunks: list[bytes] = field(default_factory=list)
    complete: bool | None = None
    error: BaseException | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def lines(self, name: str) -> list[str]:
        """The values of all field lines of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def members(self, name: str) -> list[str]:
        """The members of a header that is a list, from however many lines."""
        return [member.strip() for line in self.lines(name) for member in line.split(",")]

    def header(self, name: str) -> str | None:
        """The value of a header that has at most one field line."""
        values = self.lines(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None


class Flight(ABC):
    """A request that was sent and a response that is on its way."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @abstractmethod
    def head(self) -> Response:
        """Wait for the head."""

    @abstractmethod
    def chunk(self) -> bytes | None:
        """Wait for the next piece of the body; None at its end."""

    @abstractmethod
    def rest(self) -> Response:
        """Wait for the end; the response has the pieces that `chunk` did not take."""

    @abstractmethod
    def leave(self) -> None:
        """Close the connection, in the middle of the response if it has not ended."""


class Host(ABC):
    """A host with the site of all cases."""

    kind: Kind

    @abstractmethod
    def open(self, request: Request) -> Flight: ...

    def fetch(self, request: Request) -> Response:
        with self.open(request) as flight:
            return flight.rest()

    def trace(self, request_id: str, until: str = "") -> Trace:
        """The notes of an exchange, once that one is among them: a server may end an exchange after its last byte."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            trace = Trace.from_json(self.fetch(Request("GET", f"/-/trace/{request_id}")).body)
            if not until or until in trace.names:
                return trace
            assert time.monotonic() < deadline, f"no {until} among {trace.names}"
            # Django leaves some responses unclosed, whose exchange ends when they are collected.
            self.fetch(Request("GET", "/-/collect"))

    def open_gate(self, request_id: str) -> None:
        self.fetch(Request("GET", f"/-/gate/{request_id}"))

    def stop(self) -> None:  # noqa: B027 - in-process hosts have nothing to stop
        """Free what the host holds."""
