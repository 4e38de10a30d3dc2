"""Applications with routes, one of each framework, and what the templates of their routes are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from django.http import HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_http_methods
from fastapi import APIRouter, FastAPI
from flask import Blueprint, Flask
from litestar import Litestar, get
from litestar import Router as LitestarRouter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.doors import InProject
from tests.features.metrics.table.site import Served, of_asgi, of_django, of_wsgi

Settings = Mapping[str, Any]


class Framework(NamedTuple):
    """A framework, and an application of it.

    Attributes:
        name: as in the ids of tests.
        open: makes the application, with these sections of the settings.
        templates: of its routes, by a path that each one takes: one of the application, one of a router in a router,
            one of an application that is mounted.
        missing: a path below the mount that no route takes, and what is told of it.
        tells_405: whether it tells which route it was that does not take a method.
    """

    name: str
    open: Callable[..., Served]
    templates: Mapping[str, str]
    missing: tuple[str, str]
    tells_405: bool

    @property
    def django(self) -> bool:
        return self.name.startswith("django")

    def serve(self, **options: Any) -> Served:
        """The application, counted in a registry of its own; the options are those of ``metrics``."""
        return self.open(metrics=options)


# Starlette


async def starlette_page(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


def starlette(**sections: Any) -> Served:
    inner = Starlette(routes=[Route("/a/{x}", starlette_page)])
    routes = [
        Route("/books/{id}", starlette_page),
        Mount("/v1", routes=[Mount("/leaf", routes=[Route("/x/{y}", starlette_page)])]),
        Mount("/sub", inner),
    ]
    return of_asgi(Starlette(routes=routes), **sections)


# FastAPI


def fastapi(**sections: Any) -> Served:
    app, inner, branch, leaf = FastAPI(), FastAPI(), APIRouter(prefix="/v1"), APIRouter(prefix="/leaf")

    @app.get("/books/{id}")
    async def book(id: str) -> str:  # noqa: A002
        return "ok"

    @leaf.get("/x/{y}")
    async def leaf_page(y: str) -> str:
        return "ok"

    @inner.get("/a/{x}")
    def mounted_page(x: str) -> str:
        return "ok"

    branch.include_router(leaf)
    app.include_router(branch)
    app.mount("/sub", inner)
    return of_asgi(app, **sections)


# Litestar


def litestar(**sections: Any) -> Served:
    @get("/books/{id:int}")
    async def book() -> str:
        return "ok"

    @get("/x/{y:int}")
    async def leaf() -> str:
        return "ok"

    @get("/a/{x:int}")
    async def mounted() -> str:
        return "ok"

    nested = LitestarRouter("/v1", route_handlers=[LitestarRouter("/leaf", route_handlers=[leaf])])
    return of_asgi(Litestar([book, nested, LitestarRouter("/sub", route_handlers=[mounted])]), **sections)


# Flask


def flask(**sections: Any) -> Served:
    app, inner = Flask(__name__), Flask(__name__)
    branch, leaf = Blueprint("branch", __name__, url_prefix="/v1"), Blueprint("leaf", __name__, url_prefix="/leaf")
    app.get("/books/<id>")(flask_page)
    leaf.get("/x/<y>")(flask_page)
    inner.get("/a/<x>")(flask_page)
    branch.register_blueprint(leaf)
    app.register_blueprint(branch)
    both = DispatcherMiddleware(app, {"/sub": inner})
    return of_wsgi(both, **sections)


def flask_page(**_: str) -> str:
    return "ok"


# Django


@require_http_methods(["GET", "HEAD"])
def django_page(request: Any, **_: Any) -> HttpResponse:
    return HttpResponse("ok")


@require_http_methods(["GET", "HEAD"])
async def django_async_page(request: Any, **_: Any) -> HttpResponse:
    return HttpResponse("ok")


def urls(page: Any) -> tuple[Any, ...]:
    return (
        path("books/<int:id>/", page),
        path("v1/", include([path("leaf/", include([path("x/<y>/", page)]))])),
        path("sub/", include([path("a/<x>/", page)])),
    )


# Made once, since Django keeps a resolver of each for ever.
DJANGO_URLS: Final = {"wsgi": urls(django_page), "asgi": urls(django_async_page)}


def django_wsgi(**sections: Any) -> Served:
    return django("wsgi", sections)


def django_asgi(**sections: Any) -> Served:
    return django("asgi", sections)


def django(protocol: str, sections: Settings) -> Served:
    served = of_django(protocol, django_page, **sections)
    assert isinstance(served.host, InProject)
    served.host.settings["ROOT_URLCONF"] = DJANGO_URLS[protocol]
    return served


BRACES: Final = {"/books/7": "/books/{id}", "/v1/leaf/x/7": "/v1/leaf/x/{y}", "/sub/a/7": "/sub/a/{x}"}
ANGLES: Final = {"/books/7": "/books/<id>", "/v1/leaf/x/7": "/v1/leaf/x/<y>", "/sub/a/7": "/sub/a/<x>"}
DJANGO: Final = {
    "/books/7/": "/books/<int:id>/",
    "/v1/leaf/x/7/": "/v1/leaf/x/<y>/",
    "/sub/a/7/": "/sub/a/<x>/",
}

FRAMEWORKS: Final = (
    Framework("starlette", starlette, BRACES, ("/sub/nothing/42", "/sub"), tells_405=True),
    Framework("fastapi", fastapi, BRACES, ("/sub/nothing/42", "/sub"), tells_405=True),
    Framework("litestar", litestar, BRACES, ("/sub/nothing/42", ""), tells_405=False),
    Framework("flask", flask, ANGLES, ("/sub/nothing/42", ""), tells_405=False),
    Framework("django-wsgi", django_wsgi, DJANGO, ("/sub/nothing/42", ""), tells_405=True),
    Framework("django-asgi", django_asgi, DJANGO, ("/sub/nothing/42", ""), tells_405=True),
)
