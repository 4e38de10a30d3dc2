"""Which template of a route a stack around an ASGI application learns, from the frameworks themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path as django_path
from fastapi import APIRouter, FastAPI
from litestar import Litestar, get
from litestar import Router as LitestarRouter
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles

from perfkit import Exchange, Feature
from perfkit.asgi import PerfkitMiddleware
from tests.conformance.django_project import asgi_application


class Routes(Feature):
    websocket = True

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        self.seen.append(exchange.route)


async def page(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def talk(websocket: Any) -> None:
    await websocket.accept()
    await websocket.close()


def route(app: Any, path: str, method: str = "GET", *, kind: str = "http", root_path: str = "") -> str | None:
    """The route a stack around the application learns."""
    routes = Routes()
    host = b"acme.tenants.example" if path.startswith("/of-host") else b"shop.example"
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": root_path,
        "headers": [(b"host", host)],
        "client": ("192.0.2.1", 1),
        "server": ("shop.example", 80),
    }
    arrives = [{"type": "http.request" if kind == "http" else "websocket.connect"}]

    async def receive() -> Any:
        return arrives.pop() if arrives else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        pass

    asyncio.run(asyncio.wait_for(PerfkitMiddleware(app, {}, features=[routes])(scope, receive, send), 20))
    return routes.seen[0]


def starlette() -> Starlette:
    inner = Starlette(routes=[Route("/a/{x}", page)])
    static = StaticFiles(directory=Path(__file__).parent)
    routes = [
        Route("/", page),
        Route("/books/{id:int}", page, methods=["GET"]),
        Mount("/sub", inner),
        Mount("/tenants/{tenant}", inner),
        Mount("/deep", Router([Mount("/er", inner)])),
        Mount("/static", static),
        Host("{tenant}.tenants.example", Router([Route("/of-host/{y}", page)]), name="tenant"),
        WebSocketRoute("/talk/{room}", talk),
    ]
    return Starlette(routes=routes)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/books/3", "/books/{id:int}"),
        ("/sub/a/1", "/sub/a/{x}"),
        ("/deep/er/a/1", "/deep/er/a/{x}"),
        ("/sub/nothing", "/sub"),
        ("/tenants/acme/a/1", "/tenants/{tenant}/a/{x}"),
        ("/tenants/other/nothing", "/tenants/{tenant}"),
        ("/static/doors.py", "/static"),
        ("/static/none.css", "/static"),
        ("/of-host/7", "/of-host/{y}"),
    ],
)
def test_starlette(path: str, template: str | None) -> None:
    assert route(starlette(), path) == template


def test_a_path_that_no_route_has() -> None:
    assert route(Starlette(routes=[Route("/books", page)]), "/nothing") is None


def test_a_method_the_route_does_not_take_is_still_of_the_route() -> None:
    assert route(starlette(), "/books/3", "POST") == "/books/{id:int}"


def test_a_websocket() -> None:
    assert route(starlette(), "/talk/7", kind="websocket") == "/talk/{room}"


def test_what_the_server_strips_is_not_part_of_it() -> None:
    assert route(starlette(), "/outer/sub/a/1", root_path="/outer") == "/sub/a/{x}"


def test_a_middleware_between_does_not_hide_it() -> None:
    app = starlette()

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    assert route(app, "/books/3") == "/books/{id:int}"


def fastapi() -> FastAPI:
    leaf = APIRouter(prefix="/leaf")

    @leaf.get("/x/{y}")
    async def x(y: str) -> str:
        return y

    branch = APIRouter(prefix="/v1")
    branch.include_router(leaf)
    app = FastAPI()
    app.include_router(branch)

    @app.get("/plain/{z}")
    def plain(z: str) -> str:
        return z

    inner = FastAPI()
    inner.include_router(branch)
    app.mount("/inner", inner)
    app.mount("/sub", starlette())
    app.mount("/static", StaticFiles(directory=Path(__file__).parent))
    return app


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/plain/2", "/plain/{z}"),
        ("/v1/leaf/x/1", "/v1/leaf/x/{y}"),
        ("/inner/v1/leaf/x/1", "/inner/v1/leaf/x/{y}"),
        ("/sub/sub/a/1", "/sub/sub/a/{x}"),
        ("/static/doors.py", "/static"),
        ("/docs", "/docs"),
        ("/nothing", None),
        ("/inner/nothing", "/inner"),
    ],
)
def test_fastapi(path: str, template: str | None) -> None:
    assert route(fastapi(), path) == template


@pytest.mark.parametrize(("path", "template"), [("/v1/x/3", "/v1/x/{y}"), ("/v1/nothing", None)])
def test_litestar(path: str, template: str | None) -> None:
    @get("/x/{y:int}")
    async def x() -> str:
        return "ok"

    assert route(Litestar([LitestarRouter("/v1", route_handlers=[x])], logging_config=None), path) == template


def books(request: Any, number: int) -> HttpResponse:
    return HttpResponse("ok")


class Urls:
    urlpatterns = (django_path("books/<int:number>/", books),)


@pytest.mark.parametrize(("path", "template"), [("/books/3/", "/books/<int:number>/"), ("/nothing/", None)])
def test_django_inside_tells_by_a_middleware(path: str, template: str | None) -> None:
    with override_settings(MIDDLEWARE=["perfkit.django.RouteMiddleware"], ROOT_URLCONF=Urls):
        assert route(asgi_application(), path) == template
