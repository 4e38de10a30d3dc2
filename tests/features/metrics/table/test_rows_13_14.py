"""Rows 13 and 14 of the table: routes of routers in routers, and that nobody looks for a route twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.urls.resolvers import URLResolver
from fastapi import APIRouter, FastAPI
from litestar import Litestar, get
from litestar import Router as LitestarRouter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from werkzeug.routing import MapAdapter

from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import REQUESTS, Served, of_asgi


def counted(served: Served) -> dict[str, float]:
    """Requests by their route."""
    return {labels[-1]: value for labels, value in served.scrape()[REQUESTS].items()}


async def page(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


INNER = Starlette(routes=[Route("/a/{x}", page), Route("/i/{id}", page)])
# Row 13: routers in routers


def nested(*prefixes: str) -> APIRouter:
    router = APIRouter()

    @router.get("/x/{y}")
    async def leaf(y: str) -> str:
        return y

    for prefix in prefixes:
        outer = APIRouter()
        outer.include_router(router, prefix=prefix)
        router = outer
    return router


@pytest.mark.parametrize(
    ("prefixes", "path", "template"),
    [
        ((), "/x/1", "/x/{y}"),
        (("/a",), "/a/x/1", "/a/x/{y}"),
        (("/b", "/a"), "/a/b/x/1", "/a/b/x/{y}"),
        (("/c", "/b/{b}", "/a"), "/a/b/2/c/x/1", "/a/b/{b}/c/x/{y}"),
    ],
)
@pytest.mark.parametrize("mount", ["", "/inner", "/of/{tenant}"])
def test_13_prefixes_of_all_routers_are_in_the_template(
    prefixes: tuple[str, ...], path: str, template: str, mount: str
) -> None:
    app = inner = FastAPI()
    if mount:
        app = FastAPI()
        app.mount(mount, inner)
    inner.include_router(nested(*prefixes))
    served = of_asgi(app)
    assert served.get(mount.replace("{tenant}", "acme") + path).status == 200
    assert counted(served) == {mount + template: 1}


def test_13_mounts_of_a_router_that_another_includes() -> None:
    router = APIRouter()
    router.mount("/m/{id:int}", INNER)
    app = FastAPI()
    app.include_router(router, prefix="/pre")
    served = of_asgi(app)
    for path in ("/pre/m/1/a/1", "/pre/m/01/a/1"):
        served.get(path)
    assert counted(served) == {"/pre/m/{id:int}/a/{x}": 2}


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v3/m/{}/direct/5", "/v3/m/{id:int}/direct/{d}"),
        ("/v3/m/{}/inc/plain/5", "/v3/m/{id:int}/inc/plain/{p}"),
        ("/v3/m/{}/inc/x/5", "/v3/m/{id:int}/inc/x/{y}"),
        ("/v3/s/{}/a/5", "/v3/s/{s}/a/{x}"),
        ("/v3/plain/{}", "/v3/plain/{p}"),
        ("/v3/m/{}/nothing", "/v3/m/{id:int}"),
    ],
)
def test_13_applications_of_all_kinds_below_a_router(path: str, template: str) -> None:
    router = nested()
    router.add_route("/plain/{p}", page)
    inner, app = FastAPI(), FastAPI()

    @inner.get("/direct/{d}")
    async def direct(d: str) -> str:
        return d

    inner.include_router(router, prefix="/inc")
    outer = APIRouter()
    outer.add_route("/plain/{p}", page)
    outer.mount("/m/{id:int}", inner)
    outer.mount("/s/{s}", INNER)
    app.include_router(outer, prefix="/v3")
    served = of_asgi(app)
    for number in ("7", "07", "007"):
        served.get(path.format(number))
    assert counted(served) == {template: 3}


def test_13_routers_of_litestar() -> None:
    @get("/x/{y:str}")
    async def leaf() -> str:
        return "ok"

    inner = LitestarRouter("/b/{b:int}", route_handlers=[leaf])
    served = of_asgi(Litestar([LitestarRouter("/a", route_handlers=[inner])]))
    for number in range(3):
        assert served.get(f"/a/b/{number}/x/{number}").status == 200
    assert counted(served) == {"/a/b/{b}/x/{y}": 3}


def test_13_what_fastapi_serves_by_itself_has_its_path() -> None:
    served = of_asgi(FastAPI())
    for path in ("/docs", "/openapi.json", "/nothing"):
        served.get(path)
    assert counted(served) == {"/docs": 1, "/openapi.json": 1, "": 1}


# Row 14: no second match


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of the frameworks that say so looked for a route."""
    found: Counter[str] = Counter()
    for owner, name in ((Route, "matches"), (MapAdapter, "match"), (URLResolver, "resolve")):
        original = getattr(owner, name)

        def noted(self: Any, *arguments: Any, original: Any = original, **named: Any) -> Any:
            found[type(self).__name__] += 1
            return original(self, *arguments, **named)

        monkeypatch.setattr(owner, name, noted)
    return found


def test_14_the_route_is_looked_for_once(framework: Framework, matches: Counter[str]) -> None:
    counts = []
    without = {"timing": True, **dict.fromkeys(("compression", "conditional_get", "security_headers"), False)}
    choices: list[Any] = [False, {}]
    for metrics in choices:
        served = framework.open(**without, metrics=metrics)
        matches.clear()
        for path in framework.templates:
            served.get(path)
        counts.append(matches.copy())
    assert counts[0] == counts[1]
    assert framework.name in ("fastapi", "litestar") or counts[0].total() > 0
