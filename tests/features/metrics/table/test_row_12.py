"""Row 12 of the table: the template of the route, whatever the application is built of."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar, asgi
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.conformance import direct_asgi
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import DURATION, REQUESTS, SENT, Served, of_asgi, of_wsgi


def counted(served: Served) -> dict[str, float]:
    """Requests by their route."""
    return {labels[-1]: value for labels, value in served.scrape()[REQUESTS].items()}


async def page(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


INNER = Starlette(routes=[Route("/a/{x}", page), Route("/i/{id}", page)])


# Row 12: through mounts


def test_12_requests_are_counted_by_their_template(framework: Framework) -> None:
    served = framework.serve()
    for path, template in framework.templates.items():
        for number in (7, 8, 9):
            assert served.get(path.replace("7", str(number))).status == 200
        assert template.startswith("/")
    scrape = served.scrape()
    assert scrape[REQUESTS] == {("", "GET", "200", template): 3 for template in framework.templates.values()}
    assert scrape[f"{DURATION}_count"] == {("GET", "2xx", template): 3 for template in framework.templates.values()}
    assert scrape[f"{SENT}_count"] == {("GET", template): 3 for template in framework.templates.values()}


def test_12_what_is_not_found_below_a_mount_is_of_the_mount_at_most(framework: Framework) -> None:
    served = framework.serve()
    path, template = framework.missing
    assert served.get(path).status == 404
    assert counted(served) == {template: 1}


@pytest.mark.parametrize(
    ("mount", "paths", "template"),
    [
        ("/t/{tenant}", ["/t/acme/a/1", "/t/other/a/2", "/t/t/a/1", "/t/two%20words/a/a"], "/t/{tenant}/a/{x}"),
        ("/n/{id:int}", ["/n/7/a/1", "/n/007/a/2", "/n/00000000000007/a/3"], "/n/{id:int}/a/{x}"),
        ("/f/{f:float}", ["/f/1.5/a/1", "/f/1.50/a/2", "/f/01.500/a/3"], "/f/{f:float}/a/{x}"),
        (
            "/u/{u:uuid}",
            ["/u/6f9619ff-8b86-d011-b42d-00c04fc964ff/a/1", "/u/6F9619FF-8B86-D011-B42D-00C04FC964FF/a/2"],
            "/u/{u:uuid}/a/{x}",
        ),
        ("/s/{id}", ["/s/7/i/8", "/s/8/i/8", "/s/9/i/10"], "/s/{id}/i/{id}"),
        ("/d/{a}/{b}", ["/d/1/1/a/2", "/d/1/2/a/1"], "/d/{a}/{b}/a/{x}"),
        ("/files-{name}", ["/files-one/a/1", "/files-two/a/1"], "/files-{name}/a/{x}"),
        ("/p/{p:path}", ["/p/q/a/1", "/p/q/r/s/a/2"], "/p/{p:path}"),
        ("/plain", ["/plain/a/1", "/plain/a/plain"], "/plain/a/{x}"),
    ],
)
@pytest.mark.parametrize("kind", ["starlette", "fastapi", "wrapped"])
def test_12_parameters_of_mounts_are_never_told_as_they_were_sent(
    kind: str, mount: str, paths: list[str], template: str
) -> None:
    if kind == "fastapi":
        fast = FastAPI()
        fast.mount(mount, INNER)
        served = of_asgi(fast)
    else:
        inner: Any = CORSMiddleware(INNER, ["*"]) if kind == "wrapped" else INNER
        served = of_asgi(Starlette(routes=[Route("/", page), Mount(mount, inner)]))
    for path in paths:
        served.get(path)
    assert counted(served) == {template: len(paths)}


def test_12_mounts_of_a_host() -> None:
    served = of_asgi(Starlette(routes=[Host("{tenant}server", Router([Mount("/at/{place}", INNER)]))]))
    for place in ("test", "server", "at"):
        assert served.get(f"/at/{place}/a/1").status == 200  # of the host testserver
    assert counted(served) == {"/at/{place}/a/{x}": 3}


def test_12_mounts_in_mounts_and_behind_middlewares() -> None:
    deep = Starlette(routes=[Mount("/{b:int}", INNER)])
    app = Starlette(routes=[Mount("/x", routes=[Mount("/y/{a}", CORSMiddleware(deep, ["*"]))]), Mount("", INNER)])

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    served = of_asgi(app)
    for path in ("/x/y/1/01/a/2", "/x/y/2/02/a/3", "/x/y/3/nothing", "/a/1", "/x/nothing"):
        served.get(path)
    assert counted(served) == {"/x/y/{a}/{b:int}/a/{x}": 2, "/x/y/{a}": 1, "/a/{x}": 1, "/x": 1}


def test_12_a_mount_that_its_routes_do_not_tell_adds_nothing_of_the_path() -> None:
    class Opaque:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await Router([Mount("/{id:int}", INNER)])(scope, receive, send)

    served = of_asgi(Starlette(routes=[Mount("/o", Opaque())]))
    for path in ("/o/1/a/1", "/o/01/a/1", "/o/001/a/1"):
        assert served.get(path).status == 200
    assert counted(served) == {"/a/{x}": 3}


def test_12_applications_that_litestar_mounts() -> None:
    @asgi("/m", is_mount=True, copy_scope=False)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("ok")(scope, receive, send)

    served = of_asgi(Litestar([mounted]))
    for path in ("/m/1", "/m/2", "/m/3/4"):
        assert served.get(path).status == 200
    assert list(counted(served).values()) == [3]


def flask() -> Flask:
    app = Flask(__name__)
    app.get("/books/<id>")(lambda id: id * 200)  # noqa: A006
    return app


BOOKS = Starlette(routes=[Route("/books/{id}", page)])


@pytest.mark.parametrize("conditional", ["", '"v1-gzip"'])
@pytest.mark.parametrize(
    ("make", "host", "app", "template"),
    [(of_asgi, perfkit_asgi, BOOKS, "/books/{id}"), (of_wsgi, perfkit_wsgi, flask(), "/books/<id>")],
    ids=["asgi", "wsgi"],
)
def test_12_other_middlewares_of_perfkit_between_do_not_hide_the_route(
    make: Any, host: Any, app: Any, template: str, conditional: str
) -> None:
    served = make(host.CompressionMiddleware(host.ConditionalGetMiddleware(app)), "MetricsMiddleware")
    for number in range(3):
        served.get(f"/books/{number}", ("If-None-Match", conditional), ("Accept-Encoding", "gzip"))
    assert counted(served) == {template: 3}


def test_12_nor_do_they_where_the_server_offers_zero_copy() -> None:
    served = of_asgi(perfkit_asgi.CompressionMiddleware(BOOKS), "MetricsMiddleware")
    scope = direct_asgi.scope(path="/books/7", extensions={"http.response.zerocopysend": {}})
    direct_asgi.talk_to(served.host.app, scope=scope)  # type: ignore[attr-defined]
    assert counted(served) == {"/books/{id}": 1}


def test_12_nor_do_stacks_in_applications_that_are_mounted() -> None:
    inner = perfkit_wsgi.MetricsMiddleware(flask(), registry=CollectorRegistry())
    served = of_wsgi(DispatcherMiddleware(Flask(__name__), {"/sub": inner}), "MetricsMiddleware")
    for number in range(3):
        served.get(f"/sub/books/{number}")
    assert counted(served) == {"/sub/books/<id>": 3}
    inner_served = Served(WsgiHost(Kind("inner", "wsgi"), inner))
    assert counted(inner_served) == {"/books/<id>": 3}
