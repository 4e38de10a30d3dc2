"""A small WSGI server without sockets, behind `wsgiref.validate`: what breaks PEP 3333 fails the test."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

from tests.conformance.client import Flight, Host, Request, Response
from tests.conformance.hosts import Kind
from tests.conformance.trace import note

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class WsgiHost(Host):
    def __init__(self, kind: Kind, app: App) -> None:
        self.kind = kind
        self.app: App = validator(app)

    def open(self, request: Request) -> Flight:
        return WsgiFlight(self.app, request)


def environ_of(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in request.fields():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if environ.get(key) else value
    return environ


class WsgiFlight(Flight):
    """The application works whenever the test waits for something."""

    def __init__(self, app: App, request: Request) -> None:
        self.request = request
        self.started: Response | None = None
        self.response: Response | None = None
        self.written: list[bytes] = []
        self.first: bytes | None = None
        self.iterable: Iterable[bytes] = ()
        self.items: Iterator[bytes] = iter(())
        self.error: Exception | None = None
        self.exhausted = False
        self.closed = False
        try:
            self.iterable = app(environ_of(request), self._start_response)
            self.items = iter(self.iterable)
        except AssertionError:
            raise
        except Exception as error:
            self.error = error

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert self.started is None or exc_info is not None, "a second start without exc_info"
        if exc_info is not None and self.response is not None:
            raise exc_info[1]
        fields = [(name, value.strip()) for name, value in headers]  # a client strips values (RFC 9110 section 5.5)
        self.started = Response(int(status[:3]), status[4:], fields)
        return self.written.append

    def head(self) -> Response:
        if self.response is None:
            self.first = self._pull()  # a server sends the head together with the first item
            self.response = self._answered()
        return self.response

    def _answered(self) -> Response:
        if self.error is not None and self.first is None:
            return Response(500, "Internal Server Error", ())
        assert self.started is not None, "no start_response"
        return self.started

    def chunk(self) -> bytes | None:
        self.head()
        first, self.first = self.first, None
        return first if first is not None else self._pull()

    def _pull(self) -> bytes | None:
        if self.written:
            return self.written.pop(0)
        if self.error is not None or self.exhausted:
            return None
        try:
            return next(self.items)
        except StopIteration:
            self.exhausted = True
            note(self.request.id, "server.last")
        except AssertionError:
            raise
        except Exception as error:
            self.error = error
        return None

    def rest(self) -> Response:
        response = self.head()
        while (chunk := self.chunk()) is not None:
            response.chunks.append(chunk)
        self.leave()
        response.complete = self.exhausted or response is not self.started
        response.error = self.error
        return response

    def leave(self) -> None:
        if not self.closed:
            self.closed = True
            if hasattr(self.iterable, "close"):
                self.iterable.close()
