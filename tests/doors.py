"""The doors a response leaves by: plain ASGI and WSGI, Starlette, Flask, and Django under WSGI and ASGI.

A view says once what the application answers to a request; each door makes an application of its kind out of it,
behind a middleware of perfkit and in front of a server that checks the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from flask import Flask, send_file
from flask import Response as FlaskResponse
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.responses import FileResponse as StarletteFile
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route

from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.conformance.client import Flight, Host, Pairs, Request, Response
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost

if TYPE_CHECKING:
    from pathlib import Path

    from django.http.response import HttpResponseBase

METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]


class Gate:
    """Where a stream waits until the test opens it. On WSGI, where who asks gets more, it must be open by then."""

    def __init__(self) -> None:
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    async def passed(self) -> None:
        while not self.is_open:
            await asyncio.sleep(0.001)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the application answers: a whole body, a stream or a file."""

    status: int = 200
    headers: Pairs = ()
    body: bytes = b""
    stream: Callable[[], Iterable[bytes | Gate]] | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Seen:
    """What the application sees of the request; headers by their names in lower case."""

    method: str
    headers: Mapping[str, str]
    shared: Any


View = Callable[[Seen], Page]


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands in front of the application.

    Attributes:
        middleware: the class of perfkit's hosts, by its name.
        settings: the sections.
        times: how many of it, one in the other.
        inner: what stands between it and the application: on ASGI and WSGI functions of an application, in Django
            the paths of middlewares.
    """

    middleware: str = "PerfkitMiddleware"
    settings: Mapping[str, Any] = ()  # type: ignore[assignment]
    times: int = 1
    inner: tuple[Any, ...] = ()

    def around(self, host: Any, app: Any) -> Any:
        """The application behind it, on one of the two protocols."""
        middleware = getattr(host, self.middleware)
        for inner in self.inner:
            app = inner(app)
        for _ in range(self.times):
            app = middleware(app, dict(self.settings)) if self.is_whole else middleware(app, **self.options)
        return app

    @property
    def is_whole(self) -> bool:
        return self.middleware == "PerfkitMiddleware"

    @property
    def options(self) -> dict[str, Any]:
        """Those of a middleware with one feature: all there is in the settings."""
        return {name: value for section in dict(self.settings).values() for name, value in section.items()}


@dataclass(frozen=True)
class Door:
    """One way in and out.

    Attributes:
        name: as in the ids of tests.
        open: makes a host of a view and what stands in front of it.
    """

    name: str
    open: Callable[[View, Front], Host]

    @property
    def django(self) -> bool:
        """Whether each header exists once."""
        return self.name.startswith("django")

    @property
    def protocol(self) -> str:
        return "asgi" if self.name in ("asgi", "starlette", "django-asgi") else "wsgi"

    def fetch(self, view: Page | View, request: Request, front: Front = Front()) -> Response:
        """The response to one request."""
        key = f"{self.name} {front}"
        if key not in _kept:
            current = Current()
            _kept[key] = current, self.open(current, front)
        current, host = _kept[key]
        current.view = (lambda _: view) if isinstance(view, Page) else view
        return host.fetch(request)


class Current:
    """The view of the moment: to build an application for each request would take ten times as long."""

    view: View

    def __call__(self, seen: Seen) -> Page:
        return self.view(seen)


_kept: Final[dict[str, tuple[Current, Host]]] = {}


# ASGI


def asgi(view: View, front: Front) -> Host:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        page = view(Seen(scope["method"], by_name(scope["headers"]), scope.get("perfkit")))
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in page.headers]
        await send({"type": "http.response.start", "status": page.status, "headers": fields})
        async for chunk in asynchronously(chunks_of(page)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": body_of(page)})

    return AsgiHost(Kind("asgi", "asgi"), front.around(perfkit_asgi, app))


def by_name(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        text = value.decode("latin-1")
        key = name.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def starlette(view: View, front: Front) -> Host:
    async def endpoint(request: Any) -> StarletteResponse:
        scope = request.scope
        return starlette_response(view(Seen(scope["method"], by_name(scope["headers"]), scope.get("perfkit"))))

    app = Starlette(routes=[Route("/{rest:path}", endpoint, methods=METHODS)])
    return AsgiHost(Kind("starlette", "asgi"), front.around(perfkit_asgi, app))


def starlette_response(page: Page) -> StarletteResponse:
    if page.file is not None:
        return StarletteFile(page.file, headers=dict(page.headers))
    response: StarletteResponse
    if page.stream is not None:
        response = StreamingResponse(asynchronously(page.stream()), status_code=page.status)
    else:
        response = StarletteResponse(page.body, page.status)
    own = {name.lower() for name, _ in page.headers}
    kept = [pair for pair in response.raw_headers if pair[0].decode() not in own]
    given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in page.headers]
    response.raw_headers = [*kept, *given]
    return response


# WSGI


def wsgi(view: View, front: Front) -> Host:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        page = view(Seen(environ["REQUEST_METHOD"], of_environ(environ), environ.get("perfkit")))
        start_response(f"{page.status} {HTTPStatus(page.status).phrase}", list(page.headers))
        if page.file is not None and "wsgi.file_wrapper" in environ:
            return environ["wsgi.file_wrapper"](page.file.open("rb"))
        return [body_of(page)] if page.stream is None else synchronously(page.stream())

    return WsgiHost(Kind("wsgi", "wsgi"), front.around(perfkit_wsgi, app))


def of_environ(environ: Mapping[str, Any]) -> dict[str, str]:
    fields = ((key[5:], value) for key, value in environ.items() if key.startswith("HTTP_"))
    return {key.replace("_", "-").lower(): value for key, value in fields}


def flask(view: View, front: Front) -> Host:
    app = Flask(__name__)

    @app.route("/", methods=METHODS)
    @app.route("/<path:rest>", methods=METHODS)
    def endpoint(rest: str = "") -> FlaskResponse:
        environ = flask_request.environ
        return flask_response(view(Seen(flask_request.method, of_environ(environ), environ.get("perfkit"))))

    return WsgiHost(Kind("flask", "wsgi"), front.around(perfkit_wsgi, app))


def flask_response(page: Page) -> FlaskResponse:
    if page.file is not None:
        response = send_file(page.file)
    else:
        response = FlaskResponse(page.body if page.stream is None else synchronously(page.stream()), status=page.status)
        del response.headers["Content-Type"]
    for name, _ in page.headers:
        response.headers.remove(name)
    for name, value in page.headers:
        response.headers.add(name, value)
    return response


# Django


def django_wsgi(view: View, front: Front) -> Host:
    def django_view(request: Any, rest: str = "") -> HttpResponseBase:
        return django_response(view(seen_by_django(request)), asynchronous=False)

    kind = Kind("django-wsgi", "wsgi", django=True)
    return InProject(kind, django_view, front, lambda: WsgiHost(kind, wsgi_application()))


def django_asgi(view: View, front: Front) -> Host:
    async def django_view(request: Any, rest: str = "") -> HttpResponseBase:
        return django_response(view(seen_by_django(request)), asynchronous=True)

    kind = Kind("django-asgi", "asgi", django=True)
    return InProject(kind, django_view, front, lambda: AsgiHost(kind, asgi_application()))


class InProject(Host):
    """A host of Django's, whose settings hold as long as a request is under way."""

    def __init__(self, kind: Kind, view: Any, front: Front, make: Callable[[], Host]) -> None:
        self.kind = kind
        self.settings = {
            "MIDDLEWARE": [*[f"perfkit.django.{front.middleware}"] * front.times, *front.inner],
            "PERFKIT": dict(front.settings),
            "ROOT_URLCONF": (path("", view), path("<path:rest>", view)),
        }
        with override_settings(**self.settings):
            self.host = make()

    def open(self, request: Request) -> Flight:
        project = ExitStack()
        project.enter_context(override_settings(**self.settings))
        flight = self.host.open(request)
        leave = flight.leave

        def leave_both() -> None:
            leave()
            project.close()

        flight.leave = leave_both  # type: ignore[method-assign]
        return flight


