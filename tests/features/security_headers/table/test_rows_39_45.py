"""Rows 39 to 45 of the table: pages that help to debug, answers of others, and what passes untouched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.test import override_settings
from flask import Flask, abort
from litestar import Litestar
from litestar import get as litestar_get
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route

from perfkit.django import csp as django_csp
from perfkit.wsgi import SecurityHeadersMiddleware as WsgiSecurity
from tests.conformance import direct_asgi
from tests.conformance.client import Pairs, Request, Response
from tests.features.security_headers.table.doors import (
    ASGI_SECURITY,
    HTML,
    JSON,
    Arrival,
    Door,
    Page,
    Shared,
    django_host,
    of_status,
    over_asgi,
    over_wsgi,
)

if TYPE_CHECKING:
    from pathlib import Path

CSP = "Content-Security-Policy"
HTML_PLEASE: Pairs = (("Accept", "text/html"),)


# 39: no policy on pages that help to debug


@pytest.mark.parametrize("status", [404, 500])
def test_pages_that_help_to_debug_have_no_policy_and_all_else(door: Door, status: int) -> None:
    response = door.get(Page(status=status), preset="strict", debug=True)
    assert response.lines(CSP) == []
    assert response.lines("X-Frame-Options") == ["DENY"]
    assert response.lines("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"]


def test_other_pages_and_other_answers_keep_theirs(door: Door) -> None:
    for page in (Page(status=403), Page(status=200), Page(status=404, headers=JSON), Page(status=500, headers=JSON)):
        assert len(door.get(page, preset="strict", debug=True).lines(CSP)) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_without_debugging_error_pages_keep_their_policy(door: Door, status: int) -> None:
    assert len(door.get(Page(status=status), preset="strict").lines(CSP)) == 1
    with override_settings(DEBUG=True):
        assert len(door.get(Page(status=status), preset="strict", debug=False).lines(CSP)) == 1
        assert bool(door.get(Page(status=status), preset="strict").lines(CSP)) == (not door.django)


def test_the_page_of_starlette_that_helps_to_debug_has_no_policy() -> None:
    def broken(request: Any) -> None:
        raise ValueError("oops")

    for debug in (True, False):
        app = Starlette(debug=debug, routes=[Route("/", broken)])
        response = over_asgi(ASGI_SECURITY(app, preset="strict"), "starlette", Arrival()).fetch(
            Request("GET", "/", HTML_PLEASE)
        )
        assert response.status == 500
        assert bool(response.lines(CSP)) == (not debug)


# 40: answers of others: middlewares inside, error handlers, frameworks


def has_them(response: Response, status: int) -> bool:
    present = (response.header("X-Content-Type-Options"), response.header("X-Frame-Options"))
    return response.status == status and present == ("nosniff", "DENY")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 429, 500, 502, 503])
def test_answers_of_every_status_have_the_headers(door: Door, status: int) -> None:
    assert has_them(door.get(Page(status=status)), status)


def too_many(get_response: Any) -> Any:
    """A Django middleware that answers itself."""
    return lambda request: HttpResponse(status=429)


def breaks(get_response: Any) -> Any:
    """A Django middleware that fails."""

    def middleware(request: Any) -> Any:
        raise ValueError("oops")

    return middleware


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@pytest.mark.parametrize(
    ("error", "status"),
    [(Http404(), 404), (PermissionDenied(), 403), (SuspiciousOperation(), 400), (ValueError(), 500)],
    ids=lambda each: type(each).__name__,
)
def test_what_django_answers_to_an_exception_has_the_headers(protocol: str, error: Exception, status: int) -> None:
    def view(request: Any, rest: str = "") -> HttpResponse:
        raise error

    assert has_them(django_host(protocol, view).fetch(Request("GET", "/")), status)


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
def test_what_middlewares_of_django_answer_has_the_headers(protocol: str) -> None:
    view = django_csp.off()(lambda request, rest="": HttpResponse())
    assert has_them(django_host(protocol, view, f"{__name__}.too_many").fetch(Request("GET", "/")), 429)
    assert has_them(django_host(protocol, view, f"{__name__}.breaks").fetch(Request("GET", "/")), 500)
    csrf = django_host(protocol, view, "django.middleware.csrf.CsrfViewMiddleware")
    assert has_them(csrf.fetch(Request("POST", "/")), 403)


def test_what_flask_answers_by_itself_has_the_headers() -> None:
    app = Flask(__name__)

    @app.before_request
    def limit() -> None:
        from flask import request

        if request.path == "/many":
            abort(429)

    @app.get("/broken")
    def broken() -> str:
        raise ValueError("oops")

    app.wsgi_app = WsgiSecurity(app.wsgi_app)  # type: ignore[method-assign]
    host = over_wsgi(app, "flask", Arrival())
    assert has_them(host.fetch(Request("GET", "/many")), 429)
    assert has_them(host.fetch(Request("GET", "/nothing")), 404)
    assert has_them(host.fetch(Request("POST", "/broken")), 405)
    assert has_them(host.fetch(Request("GET", "/broken")), 500)


class Limit:
    """An ASGI middleware inside that answers itself."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = HTMLResponse(status_code=429) if scope["path"] == "/many" else self.app
        await answer(scope, receive, send)


