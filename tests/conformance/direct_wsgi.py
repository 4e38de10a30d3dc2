"""A WSGI application behind the host, driven call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from perfkit import Feature
from perfkit.wsgi import PerfkitMiddleware
from tests.conformance.client import Request
from tests.conformance.inprocess_wsgi import App, environ_of
from tests.conformance.trace import REQUEST_ID, Trace, notes_as_json

TEXT = [("Content-Type", "text/plain")]


def environ(method: str = "GET", **changes: Any) -> dict[str, Any]:
    return {**environ_of(Request(method, "/")), **changes}


def answers(body: Iterable[bytes], *headers: tuple[str, str], status: str = "200 OK") -> App:
    """An application that returns this iterable."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, [*TEXT, *headers])
        return body

    return app


class Items:
    """An iterable of an application; counts what the host does with it.

    Args:
        items: what it gives; an exception is raised.
        closing: what `close` raises.
    """

    def __init__(self, *items: bytes | Exception, closing: Exception | None = None) -> None:
        self.items = iter(items)
        self.closing = closing
        self.taken = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for item in self.items:
            self.taken += 1
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        self.closed += 1
        if self.closing is not None:
            raise self.closing


@dataclass
class Call:
    """One call of the application.

    Attributes:
        environ: what the server gives.
        starts: what the server's `start_response` was called with.
        written: what was written to the server.
        returned: what the host returned.
    """

    environ: dict[str, Any] = field(default_factory=environ)
    starts: list[tuple[Any, ...]] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    returned: Any = None

    def start_response(self, *arguments: Any) -> Callable[[bytes], object]:
        if len(arguments) == 3 and self.written:
            raise arguments[2][1]
        self.starts.append(arguments)
        return self.written.append

    @property
    def status(self) -> str:
        return str(self.starts[-1][0])

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.starts[-1][1])

    def items(self) -> list[bytes]:
        """Everything the host gives, in the pieces it gives it, and then close."""
        try:
            return list(self.returned)
        finally:
            self.close()

    def close(self) -> None:
        if hasattr(self.returned, "close"):
            self.returned.close()

    @property
    def trace(self) -> Trace:
        return Trace.from_json(notes_as_json(self.environ[REQUEST_ID.environ]))

    @property
    def ends(self) -> list[str | None]:
        """The errors each `on_end` was given."""
        return [each.facts["error"] for each in self.trace if each.what.endswith(".on_end")]


def call(app: App, *features: Feature, into: Call | None = None, wrapper: Any = None, **changes: Any) -> Call:
    """Call the application behind the host; what it returned is not iterated yet.

    Args:
        app: the application.
        features: of the host.
        into: the call to use, for a test that expects an exception.
        wrapper: the server's ``wsgi.file_wrapper``.
        changes: of the environ.
    """
    if wrapper is not None:
        changes["wsgi.file_wrapper"] = wrapper
    return call_host(PerfkitMiddleware(app, {}, features=features), into=into, **changes)


def call_host(host: App, *, into: Call | None = None, **changes: Any) -> Call:
    """The same with a host that is ready."""
    made = into or Call()
    made.environ.update(changes)
    made.returned = host(made.environ, made.start_response)
    return made
