"""Which template of a route a stack around a WSGI application learns, from the frameworks themselves."""

from __future__ import annotations

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import override_settings
from flask import Blueprint, Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from perfkit import Exchange, Feature
from perfkit.wsgi import PerfkitMiddleware
from tests.conformance.django_project import wsgi_application
from tests.test_asgi_route import Urls


class Routes(Feature):
    meters = True

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        self.seen.append(exchange.route)


def route(app: Any, path: str, method: str = "GET", script_name: str = "") -> str | None:
    """The route a stack around the application learns."""
    routes = Routes()
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "SCRIPT_NAME": script_name}
    setup_testing_defaults(environ)
    body = PerfkitMiddleware(app, {}, features=[routes])(environ, lambda *_: lambda data: None)
    list(body)
    body.close()  # type: ignore[attr-defined]
    return routes.seen[0]


def flask() -> Flask:
    app = Flask(__name__)
    shop = Blueprint("shop", __name__, url_prefix="/shop")

    @app.get("/books/<int:number>")
    def books(number: int) -> str:
        return "ok"

    @shop.get("/<name>")
    def item(name: str) -> str:
        return "ok"

    @app.get("/stream/<name>")
    def stream(name: str) -> Any:
        return (piece for piece in ("a", "b"))

    @app.get("/boom/<name>")
    def boom(name: str) -> str:
        raise LookupError

    app.register_blueprint(shop)
    return app


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/books/3", "/books/<int:number>"),
        ("/shop/x", "/shop/<name>"),
        ("/stream/x", "/stream/<name>"),
        ("/boom/x", "/boom/<name>"),
        ("/nothing", None),
    ],
)
def test_flask(path: str, template: str | None) -> None:
    assert route(flask(), path) == template


def test_what_a_dispatcher_mounts_stands_before_it() -> None:
    def nothing(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [b""]

    app = DispatcherMiddleware(nothing, {"/api": flask()})
    assert route(app, "/api/books/3") == "/api/books/<int:number>"
    assert route(app, "/api/books/3", script_name="/outer") == "/api/books/<int:number>"
    assert route(app, "/other") is None


def test_bottles_route_is_read() -> None:
    class BottleRoute:
        rule = "/books/<number:int>"

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["bottle.route"] = BottleRoute()
        start_response("200 OK", [])
        return [b""]

    assert route(app, "/books/3") == "/books/<number:int>"


@pytest.mark.parametrize(("path", "template"), [("/books/3/", "/books/<int:number>/"), ("/nothing/", None)])
def test_django_inside_tells_by_a_middleware(path: str, template: str | None) -> None:
    with override_settings(MIDDLEWARE=["perfkit.django.RouteMiddleware"], ROOT_URLCONF=Urls):
        assert route(wsgi_application(), path) == template
