"""What an exchange is on WSGI: headers as pairs of text, and the way of a response to the server (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from http import HTTPStatus
from os import fstat
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from perfkit._metered_input import MeteredInput
from perfkit._wsgi_body import Body, WholeBody
from perfkit._wsgi_route import WANTS_ROUTE, told_route
from perfkit.exchange import (
    CONTENT_LENGTH,
    PATH_CHARACTERS,
    Exchange,
    HeaderBlock,
    HeaderName,
    Reply,
    Shared,
    check_header_value,
    has_no_content,
)
from perfkit.stack import Stack

if TYPE_CHECKING:
    from types import TracebackType

Environ: TypeAlias = dict[str, Any]
ExcInfo: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]"
Write: TypeAlias = Callable[[bytes], object]
StartResponse: TypeAlias = Callable[..., Write]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

FILE_WRAPPER = "wsgi.file_wrapper"
# A key of environ by which waitress shows.
WAITRESS = "waitress.client_disconnected"


class WsgiExchange(Exchange):
    """An exchange over WSGI. Its `start_response` is what the application gets as its own.

    The server's `start_response` is called when the first item of the body is known, or at the first `write`, since
    only then is it known whether the body is whole.
    """

    # Defaults of the class, so that an exchange sets only what it needs.
    _server_write: Write | None = None
    _status_line = ""
    _exc_info: ExcInfo | None = None
    _replaced = False
    _wrote = False
    _bytes = 0
    _input: MeteredInput | None = None
    _script_name: str | None = None

    def __init__(self, environ: Environ, start_response: StartResponse, stack: Stack) -> None:
        Exchange.__init__(self, stack.trust)  # super() takes longer
        self.method = environ["REQUEST_METHOD"]
        self.peer = environ.get("REMOTE_ADDR") or None
        self.peer_scheme = environ["wsgi.url_scheme"]
        self.headers: list[tuple[str, str]] = []
        self._environ = environ
        self._stack = stack
        self._server_start = start_response
        if stack.shares:
            self.shared = environ["perfkit"] = Shared.joined(environ.get("perfkit"), stack.offers)
        if stack.meters:
            self._script_name = environ.get("SCRIPT_NAME", "")
            environ.setdefault(WANTS_ROUTE, self._script_name)
            if environ.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ:
                self._input = environ["wsgi.input"] = MeteredInput(environ["wsgi.input"])

    @property
    def sent(self) -> int:  # type: ignore[override]
        return 0 if self.method == "HEAD" or has_no_content(self.status) else self._bytes

    @property
    def received(self) -> int:  # type: ignore[override]
        return 0 if self._input is None else self._input.taken

    @property
    def path(self) -> str:
        # PEP 3333 gives the bytes of the path as latin-1 text.
        path: str = self._environ.get("SCRIPT_NAME", "") + self._environ.get("PATH_INFO", "")
        return path.encode("latin-1").decode("utf-8", "replace")

    @property
    def target(self) -> str:
        raw: str = self._environ.get("SCRIPT_NAME", "") + self._environ.get("PATH_INFO", "")
        path = quote(raw.encode("latin-1"), PATH_CHARACTERS)
        query: str = self._environ.get("QUERY_STRING", "")
        return f"{path}?{query}" if query else path

    @property
    def user(self) -> str | None:
        return self._environ.get("REMOTE_USER") or None

    def request_header(self, name: HeaderName) -> str | None:
        # Servers give Content-Type and Content-Length as empty text where the client sent none.
        return self._environ.get(name.environ) or None

    def set_request_header(self, name: HeaderName, value: str | None) -> None:
        if value is None:
            self._environ.pop(name.environ, None)
        else:
            self._environ[name.environ] = check_header_value(value)

    def response_header_lines(self, name: HeaderName) -> list[str]:
        lower = name.lower
        return [value for key, value in self.headers if key.lower() == lower]

    def set_header(self, name: HeaderName, value: str) -> None:
        field = (name.title, check_header_value(value))
        self.remove_header(name)
        self.headers.append(field)

    def append_header(self, name: HeaderName, value: str) -> None:
        self.headers.append((name.title, check_header_value(value)))

    def remove_header(self, name: HeaderName) -> None:
        lower = name.lower
        self.headers = [field for field in self.headers if field[0].lower() != lower]

    def add_headers(self, block: HeaderBlock) -> bool:
        if not block.lower.isdisjoint([field[0].lower() for field in self.headers]):
            return False
        self.headers += block.fields
        return True

    def set_default_headers(self, block: HeaderBlock) -> None:
        present = {field[0].lower() for field in self.headers}
        self.headers += [field for field in block.fields if field[0].lower() not in present]

    # What the application calls

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        """Take the head of the response; with `exc_info` also a second one, in place of the first."""
        if self._status_line and exc_info is None:
            raise AssertionError("start_response was called a second time without exc_info (PEP 3333)")
        self._status_line = status
        self.status = int(status[:3]) if status[:3].isdigit() else 0
        self.headers = list(headers)
        if WANTS_ROUTE in self._environ:
            self.route = told_route(self._environ, self._script_name)
        self._exc_info = exc_info
        del exc_info  # its traceback refers to this frame, and the two would keep each other
        if self._server_write is not None:
            self._begin(None)  # the server raises exc_info if bytes of the first response are already out
        return self.write

    def write(self, data: bytes) -> None:
        """Take a piece of the body the old way."""
        self._wrote = True
        if self._server_write is None:
            self._begin(None)
            if self._replaced:
                self._send(self.body or b"")
        if not self._replaced:
            self._send(self.encode(data))

    def _send(self, data: bytes) -> None:
        if data and self._server_write is not None:
            self._server_write(data)
            self._bytes += len(data)

    # What the host calls

    def respond(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        """Give the server what stands for the iterable the application returned."""
        body = Body(self, iterable)
        try:
            return self._respond(iterable, body)
        except BaseException as error:
            body.error = error
            body.close()
            raise

    def _respond(self, iterable: Iterable[bytes], body: Body) -> Iterable[bytes]:
        if isinstance(iterable, (list, tuple)) and self._server_write is None and self._is_whole(iterable):
            return self._respond_whole(b"".join(iterable), body)
        if self._is_file(iterable):
            return self._respond_file(iterable, body)
        body.rest = iter(iterable)
        if not self._wrote:
            self._pull_first(body)
        if not self._replaced:
            return body
        return WholeBody(b"" if self._wrote else self.body or b"", body)

    def _is_whole(self, items: Sequence[bytes]) -> bool:
        if len(items) <= 1:
            return True
        self.streamed = sum(map(len, items)) < self._stack.hold
        return self.streamed

    def _respond_whole(self, data: bytes, body: Body) -> Iterable[bytes]:
        self._begin(data)
        if self.method == "HEAD" and not self.body and self._may_lack_length():
            # Servers write Content-Length: 0 for a list of one empty item, which is not what GET would say.
            body.rest = iter(())
            return body
        return WholeBody(self.body or b"", body)

    def _may_lack_length(self) -> bool:
        """Whether the response to HEAD has no Content-Length, and the server will leave it so.

        Waitress would write the end of a body in chunks, which the client takes for the next response.
        """
        return not self.has_response_header(CONTENT_LENGTH) and WAITRESS not in self._environ

    def _respond_file(self, iterable: Iterable[bytes], body: Body) -> Iterable[bytes]:
        """Give the server's own file wrapper back to it, which must see that very object, closed by us too."""
        self._begin(None)
        if self._replaced:
            return WholeBody(self.body or b"", body)
        if self._encoder is not None:
            body.rest = iter(iterable)
            return body
        try:
            iterable.close = body.close  # type: ignore[attr-defined]
        except AttributeError:  # it cannot be told from outside when the server is done with it
            body.rest = iter(iterable)
            return body
        body.complete = True
        self._bytes = self._file_length(iterable)
        return iterable

    def _file_length(self, iterable: Any) -> int:
        """The bytes of a file as they are announced, or as many as it has left: who sends it does not say."""
        length = self.response_header(CONTENT_LENGTH) or ""
        if length.isdecimal():
            return int(length)
        with suppress(AttributeError, OSError, ValueError):  # no file of the system
            file = iterable.filelike  # as wsgiref and gunicorn have it
            return fstat(file.fileno()).st_size - int(file.tell())
        return 0

    def _is_file(self, iterable: Iterable[bytes]) -> bool:
        wrapper = self._environ.get(FILE_WRAPPER)
        return isinstance(wrapper, type) and isinstance(iterable, wrapper) and self._server_write is None

    def _pull_first(self, body: Body) -> None:
        """Take the first item, before which a generator calls `start_response`."""
        first = next(body.rest, None)
        if self._wrote:  # on the way
            body.first = None if first is None else self.encode(first)
            return
        whole = first is None or str(len(first)) == self.response_header(CONTENT_LENGTH)
        self._begin((first or b"") if whole else None)
        body.first = self.body if whole else self.encode(first or b"")

    def _begin(self, body: bytes | None) -> None:
        """Let the features see the response, and hand its head to the server."""
        if not self._status_line:
            raise AssertionError("the application gave a body before it called start_response (PEP 3333)")
        status, self.body, self._encoder = self.status, body, None
        pending = self._stack.respond(self)
        if pending is not None:
            pending.run()
        self.frame(status, body)
        self._replaced = body is None and self.body is not None
        line = self._status_line if self.status == status else status_line(self.status)
        exc_info, self._exc_info = self._exc_info, None
        try:
            if exc_info is None:
                self._server_write = self._server_start(line, self.headers)
            else:
                self._server_write = self._server_start(line, self.headers, exc_info)
        finally:
            del exc_info  # as above

    def answer(self, reply: Reply) -> Iterable[bytes]:
        """Give the server a feature's reply."""
        self.status = reply.status
        self.headers = [(name.title, value) for name, value in reply.fields()]
        self._status_line = status_line(reply.status)
        self._begin(reply.body)
        data = b"" if self.method == "HEAD" else self.body or b""
        return WholeBody(data, Body(self, ()))

    def count(self, data: bytes) -> bytes:
        """A piece of the body, on its way to the server."""
        self._bytes += len(data)
        return data

    def fail(self, error: BaseException) -> None:
        """End the exchange whose application, or a feature, raised; only the first call counts."""
        if not self._bytes:
            self.status = 0  # no head is sent before the first byte of the body (PEP 3333): the server answers
        self.finish(error)

    def finish(self, error: BaseException | None) -> None:
        """End the exchange; only the first call counts."""
        pending = self._stack.end(self, error)
        if pending is not None:
            pending.run()


def status_line(status: int) -> str:
    """The status with its phrase, as WSGI wants it."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
