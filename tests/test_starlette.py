"""`perfkit.starlette`: the decorators of views, in Starlette and FastAPI, and the nonce in templates."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import jinja2
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.routing import Mount, Route
from starlette.templating import Jinja2Templates

from perfkit import ConfigurationError, Timing
from perfkit.asgi import PerfkitMiddleware
from perfkit.csp import extend
from perfkit.starlette import csp, csp_nonce
from tests import starlette_views

CSP = "Content-Security-Policy"
MINE = {"default-src": ["'self'"], "img-src": ["'self'"]}
BASE = "default-src 'self'; img-src 'self'; frame-ancestors 'none'"
WITH_A = "default-src 'self'; img-src 'self' https://a.example; frame-ancestors 'none'"
A = csp.extend({"img-src": ["https://a.example"]})
SETTINGS = {"security_headers": {"csp": {"html": MINE}}}


def get(app: Any, path: str = "/", settings: Any = SETTINGS, **options: Any) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(PerfkitMiddleware(app, settings, **options))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await client.get(path)

    return asyncio.run(request())


def starlette(endpoint: Any, **options: Any) -> Starlette:
    return Starlette(routes=[Route("/", endpoint)], **options)


def fastapi(endpoint: Any, path: str = "/", **options: Any) -> FastAPI:
    app = FastAPI()
    app.get(path, **({"response_class": HTMLResponse} | options))(endpoint)
    return app


def plain(request):
    return HTMLResponse("")


async def asynchronous(request):
    return HTMLResponse("")


# What a decorator does


@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_view_sends_what_its_decorator_says(view):
    assert get(starlette(view)).headers[CSP] == BASE
    assert get(starlette(A(view))).headers[CSP] == WITH_A


def test_there_is_one_for_each_function_of_perfkit_csp():
    assert CSP not in get(starlette(csp.off()(plain))).headers
    replaced = get(starlette(csp.replace({"default-src": ["'none'"]}, report_only=MINE)(plain)))
    assert replaced.headers[CSP] == "default-src 'none'; frame-ancestors 'none'"
    assert replaced.headers[f"{CSP}-Report-Only"] == "default-src 'self'; img-src 'self'"
    framed = get(starlette(csp.override(frame="sameorigin")(plain)))
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_other_views_are_left_alone():
    app = Starlette(routes=[Route("/", A(plain)), Route("/other", plain)])
    assert [get(app, path).headers[CSP] for path in ("/", "/other", "/")] == [WITH_A, BASE, WITH_A]


def test_a_mistake_is_named_when_the_view_is_decorated():
    with pytest.raises(ConfigurationError, match=r"img-src\[0\]"):
        csp.extend({"img-src": ["self"]})
    with pytest.raises(ConfigurationError, match="frame"):
        csp.override(frame="everywhere")


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="Page is a class: decorate its methods"):

        @csp.off()
        class Page(HTTPEndpoint):
            pass


def test_the_decorator_nearest_to_the_view_counts_last():
    @csp.replace({"default-src": ["'self'"], "img-src": ["'self'"]})
    @A
    async def extended(request):
        return HTMLResponse("")

    @A
    @csp.off()
    async def off(request):
        return HTMLResponse("")

    assert get(starlette(extended), settings=None).headers[CSP] == WITH_A
    assert CSP not in get(starlette(off)).headers


def test_what_the_view_applies_counts_after_its_decorators():
    @csp.replace({"img-src": ["'none'"]})
    def view(request):
        extend({"img-src": ["https://b.example"]}).apply(request.scope["perfkit"])
        return HTMLResponse("")

    assert get(starlette(view)).headers[CSP] == "img-src https://b.example; frame-ancestors 'none'"


@pytest.mark.parametrize("make", [starlette, fastapi])
def test_the_answer_of_an_exception_handler_has_it_too(make):
    @A
    async def view(request: Request):
        raise HTTPException(404)

    app = make(view)
    app.add_exception_handler(404, asynchronous_handler)
    response = get(app)
    assert (response.status_code, response.headers[CSP]) == (404, WITH_A)


async def asynchronous_handler(request, error):
    return HTMLResponse("gone", 404)


# What it leaves alone


@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_decorated_view_is_of_the_same_kind(view):
    decorated = A(view)
    assert decorated.__name__ == view.__name__
    assert inspect.iscoroutinefunction(decorated) == inspect.iscoroutinefunction(view)


@pytest.mark.parametrize("decorate", [lambda view: view, A])
def test_nothing_happens_where_there_are_no_security_headers(decorate):
    app = starlette(decorate(plain))
    bare = asyncio.run(httpx.AsyncClient(transport=httpx.ASGITransport(app)).get("http://shop.example/"))
    assert bare.status_code == get(app, features=[Timing()], settings=None).status_code == 200
    assert CSP not in bare.headers


def test_a_view_is_called_in_a_unit_test_as_without_a_decorator():
    @A
    def price(book: int, *, tax: float = 0.0) -> float:
        return book * (1 + tax)

    assert price(10, tax=0.5) == 15
    assert A(plain)(Request({"type": "http"})).status_code == 200


# Starlette


def test_the_methods_of_an_endpoint():
    class Page(HTTPEndpoint):
        @A
        async def get(self, request):
            return HTMLResponse("")

    class SyncPage(HTTPEndpoint):
        @A
        def get(self, request):
            return HTMLResponse("")

    assert get(starlette(Page)).headers[CSP] == WITH_A
    assert get(starlette(SyncPage)).headers[CSP] == WITH_A


def test_a_view_of_a_mounted_application():
    assert get(Starlette(routes=[Mount("/shop", starlette(A(plain)))]), "/shop/").headers[CSP] == WITH_A


# FastAPI


def test_a_view_that_takes_no_request():
    @A
    async def view():
        return "page"

    @A
    def sync_view(book: int, q: str = ""):
        return f"{book}{q}"

    assert get(fastapi(view)).headers[CSP] == WITH_A
    response = get(fastapi(sync_view, "/books/{book}"), "/books/3?q=x")
    assert (response.text, response.headers[CSP]) == ("3x", WITH_A)


def test_a_view_keeps_the_request_it_takes():
    @A
    async def by_request(book: int, request: Request):
        return f"{book} {request.url.path}"

    @A
    async def by_connection(book: int, connection: HTTPConnection):
        return f"{book} {connection.url.path}"

    @A
    async def annotated(book: int, connection: Annotated[HTTPConnection, "of the client"], request: Request):
        return f"{book} {connection.url.path}" if connection is request else ""

    for view in (by_request, by_connection, annotated):
        response = get(fastapi(view, "/books/{book}"), "/books/3")
        assert (response.text, response.headers[CSP]) == ("3 /books/3", WITH_A)


def test_several_decorators_around_a_view_that_takes_no_request():
    @csp.override(frame="sameorigin")
    @csp.extend({"font-src": ["https://f.example"]})
    @A
    async def view(q: str = ""):
        return q

    headers = get(fastapi(view)).headers
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    with_font = WITH_A.replace("img-src", "font-src 'self' https://f.example; img-src")
    assert headers[CSP] == with_font.replace("'none'", "'self'")


@pytest.mark.parametrize("name", ["by_nothing", "by_request", "by_connection", "defined_below", "connection_and_more"])
def test_annotations_that_are_strings(name):
    response = get(fastapi(getattr(starlette_views, name), "/books/{book}"), "/books/3")
    assert (response.status_code, response.text, response.headers[CSP]) == (200, "3 /books/3", WITH_A)


def test_annotations_that_only_type_checkers_can_read():
    assert get(starlette(starlette_views.for_type_checkers)).headers[CSP] == WITH_A
    app = fastapi(starlette_views.for_type_checkers, response_model=None)
    assert get(app).headers[CSP] == WITH_A


def test_dependencies_are_kept():
    class Pages:
        def __init__(self, page: int = 1) -> None:
            self.page = page

    def user() -> Iterator[str]:
        yield "reader"

    @A
    def view(pages: Annotated[Pages, Depends()], who: Annotated[str, Depends(user)]):
        return f"{who} {pages.page}"

    response = get(fastapi(view), "/?page=7")
    assert (response.text, response.headers[CSP]) == ("reader 7", WITH_A)


def test_a_dependency_can_be_decorated():
    @A
    def allow_images(q: str = "") -> None: ...

    async def view():
        return ""

    assert get(fastapi(view, dependencies=[Depends(allow_images)])).headers[CSP] == WITH_A


def test_a_view_with_any_further_parameters():
    @A
    async def view(**rest):
        return f"{sorted(rest)}"

    assert list(inspect.signature(view).parameters)[-1] == "rest"
    assert get(fastapi(view), "/?rest=1").text == "['rest']"


class Html(StreamingResponse):
    media_type = "text/html"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_view_that_yields_its_response(kind):
    @A
    def chunks() -> Iterator[str]:
        yield "one "
        yield "two"

    @A
    async def async_chunks() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    response = get(fastapi(chunks if kind == "sync" else async_chunks, response_class=Html))
    assert (response.text, response.headers[CSP]) == ("one two", WITH_A)


def test_the_schema_does_not_change():
    def schema(decorate: Any) -> Any:
        app = FastAPI()

        @app.get("/books/{book}")
        @decorate
        async def view(book: int, q: str = "") -> dict[str, int]:
            """A book."""
            return {}

        @app.post("/books")
        @decorate
        def add(title: list[str], request: Request) -> None: ...

        return app.openapi()

    assert schema(A) == schema(lambda view: csp.off()(A(view))) == schema(lambda view: view)


# The nonce


def templates(source: str, autoescape: bool = True) -> Any:
    environment = jinja2.Environment(autoescape=autoescape, loader=jinja2.DictLoader({"page": source}))
    pages = Jinja2Templates(env=environment, context_processors=[csp_nonce])
    return lambda request: pages.TemplateResponse(request, "page")


NONCED = {"security_headers": {"csp": {"html": "nonce"}}}


@pytest.mark.parametrize("autoescape", [True, False])
def test_a_template_prints_the_nonce_of_its_policy(autoescape):
    view = templates("{% if csp_nonce %}{{ csp_nonce }} {{ csp_nonce }}{% endif %}", autoescape=autoescape)
    response = get(starlette(view), settings=NONCED)
    first, second = response.text.split()
    assert first == second
    assert len(first) == 32
    assert f"script-src 'nonce-{first}'" in response.headers[CSP]


def test_a_template_that_does_not_print_it_makes_none():
    response = get(starlette(templates("{% if csp_nonce %}page{% endif %}")), settings=NONCED)
    assert response.text == "page"
    assert "nonce" not in response.headers[CSP]
    assert "Cache-Control" not in response.headers


def test_it_is_empty_where_there_are_no_security_headers():
    app = starlette(templates("[{{ csp_nonce }}]"))
    assert get(app, settings=None, features=[Timing()]).text == "[]"
    bare = asyncio.run(httpx.AsyncClient(transport=httpx.ASGITransport(app)).get("http://shop.example/"))
    assert bare.text == "[]"


class Sharing(Timing):
    shares = True


def test_it_is_empty_where_other_features_share():
    app = starlette(templates("[{{ csp_nonce }}]"))
    assert get(app, settings=None, features=[Sharing()]).text == "[]"