def seen_by_django(request: Any) -> Seen:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Seen(request.method, headers, getattr(request, "perfkit", None))


def django_response(page: Page, *, asynchronous: bool) -> HttpResponseBase:
    response: HttpResponseBase
    if page.file is not None:
        response = FileResponse(page.file.open("rb"))
    else:
        if page.stream is not None:
            chunks = page.stream()
            response = StreamingHttpResponse(asynchronously(chunks) if asynchronous else synchronously(chunks))
        else:
            response = HttpResponse(page.body)
        del response.headers["Content-Type"]
    response.status_code = page.status
    given: dict[str, str] = {}
    for name, value in page.headers:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        else:  # Django has each header once
            key = name.lower()
            given[key] = f"{given[key]}, {value}" if key in given else value
            response.headers[name] = given[key]
    return response


# What they share


def body_of(page: Page) -> bytes:
    """The last piece: of a stream none."""
    if page.file is not None:
        return page.file.read_bytes()
    return page.body if page.stream is None else b""


def chunks_of(page: Page) -> Iterable[bytes | Gate]:
    return () if page.stream is None else page.stream()


async def asynchronously(chunks: Iterable[bytes | Gate]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Gate):
            await chunk.passed()
        else:
            yield chunk


def synchronously(chunks: Iterable[bytes | Gate]) -> Iterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Gate):
            assert chunk.is_open, "asked for more than the client has"
        else:
            yield chunk


DOORS: Final = (
    Door("asgi", asgi),
    Door("starlette", starlette),
    Door("wsgi", wsgi),
    Door("flask", flask),
    Door("django-wsgi", django_wsgi),
    Door("django-asgi", django_asgi),
)
