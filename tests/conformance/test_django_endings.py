"""Every way an exchange can end in Django: `on_end` is called once, with the error the host learns of."""

from __future__ import annotations

import asyncio
import gc
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse

from tests.conformance.behaviours import Boom, NotedFile
from tests.conformance.behaviours import File as FileBehaviour
from tests.conformance.client import Request
from tests.conformance.direct_asgi import Talk
from tests.conformance.direct_django import Protocol, perfkit, project, request_id_of, served
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.encoders import Upper
from tests.conformance.features import Encode, Recorder
from tests.conformance.inprocess_wsgi import environ_of
from tests.conformance.trace import Trace, note, notes_as_json

BOTH = pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
FILE = FileBehaviour(path=Path(__file__))


def trace_of(request: Request) -> Trace:
    return Trace.from_json(notes_as_json(request.id))


def end_of(protocol: Protocol, view: Any, *inside: Any) -> tuple[int, dict[str, Any]]:
    """The status of the response, and what `on_end` was given."""
    request = Request("GET", "/")
    with served(protocol, view, perfkit(Recorder("only")), *inside) as host:
        status = host.fetch(request).status
    return status, trace_of(request).facts("only.on_end")


def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Any:
    return len  # a write that keeps nothing


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"hello")


def raises(error: BaseException) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


@BOTH
@pytest.mark.parametrize(("error", "status"), [(Http404(), 404), (PermissionDenied(), 403)])
def test_answers_that_views_raise_are_no_errors(protocol: Protocol, error: Exception, status: int) -> None:
    assert end_of(protocol, raises(error)) == (status, {"error": None})


@BOTH
def test_error_of_a_view_is_known_to_every_middleware(protocol: Protocol) -> None:
    request = Request("GET", "/")
    with served(protocol, raises(Boom()), perfkit(Recorder("a")), perfkit(Recorder("b"))) as host:
        assert host.fetch(request).status == 500
    assert trace_of(request).facts("a.on_end") == {"error": "Boom"}
    assert trace_of(request).facts("b.on_end") == {"error": "Boom"}


@BOTH
def test_error_that_a_middleware_inside_answers_is_none(protocol: Protocol) -> None:
    class Answering:
        sync_capable = async_capable = True

        def __new__(cls, get_response: Any) -> Any:
            get_response.process_exception = lambda request, exception: HttpResponse(b"never mind")
            return get_response

    assert end_of(protocol, raises(Boom()), Answering) == (200, {"error": None})


@BOTH
def test_error_of_a_middleware_inside_is_not_told(protocol: Protocol) -> None:
    def failing(get_response: Any) -> Any:
        return raises(Boom())

    assert end_of(protocol, raises(Boom()), failing) == (500, {"error": None})


def test_interrupt_of_a_view_ends_the_exchange() -> None:
    request = Request("GET", "/")
    with project(raises(KeyboardInterrupt()), perfkit(Recorder("only"))), pytest.raises(KeyboardInterrupt):
        wsgi_application()(environ_of(request), start_response)
    assert trace_of(request).facts("only.on_end") == {"error": "KeyboardInterrupt"}


def test_client_leaves_while_a_view_waits() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        note(request_id_of(request), "view")
        await asyncio.sleep(3600)
        return HttpResponse()

    request = Request("GET", "/")
    with served("asgi", view, perfkit(Recorder("only"))) as host:
        flight = host.open(request)
        while "view" not in trace_of(request).names:
            time.sleep(0.001)
        flight.leave()
    assert trace_of(request).facts("only.on_end") == {"error": "CancelledError"}


@BOTH
def test_response_that_a_middleware_outside_drops_ends_the_exchange(protocol: Protocol) -> None:
    class Outside:
        sync_capable = True
        async_capable = False

        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> HttpResponse:
            self.get_response(request)
            return HttpResponse(b"another", headers={"Content-Type": "text/plain"})

    request = Request("GET", "/")
    with served(protocol, hello, Outside, perfkit(Recorder("only"))) as host:
        assert host.fetch(request).body == b"another"
    gc.collect()  # under ASGI the response that was dropped waits for it
    assert trace_of(request).facts("only.on_end") == {"error": "IncompleteResponseError"}


# The server fails to send: Django does not close the response then


async def whole(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"hello")


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b", b"c"):
            yield piece

    return StreamingHttpResponse(pieces())


async def file(request: HttpRequest) -> FileResponse:
    return FileResponse(NotedFile(FILE, request_id_of(request)))


def ends_when_sending(view: Any, *features: Any, **facts: Any) -> list[str | None]:
    sent = Talk(**facts)
    with project(view, perfkit(Recorder("only"), *features)):
        asyncio.run(sent.run(asgi_application()))
    assert isinstance(sent.error, OSError)
    gc.collect()  # Django's streams refer to their response, so that the collector has to find it
    return sent.ends


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("view", [whole, stream, file])
def test_failure_to_send_ends_the_exchange(view: Any, kind: str) -> None:
    (error,) = ends_when_sending(view, fails_at=kind)
    assert error is not None


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
def test_failure_to_send_ends_the_exchange_of_an_encoded_stream(kind: str) -> None:
    (error,) = ends_when_sending(stream, Encode(Upper), fails_at=kind)
    assert error is not None


class BrokenFile(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise Boom


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@BOTH
def test_file_that_cannot_be_read_ends_the_exchange(protocol: Protocol) -> None:
    def view(request: HttpRequest) -> FileResponse:
        return FileResponse(BrokenFile(b"hello"))

    request = Request("GET", "/")
    with served(protocol, view, perfkit(Recorder("only"))) as host:
        assert isinstance(host.fetch(request).error, Boom)
    gc.collect()
    assert trace_of(request).hooks.count("only.on_end") == 1


# Files under WSGI


def test_file_stays_with_the_server() -> None:
    def view(request: HttpRequest) -> FileResponse:
        return FileResponse(NotedFile(FILE, request_id_of(request)))

    request = Request("GET", "/")
    environ = {**environ_of(request), "wsgi.file_wrapper": FileWrapper}
    with project(view, perfkit(Recorder("only"))):
        returned: Any = wsgi_application()(environ, start_response)
        assert type(returned) is FileWrapper
        assert isinstance(returned.filelike, NotedFile)
        assert trace_of(request).hooks == ["only.on_request", "only.on_response"]
        returned.close()
    assert trace_of(request).hooks[2:] == ["app.closed", "only.on_end"]
    assert trace_of(request).facts("only.on_end") == {"error": None}


def test_file_that_an_encoder_changes_goes_through_the_host() -> None:
    def view(request: HttpRequest) -> FileResponse:
        return FileResponse(NotedFile(FILE, request_id_of(request)))

    request = Request("GET", "/")
    environ = {**environ_of(request), "wsgi.file_wrapper": FileWrapper}
    with project(view, perfkit(Recorder("only"), Encode(Upper))):
        returned: Any = wsgi_application()(environ, start_response)
        assert b"".join(returned) == Path(__file__).read_bytes().upper()
        returned.close()
    assert trace_of(request).hooks.count("app.closed") == 1
    assert trace_of(request).facts("only.on_end") == {"error": None}
