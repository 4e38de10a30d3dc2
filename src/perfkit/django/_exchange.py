"""What an exchange is in Django: the headers of its request and response objects."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import responses
from http.cookies import Morsel
from itertools import chain
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse

from perfkit._encoder import offload_size
from perfkit._metered_input import MeteredInput
from perfkit._threads import on_thread
from perfkit.errors import IncompleteResponseError
from perfkit.exchange import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CSP_NONCE,
    FAILURE,
    PATH_CHARACTERS,
    SET_COOKIE,
    Exchange,
    HeaderBlock,
    HeaderName,
    Reply,
    Shared,
    check_header_value,
    has_no_content,
    is_event_stream,
)
from perfkit.feature import Pending
from perfkit.stack import SPENT, Stack

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class DjangoExchange(Exchange):
    """An exchange as Django's middlewares see it.

    It holds on to parts of the request and the response and not to themselves, which refer to the exchange: they shall
    be gone as soon as Django drops them, and a response dropped unclosed has to take the exchange along (`__del__`).
    """

    # Before there is a response.
    _headers: Any = MappingProxyType({})
    _cookies: Any = MappingProxyType({})
    # While a view is asked for.
    _viewing: Any = None
    asks_views = True
    # Of a stream, where its first chunk has been taken.
    _chunks: Iterable[bytes] | None = None
    _bytes = 0
    _input: MeteredInput | None = None

    def __init__(self, request: HttpRequest, stack: Stack) -> None:
        super().__init__(stack.trust)
        self.method = request.method or "GET"
        self.peer = request.META.get("REMOTE_ADDR") or None
        self.peer_scheme = request.scheme or "http"
        self.complete = True  # until a stream says that it is not over
        self.exception: BaseException | None = None
        self._early = False
        self._path = request.path
        self._meta = request.META
        if stack.shares:
            self.shared = request.__dict__["perfkit"] = Shared.joined(request.__dict__.get("perfkit"), stack.offers)
        self._stack = stack
        if stack.meters and hasattr(request, "_stream"):
            # Where Django itself reads it, whatever way the view takes: body, POST, FILES or read().
            self._input = request._stream = MeteredInput(request._stream)  # type: ignore[assignment]

    @property
    def sent(self) -> int:  # type: ignore[override]
        return 0 if self.method == "HEAD" or has_no_content(self.status) else self._bytes

    @property
    def received(self) -> int:  # type: ignore[override]
        return 0 if self._input is None else self._input.taken

    @property
    def path(self) -> str:
        return self._path

    @property
    def target(self) -> str:
        path = quote(self._path, PATH_CHARACTERS)
        query: str = self._meta.get("QUERY_STRING", "")
        return f"{path}?{query}" if query else path

    @property
    def user(self) -> str | None:
        user = getattr(self._viewing, "user", None)
        return str(user.pk) if user is not None and user.is_authenticated else None

    @property
    def debug(self) -> bool:
        return bool(settings.DEBUG)

    def request_header(self, name: HeaderName) -> str | None:
        value: str | None = self._meta.get(name.environ)
        return value or None

    def set_request_header(self, name: HeaderName, value: str | None) -> None:
        if value is None:
            self._meta.pop(name.environ, None)
        else:
            self._meta[name.environ] = check_header_value(value)

    def response_header_lines(self, name: HeaderName) -> list[str]:
        field = self._headers.get(name.lower)
        lines = [] if field is None else [field[1]]
        if name is SET_COOKIE:
            lines += [cookie.OutputString() for cookie in self._cookies.values()]
        return lines

    def set_header_lines(self, name: HeaderName, values: Sequence[str]) -> None:
        if not (name is SET_COOKIE and name.lower in self._headers and values):
            return super().set_header_lines(name, values)
        # A view wrote a cookie as a header, which Django sends first. It stays one: as a cookie of Django's it would
        # lose what Django does not know, such as Partitioned.
        first = check_header_value(values[0])
        super().set_header_lines(name, values[1:])
        self._headers[name.lower] = (name.title, first)

    def set_header(self, name: HeaderName, value: str) -> None:
        if name is SET_COOKIE:
            check_header_value(value)
            self._cookies.clear()
            self.append_header(name, value)
        else:
            self._headers[name.lower] = (name.title, check_header_value(value))

    def append_header(self, name: HeaderName, value: str) -> None:
        if name is SET_COOKIE:  # Django keeps cookies apart, and each needs a line of its own (RFC 6265 section 3)
            return self._append_cookie(check_header_value(value))
        present = self._headers.get(name.lower)
        self.set_header(name, value if present is None else f"{present[1]}, {value}")

    def _append_cookie(self, line: str) -> None:
        # Not SimpleCookie.load, which drops a cookie that has an attribute it does not know.
        pair, *attributes = line.split(";")
        name, _, coded = pair.partition("=")
        cookie: Morsel[str] = Morsel()
        cookie.set(name.strip(), *self._cookies.value_decode(coded.strip()))
        for attribute in attributes:
            key, given, value = attribute.strip().partition("=")
            if cookie.isReservedKey(key):
                cookie[key] = value if given else True
        self._cookies[cookie.key] = cookie

    def remove_header(self, name: HeaderName) -> None:
        if name is SET_COOKIE:
            self._cookies.clear()
        self._headers.pop(name.lower, None)

    def add_headers(self, block: HeaderBlock) -> bool:
        if not block.lower.isdisjoint(self._headers):
            return False
        self._headers.update(block.by_lower)
        return True

    def set_default_headers(self, block: HeaderBlock) -> None:
        headers = self._headers
        headers.update({name: field for name, field in block.by_lower.items() if name not in headers})

    # What the host calls

    def view(self, request: HttpRequest) -> Reply | None:
        """Let the features see which view is chosen, and who asks for it; what they wait for is waited for here."""
        self.learn(request)
        with self.viewed_by(request):
            reply = self._stack.view(self)
            return reply.run() if isinstance(reply, Pending) else reply

    @contextmanager
    def viewed_by(self, request: Any) -> Iterator[None]:
        """Know the request, and so the user, for a while: to keep it would make a cycle of the two."""
        self._viewing = request
        try:
            yield
        finally:
            self._viewing = None

    def learn(self, request: HttpRequest) -> None:
        """Take what Django has found out meanwhile: the route, and the nonce it has made by itself (Django 6)."""
        if request.resolver_match is not None:
            self.route = f"/{request.resolver_match.route}"
        nonce = getattr(request, "_csp_nonce", None)
        if nonce and self._stack.shares and not self.shared.has(CSP_NONCE):
            self.shared[CSP_NONCE] = str(nonce)
            self.shared.unique = True

    def abandon(self, request: HttpRequest) -> None:
        """Forget the response: Django, or the server, answers in its place."""
        self.learn(request)
        self.status = 0

    def accept(self, response: HttpResponseBase) -> Pending[None] | None:
        """Take the response, and let the features see it."""
        # What holds the headers inside of Django's ResponseHeaders, by name in lower case. Going through its methods,
        # which check again what perfkit has checked, would take three times as long as all the rest.
        self._headers = response.headers._store
        self._cookies = response.cookies
        self.status = response.status_code
        if has_no_content(self.status) and self.response_header(CONTENT_LENGTH) == "0":
            # Django's CommonMiddleware measures the body of every response; of a 304 it would be the length of what the
            # client has (RFC 9110 section 8.6).
            self.remove_header(CONTENT_LENGTH)
        if not response.streaming:
            self.body = cast("HttpResponse", response).content
        elif self._stack.hold and self._is_empty(cast("StreamingHttpResponse", response)):
            self.body, self.streamed = b"", True
        self._original = self.body
        return self._stack.respond(self)

    def _is_empty(self, response: StreamingHttpResponse) -> bool:
        """Whether a stream is over before it begins, for which its first chunk is taken: the others are not waited for.

        Those on an event loop are left alone, as their first chunk may be a long time coming.
        """
        if response.is_async or self._is_file(response) or is_event_stream(self.response_header(CONTENT_TYPE) or ""):
            return False
        chunks = iter(cast("Iterable[bytes]", response.streaming_content))
        first = next(chunks, None)
        if first is not None:
            self._chunks = chain((first,), chunks)
        return first is None

    def _is_file(self, response: StreamingHttpResponse) -> bool:
        return getattr(response, "file_to_stream", None) is not None

    def reply(self, reply: Reply) -> HttpResponse:
        """A feature's reply as the response."""
        self._early = True
        return response_of(reply)

    def deliver(self, response: HttpResponseBase) -> HttpResponseBase:
        """The response as the features want it; closing it ends the exchange."""
        self.frame(response.status_code, self._original)
        if self.status != response.status_code:
            response.status_code = self.status
            response.reason_phrase = responses.get(self.status, "Unknown")
        if response.streaming:
            self._deliver_stream(cast("StreamingHttpResponse", response))
        elif self._early and self.method == "HEAD":
            cast("HttpResponse", response).content = b""
        elif self.body is not self._original:
            cast("HttpResponse", response).content = self.body
        if self.body is not None:
            self._bytes = len(self.body)
        # Django calls these when the server closes the response, after those of the application's own files and
        # iterators. The public ways to be told, the request_finished signal and an iterator with a close method, do
        # not say which request it was, or need a stream.
        response._resource_closers.append(self.close)  # type: ignore[attr-defined]
        return response

    def _deliver_stream(self, response: StreamingHttpResponse) -> None:
        if self.body is not None:
            whole = iter((self.body,))
            response.streaming_content = _async_iterator(whole) if response.is_async else whole
        elif self._encoder is None and self._is_file(response):
            length = self.response_header(CONTENT_LENGTH) or ""
            self._bytes = int(length) if length.isdecimal() else 0  # as announced: who sends it does not say
            return  # it stays with the server, which may send the file by itself (wsgi.file_wrapper)
        else:
            self.complete = False
            chunks: Any = self._chunks or response.streaming_content
            response.streaming_content = self._async_stream(chunks) if response.is_async else self._stream(chunks)

    def _stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        try:
            for chunk in chunks:
                yield self._count(self.encode(chunk))
            tail = self.encode_end()
        except Exception as error:
            if not self._bytes and "wsgi.version" in self._meta:
                self.status = 0  # no head is sent before the first byte of the body (PEP 3333): the server answers
            self.finish(error)
            raise
        if tail:
            yield self._count(tail)
        self.complete = True

    async def _async_stream(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        offloaded = inf if self._encoder is None else offload_size(self._encoder)
        try:
            async for chunk in chunks:
                large = len(chunk) >= offloaded
                yield self._count(await on_thread(partial(self.encode, chunk)) if large else self.encode(chunk))
            tail = self.encode_end()
        except GeneratorExit:
            self.disconnected = True  # who else would not take the rest
            raise
        except (Exception, CancelledError) as error:
            # Django does not close a response whose stream failed under ASGI.
            self.disconnected = isinstance(error, CancelledError)
            await self.finish_async(error)
            raise
        if tail:
            yield self._count(tail)
        self.complete = True

    def _count(self, data: bytes) -> bytes:
        """A piece of the body, on its way to the server."""
        self._bytes += len(data)
        return data

    def close(self) -> None:
        """The server is done with the response."""
        if not self.complete:
            self.disconnected = True  # who else would not take the rest
            self.finish(IncompleteResponseError())
        self.finish(self.exception if self.status >= FAILURE else None)

    def finish(self, error: BaseException | None) -> None:
        """End the exchange; only the first call counts."""
        pending = self._stack.end(self, error)
        if pending is not None:
            pending.run()

    def __del__(self) -> None:
        """End an exchange whose response was never closed.

        Django does not close one that it could not send under ASGI, or that a middleware outside of ours put another in
        the place of.
        """
        if self._unwind is not SPENT:
            self.disconnected = self.disconnected or not self.complete  # as in `close`
            self.finish(IncompleteResponseError())

    async def finish_async(self, error: BaseException | None) -> None:
        """End the exchange on an event loop; only the first call counts."""
        pending = self._stack.end(self, error)
        if pending is not None:
            await pending.run_async()


async def _async_iterator(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def response_of(reply: Reply) -> HttpResponse:
    """A feature's reply as a response of Django's."""
    response = HttpResponse(reply.body, status=reply.status)
    del response.headers["Content-Type"]  # Django sets one where none is given
    # Django would log each refusal as a warning, and each failing probe as an error, which it mails to the admins.
    response._has_been_logged = True  # type: ignore[attr-defined]
    for name, value in reply.fields():
        response.headers[name.title] = value
    return response
