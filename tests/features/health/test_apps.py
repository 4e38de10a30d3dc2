"""`health_app`, mounted and by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from perfkit import ConfigurationError
from perfkit.asgi import health_app as asgi_app
from perfkit.wsgi import health_app as wsgi_app

CHECKS = {"disk": lambda: "full", "mail": {"call": lambda: False, "required": False}}


def get_asgi(app: Any, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=headers) as client:
            return await client.request(method, path)

    return asyncio.run(request())


def get_wsgi(app: Any, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    response = Client(app).open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    return httpx.Response(response.status_code, headers=list(response.headers), content=response.get_data())


def mounted_asgi(app: Any) -> Any:
    return Starlette(routes=[Mount("/status", app)])


def mounted_wsgi(app: Any) -> Any:
    return DispatcherMiddleware(wsgi_app(path="/never"), {"/status": app})


both = pytest.mark.parametrize(
    ("make", "mount", "get"),
    [(asgi_app, mounted_asgi, get_asgi), (wsgi_app, mounted_wsgi, get_wsgi)],
    ids=["asgi", "wsgi"],
)


@both
def test_answers_by_itself(make, mount, get):
    app = make(checks=CHECKS)
    assert [get(app, path).status_code for path in ("/", "/live", "/ready", "/live/")] == [503, 200, 503, 200]


@both
def test_answers_where_it_is_mounted(make, mount, get):
    app = mount(make(checks=CHECKS))
    statuses = [get(app, f"/status{path}").status_code for path in ("/", "/live", "/ready", "/live/", "/other")]
    assert statuses == [503, 200, 503, 200, 404]


@both
def test_may_have_a_path_of_its_own(make, mount, get):
    app = make(path="/health")
    assert [get(app, path).status_code for path in ("/health", "/health/live", "/live", "/")] == [200, 200, 404, 404]


@both
def test_answers_other_methods_and_paths_without_the_checks(make, mount, get):
    app = make(checks=CHECKS)
    assert get(app, "/live", "POST").status_code == 405
    assert get(app, "/nothing").status_code == 404
    response = get(app, "/live", "HEAD")
    assert (response.status_code, response.content) == (200, b"")


@both
def test_takes_the_shared_sections(make, mount, get):
    token = "of-a-length-to-be-safe"
    app = make(checks=CHECKS, internal={"networks": [], "token": token})
    assert get(app, "/").json() == {"status": "fail"}
    assert get(app, "/", Authorization=f"Bearer {token}").json()["checks"].keys() == {"disk", "mail"}


@both
def test_refuses_options_that_cannot_be_used(make, mount, get):
    with pytest.raises(ConfigurationError, match=r"health\.timeout: 0 is not allowed"):
        make(timeout=0)


@both
def test_takes_the_end_of_an_exchange_that_fails(make, mount, get):
    app = make()
    ends: list[BaseException | None] = []

    class Broken(type(app.stack.features[0])):  # type: ignore[misc]
        def on_request(self, exchange: Any) -> Any:
            raise RuntimeError("broken")

        def on_end(self, exchange: Any, error: BaseException | None) -> None:
            ends.append(error)

    app.stack = type(app.stack)([Broken()])
    with pytest.raises(RuntimeError, match="broken"):
        get(app, "/")
    assert [type(error) for error in ends] == [RuntimeError]


def test_of_wsgi_answers_where_it_is_mounted_without_a_slash():
    assert get_wsgi(mounted_wsgi(wsgi_app(checks=CHECKS)), "/status").status_code == 503


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_of_asgi_answers_http_only(kind):
    with pytest.raises(RuntimeError, match=f"health_app answers http only, not {kind}"):
        asyncio.run(asgi_app()({"type": kind}, None, None))  # type: ignore[arg-type]


def test_of_asgi_finds_its_path_below_a_root_path():
    def status(path: str, root: str) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": path,
            "root_path": root,
            "headers": [],
            "client": None,
        }
        asyncio.run(asgi_app()(scope, None, send))  # type: ignore[arg-type]
        return int(sent[0]["status"])

    assert status("/api/live", "/api") == 200
    assert status("/api/live", "/api/") == 200
    assert status("/api", "/api") == 200
    assert status("/live", "/api") == 200  # a server that gives the path without it
    assert status("/apis/live", "/api") == 404
