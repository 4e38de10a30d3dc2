"""The doors a response leaves by: plain ASGI and WSGI, Starlette, Flask, and Django under WSGI and ASGI.

A view says once what the application answers; each door makes an application of its kind out of it, behind perfkit's
security headers and in front of a server that checks the protocol.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from flask import Flask, send_file
from flask import Response as FlaskResponse
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse as StarletteFile
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route

from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.conformance.client import Host, Pairs, Request, Response
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost

if TYPE_CHECKING:
    from pathlib import Path

    from django.http.response import HttpResponseBase

HTML: Final[Pairs] = (("Content-Type", "text/html; charset=utf-8"),)
JSON: Final[Pairs] = (("Content-Type", "application/json"),)
# mypy cannot match the keywords of our class with those of Starlette's add_middleware.
ASGI_SECURITY: Any = perfkit_asgi.SecurityHeadersMiddleware
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]

Shared = MutableMapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the application answers: a whole body, a stream or a file."""

    status: int = 200
    headers: Pairs = HTML
    body: bytes = b"<h1>Hello</h1>"
    stream: Callable[[], Iterable[bytes]] | None = None
    file: Path | None = None


def of_status(status: int, *headers: tuple[str, str]) -> Page:
    """A page of that status; a 304 has no content (RFC 9110 section 15.4.5), and PEP 3333 no Content-Type for it."""
    return Page(status=status, headers=headers) if status == 304 else Page(status=status, headers=[*HTML, *headers])


# What the application does, given what perfkit shares with it.
View = Callable[[Shared], Page]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How a request reaches the host: what the server in front of it would say."""

    scheme: str = "https"
    peer: str = "192.0.2.1"
    host: str | None = "shop.example"
    raw_path: bytes | None = None
    sections: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Door:
    """One way in and out.

    Args:
        name: as in the ids of tests.
        open: makes a host of a view, its options of security headers, and what else is in the settings.
    """

    name: str
    open: Callable[[View, Mapping[str, Any], Arrival], AbstractContextManager[Host]]

    @property
    def django(self) -> bool:
        """Whether each header exists once, and cookies are parsed."""
        return self.name.startswith("django")

    @property
    def asynchronous(self) -> bool:
        return self.name in ("asgi", "starlette", "django-asgi")

    def get(
        self,
        view: Page | View = Page(),
        target: str = "/",
        *,
        method: str = "GET",
        request_headers: Pairs = (),
        arrival: Arrival = Arrival(),
        **options: Any,
    ) -> Response:
        """The response to one request, over https unless `arrival` says otherwise; `options` are the feature's."""
        application = (lambda _: view) if isinstance(view, Page) else view
        with self.open(application, options, arrival) as host:
            return host.fetch(Request(method, target, request_headers))


# ASGI


def over_asgi(app: Any, name: str, arrival: Arrival) -> Host:
    async def server(scope: Any, receive: Any, send: Any) -> None:
        fields = [field for field in scope["headers"] if field[0] != b"host"]
        if arrival.host is not None:
            fields.insert(0, (b"host", arrival.host.encode("latin-1")))
        raw_path = arrival.raw_path or scope["raw_path"]
        changes = {"scheme": arrival.scheme, "client": (arrival.peer, 5000), "headers": fields, "raw_path": raw_path}
        await app({**scope, **changes}, receive, send)

    return AsgiHost(Kind(name, "asgi"), server)


@contextmanager
def asgi(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        page = view(scope["perfkit"])
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in page.headers]
        await send({"type": "http.response.start", "status": page.status, "headers": fields})
        for chunk in chunks_of(page, scope["method"]):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    yield over_asgi(perfkit_asgi.SecurityHeadersMiddleware(app, **options, **arrival.sections), "asgi", arrival)


@contextmanager
def starlette(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    async def endpoint(request: Any) -> StarletteResponse:
        return starlette_response(view(request.scope["perfkit"]))

    app = Starlette(
        routes=[Route("/{rest:path}", endpoint, methods=METHODS)],
        middleware=[Middleware(ASGI_SECURITY, **options, **arrival.sections)],
    )
    app.middleware_stack = app.build_middleware_stack()  # what it does when the server starts it
    yield over_asgi(app, "starlette", arrival)


def starlette_response(page: Page) -> StarletteResponse:
    response: StarletteResponse
    if page.file is not None:
        response = StarletteFile(page.file)
    elif page.stream is not None:
        response = StreamingResponse(asynchronously(page.stream()), status_code=page.status)
    else:
        response = StarletteResponse(page.body, page.status)
    own = {name.lower() for name, _ in page.headers}
    kept = [pair for pair in response.raw_headers if pair[0].decode() not in own]
    given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in page.headers]
    response.raw_headers = [*kept, *given]
    return response


# WSGI