def test_what_starlette_answers_by_itself_has_the_headers() -> None:
    def gone(request: Any) -> None:
        raise HTTPException(410)

    def broken(request: Any) -> None:
        raise ValueError("oops")

    routes = [Route("/gone", gone), Route("/broken", broken)]
    inside = Starlette(routes=routes, middleware=[Middleware(ASGI_SECURITY), Middleware(Limit)])
    around = ASGI_SECURITY(Starlette(routes=routes, middleware=[Middleware(Limit)]))
    for app in (inside, around):
        host = over_asgi(app, "starlette", Arrival())
        assert has_them(host.fetch(Request("GET", "/many")), 429)
        assert has_them(host.fetch(Request("GET", "/nothing")), 404)
        assert has_them(host.fetch(Request("POST", "/gone")), 405)
        assert has_them(host.fetch(Request("GET", "/gone")), 410)
    # Starlette answers what nobody handled outside of all its middlewares; docs/security-headers.md says so.
    assert has_them(over_asgi(around, "starlette", Arrival()).fetch(Request("GET", "/broken")), 500)


# 41: any ASGI and any WSGI application


def test_litestar_has_the_headers_too() -> None:
    @litestar_get("/", media_type="text/html", sync_to_thread=False)
    def page() -> str:
        return "page"

    host = over_asgi(ASGI_SECURITY(Litestar([page], openapi_config=None), preset="strict"), "litestar", Arrival())
    assert has_them(host.fetch(Request("GET", "/")), 200)
    assert has_them(host.fetch(Request("GET", "/nothing")), 404)


def test_a_wsgi_generator_that_starts_late_and_one_that_writes_have_them_too() -> None:
    def generator(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html")])
        yield b"a"
        yield b"b"

    def writer(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(b"a")
        return iter([b"b"])

    for app in (generator, writer):
        response = over_wsgi(WsgiSecurity(app), "wsgi", Arrival()).fetch(Request("GET", "/"))
        assert has_them(response, 200)
        assert response.body == b"ab"


def test_streams_pass_piece_by_piece(door: Door) -> None:
    response = door.get(Page(stream=lambda: iter([b"a", b"b", b"c"])), preset="strict")
    assert [chunk for chunk in response.chunks if chunk] == [b"a", b"b", b"c"]
    assert has_them(response, 200)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # Django says so of each of its own files
def test_files_pass_and_have_the_headers(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(b"\x89PNG" + bytes(100_000))
    response = door.get(Page(file=file, headers=[("Content-Type", "image/png")]))
    assert response.body == file.read_bytes()
    assert response.lines("X-Content-Type-Options") == ["nosniff"]
    assert response.lines(CSP) == []


# 42: WebSockets untouched


def test_websockets_pass_untouched() -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    async def receive() -> Any: ...
    async def send(message: Any) -> None: ...

    scope = {"type": "websocket", "scheme": "ws", "path": "/", "headers": [(b"host", b"shop.example")]}
    before = {**scope}
    host = ASGI_SECURITY(app, preset="strict", https_redirect=True, remove=["server"])
    asyncio.run(host(scope, receive, send))
    assert seen[0] is scope
    assert seen[1:] == [receive, send]
    assert scope == before


def test_lifespan_passes_untouched() -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    scope = {"type": "lifespan"}
    asyncio.run(ASGI_SECURITY(app)(scope, None, None))
    assert seen[0] is scope
    assert scope == {"type": "lifespan"}


# 43, 45: presets with stated trade-offs (docs/security-headers.md, "Presets") and their scores: the scorer itself runs
# in tests/proofs/test_observatory.py, and what breaks is seen in tests/proofs/test_browser.py


@pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
def test_each_preset_is_there_on_every_host(door: Door, preset: str) -> None:
    assert has_them(door.get(preset=preset), 200)
    with pytest.raises(Exception, match="preset"):
        door.get(preset=f"{preset}er")


# 44: worked out at start-up. What it costs is measured in benchmarks/


def test_every_response_gets_the_very_same_bytes() -> None:
    app = ASGI_SECURITY(direct_asgi.says(direct_asgi.START, direct_asgi.body(b"")))
    first, second = (direct_asgi.talk_to(app).sent[0]["headers"] for _ in range(2))
    assert first is not second
    assert len(first) > 5
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_a_response_is_not_changed_by_those_before_it(door: Door) -> None:
    pages = [
        Page(headers=[*HTML, ("X-Frame-Options", "SAMEORIGIN")]),
        Page(headers=[*HTML, (CSP, "img-src *")]),
        of_status(304),
        Page(headers=JSON),
        Page(status=500),
    ]
    state = {"page": Page()}

    def view(shared: Shared) -> Page:
        return state["page"]

    with door.open(view, {"preset": "strict"}, Arrival()) as host:
        alone = host.fetch(Request("GET", "/")).headers
        for page in pages:
            state["page"] = page
            host.fetch(Request("GET", "/"))
        state["page"] = Page()
        assert host.fetch(Request("GET", "/")).headers == alone
