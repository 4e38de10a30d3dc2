"""Drivers that call an application in this process, without a server, and cost as little as can be."""

from __future__ import annotations

import asyncio
import gc
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from io import BytesIO
from time import perf_counter
from typing import Any, ClassVar, Final, TypeAlias

from benchmarks.model import Answer

Headers: TypeAlias = list[tuple[str, str]]
NO_HEADERS: Final[Mapping[str, str]] = {}

# A series is shorter than the time slices of a busy machine, so that some of the many pass undisturbed.
SERIES: Final = 0.001
# Most requests before each series, not timed, which bring code and data back into the processor's caches.
WARM_UP: Final = 10
MANY: Final = 100
# In so many seconds of requests the garbage is looked for that one leaves.
LONG: Final = 0.1

# What a browser sends.
REQUEST_HEADERS: Final = {
    "host": "shop.example",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-GB,en;q=0.7,de;q=0.3",
    "accept-encoding": "gzip, deflate, br, zstd",
    "cookie": "session=4f7c9a1e62b84d0db7f1c9a20c3d5e68",
    "sec-fetch-mode": "navigate",
    "connection": "keep-alive",
}

SCOPE: Final[dict[str, Any]] = {
    "type": "http",
    # With this version Starlette streams without a task that listens for the client's disconnect.
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 50000),
    # So that HSTS is sent too, which the peers send over http as well.
    "scheme": "https",
    "method": "GET",
    "root_path": "",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "headers": [(name.encode(), value.encode()) for name, value in REQUEST_HEADERS.items()],
}

ENVIRON: Final[dict[str, Any]] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "shop.example",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.input": BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in REQUEST_HEADERS.items()},
}


def scope_with(headers: Mapping[str, str] = NO_HEADERS, path: str = "/") -> dict[str, Any]:
    """A scope with these headers beside those that a browser sends, or in place of those of the same name."""
    fields = REQUEST_HEADERS | dict(headers)
    sent = [(name.encode(), value.encode()) for name, value in fields.items()]
    return SCOPE | {"path": path, "raw_path": path.encode(), "headers": sent}


def answer(status: int, headers: Headers, body: bytes) -> Answer:
    """A response as the drivers give it."""
    fields = {name.lower(): value for name, value in headers}
    names = tuple(name.lower() for name, _ in headers)
    return Answer(status, names, body, fields.get("content-encoding", ""), fields.get("etag", ""))


class InProcess(ABC):
    """Calls an application many times in a row.

    Attributes:
        step: each series has so many requests or a multiple of it: for what does a part of its work once for as many.
    """

    step = 1

    def __init__(self, app: Any) -> None:
        self.app = app
        self._seconds = 0.0

    @abstractmethod
    def answer(self) -> Answer:
        """One request, looked at."""

    @abstractmethod
    def repeat(self, count: int) -> float:
        """So many requests; gives the seconds they took."""

    def requests_in(self, seconds: float) -> int:
        """How many requests take about as long; one at least."""
        if not self._seconds:
            self.repeat(1)  # what is made on first use
            once = max(1, min(WARM_UP, int(SERIES / self.repeat(1))))
            self._seconds = min(self.repeat(once) for _ in range(once)) / once
        return self.step * max(1, round(seconds / self._seconds / self.step))

    def measure(self) -> float:
        count = self.requests_in(SERIES)
        self.repeat(min(WARM_UP, count))
        return self.repeat(count) / count

    def garbage(self) -> int:
        count = min(MANY, self.requests_in(LONG))
        self.repeat(min(WARM_UP, count))
        gc.collect()
        gc.disable()
        try:
            self.repeat(count)
            return gc.collect() // count
        finally:
            gc.enable()

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what the driver holds."""


class Asynchronous(InProcess):
    """Calls on an event loop, which all drivers of this kind share."""

    _runner: ClassVar[asyncio.Runner | None] = None

    @abstractmethod
    async def request(self) -> None: ...

    @classmethod
    def run(cls, main: Awaitable[Any]) -> Any:
        if Asynchronous._runner is None:
            Asynchronous._runner = asyncio.Runner()
        return Asynchronous._runner.run(main)  # type: ignore[arg-type]

    def repeat(self, count: int) -> float:
        return float(self.run(self._repeat(count)))

    async def _repeat(self, count: int) -> float:
        request = self.request
        started = perf_counter()
        for _ in range(count):
            await request()
        return perf_counter() - started


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Any) -> None:
    """The server's part, which costs the same for all."""


class Asgi(Asynchronous):
    """Calls an ASGI application.

    Args:
        app: the application.
        headers: headers of the request beside those that a browser sends, or in place of one of the same name.
        path: the path of the request.
    """

    def __init__(self, app: Any, headers: Mapping[str, str] = NO_HEADERS, path: str = "/") -> None:
        super().__init__(app)
        self.scope = scope_with(headers, path)

    def messages(self, **scope: Any) -> list[Any]:
        """What the application sends for one request."""
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        self.run(self.app(self.scope | scope, _receive, send))
        return messages

    def answer(self) -> Answer:
        start, *bodies = self.messages()
        body = b"".join(message.get("body", b"") for message in bodies)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        return answer(start["status"], headers, body)

    def request(self) -> Awaitable[None]:  # type: ignore[override]
        return self.app(self.scope.copy(), _receive, _send)  # type: ignore[no-any-return]


def _write(data: bytes) -> None:
    """What `start_response` gives back; nothing uses it."""


def _start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
    return _write


class Wsgi(InProcess):
    """Calls a WSGI application, as a server does: takes all items and closes."""

    def __init__(self, app: Any, headers: Mapping[str, str] = NO_HEADERS, path: str = "/") -> None:
        super().__init__(app)
        more = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        self.environ = ENVIRON | more | {"PATH_INFO": path}

    def answer(self) -> Answer:
        heads: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
            heads.append((status, headers))
            return _write

        body = b"".join(self._serve(start_response))
        status, headers = heads[0]
        return answer(int(status[:3]), headers, body)

    def _serve(self, start_response: Any) -> Iterable[bytes]:
        iterable = self.app(self.environ.copy(), start_response)
        items = list(iterable)
        if hasattr(iterable, "close"):
            iterable.close()
        return items

    def repeat(self, count: int) -> float:
        serve = self._serve
        started = perf_counter()
        for _ in range(count):
            serve(_start_response)
        return perf_counter() - started