def over_wsgi(app: Any, name: str, arrival: Arrival) -> Host:
    def server(environ: Any, start_response: Any) -> Any:
        changes = {"wsgi.url_scheme": arrival.scheme, "REMOTE_ADDR": arrival.peer, "HTTP_HOST": arrival.host or ""}
        return app({**environ, **changes}, start_response)

    return WsgiHost(Kind(name, "wsgi"), server)


@contextmanager
def wsgi(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        page = view(environ["perfkit"])
        start_response(f"{page.status} {HTTPStatus(page.status).phrase}", list(page.headers))
        return chunks_of(page, environ["REQUEST_METHOD"])

    yield over_wsgi(perfkit_wsgi.SecurityHeadersMiddleware(app, **options, **arrival.sections), "wsgi", arrival)


@contextmanager
def flask(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    app = Flask(__name__)

    @app.route("/", methods=METHODS)
    @app.route("/<path:rest>", methods=METHODS)
    def endpoint(rest: str = "") -> FlaskResponse:
        return flask_response(view(flask_request.environ["perfkit"]))

    wrapped = perfkit_wsgi.SecurityHeadersMiddleware(app.wsgi_app, **options, **arrival.sections)
    app.wsgi_app = wrapped  # type: ignore[method-assign]
    yield over_wsgi(app, "flask", arrival)


def flask_response(page: Page) -> FlaskResponse:
    if page.file is not None:
        response = send_file(page.file)
    else:
        response = FlaskResponse(page.body if page.stream is None else page.stream(), status=page.status)
    for name in {"Content-Type", *(name for name, _ in page.headers)}:
        response.headers.remove(name)
    for name, value in page.headers:
        response.headers.add(name, value)
    return response


# Django


@contextmanager
def django_wsgi(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    def django_view(request: Any, rest: str = "") -> HttpResponseBase:
        return django_response(view(request.perfkit), asynchronous=False)

    with django_project(django_view, options, arrival):
        yield over_wsgi(wsgi_application(), "django-wsgi", arrival)


@contextmanager
def django_asgi(view: View, options: Mapping[str, Any], arrival: Arrival) -> Iterator[Host]:
    async def django_view(request: Any, rest: str = "") -> HttpResponseBase:
        return django_response(view(request.perfkit), asynchronous=True)

    with django_project(django_view, options, arrival):
        yield over_asgi(asgi_application(), "django-asgi", arrival)


@contextmanager
def django_project(view: Any, options: Mapping[str, Any], arrival: Arrival) -> Iterator[None]:
    with override_settings(
        MIDDLEWARE=["perfkit.django.SecurityHeadersMiddleware"],
        PERFKIT={"security_headers": options, **arrival.sections},
        ROOT_URLCONF=(path("", view), path("<path:rest>", view)),
    ):
        yield


def django_response(page: Page, *, asynchronous: bool) -> HttpResponseBase:
    response: HttpResponseBase
    if page.file is not None:
        response = FileResponse(page.file.open("rb"))
    elif page.stream is not None:
        chunks = page.stream()
        response = StreamingHttpResponse(asynchronously(chunks) if asynchronous else chunks)
    else:
        response = HttpResponse(page.body)
    response.status_code = page.status
    del response.headers["Content-Type"]
    for name, value in page.headers:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        elif name in response.headers:
            response.headers[name] += f", {value}"  # Django has each header once
        else:
            response.headers[name] = value
    return response


def django_host(protocol: str, view: Any, *inner: str, **options: Any) -> Host:
    """A project that stays for one request."""
    return InProject(protocol, view, inner, options)


class InProject(Host):
    def __init__(self, protocol: str, view: Any, inner: tuple[str, ...], options: Any) -> None:
        self.protocol, self.view, self.inner, self.options = protocol, view, inner, options

    def open(self, request: Request) -> Any:
        raise NotImplementedError

    def fetch(self, request: Request) -> Response:
        middleware = ["perfkit.django.SecurityHeadersMiddleware", *self.inner]
        with django_project(self.view, self.options, Arrival()), override_settings(MIDDLEWARE=middleware):
            if self.protocol == "wsgi":
                return over_wsgi(wsgi_application(), "django-wsgi", Arrival()).fetch(request)
            return over_asgi(asgi_application(), "django-asgi", Arrival()).fetch(request)


# What they share


def chunks_of(page: Page, method: str) -> Iterable[bytes]:
    if method == "HEAD" or page.status == 304:  # a server would drop it
        return []
    if page.file is not None:
        return [page.file.read_bytes()]
    return [page.body] if page.stream is None else page.stream()


async def asynchronously(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


DOORS: Final = (
    Door("asgi", asgi),
    Door("starlette", starlette),
    Door("wsgi", wsgi),
    Door("flask", flask),
    Door("django-wsgi", django_wsgi),
    Door("django-asgi", django_asgi),
)
