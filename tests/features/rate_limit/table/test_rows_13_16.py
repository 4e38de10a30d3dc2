"""Rows 13 to 16 of the table: one budget for each client and rule, whatever it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.static import serve
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.conformance.client import Request
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.doors import Door
from tests.features.rate_limit.table.site import Site, admitted, answers, rule

if TYPE_CHECKING:
    from pathlib import Path


def who(site: Site, *peers: str | None) -> list[bool]:
    """Which of these clients is admitted, one after the other."""
    return admitted(site, [{"peer": peer} for peer in peers])


# 13, 14: one budget for a rule, and one for each client


def test_13_neither_query_nor_path_multiplies_the_budget(door: Door) -> None:
    site = Site(door, rule("3/hour", match={"prefix": "/books"}))
    targets = ["/books/1", "/books/2?page=1", "/books?x", "/books/3", "/books/?y=1", "/books"]
    assert [site.get(target).status for target in targets] == [200] * 3 + [429] * 3


def test_14_one_client_does_not_eat_the_budget_of_others(door: Door) -> None:
    site = Site(door, rule("2/hour"))
    assert site.statuses(5, peer="192.0.2.1") == [200, 200, 429, 429, 429]
    assert who(site, "192.0.2.2", "198.51.100.1", "2001:db8::1") == [True, True, True]


def test_14_whoever_leaves_a_header_out_shares_with_nobody_else(door: Door) -> None:
    site = Site(door, rule("1/hour", key="header:X-Api-Key"))
    assert who(site, "192.0.2.1", "192.0.2.2", "192.0.2.1") == [True, True, False]


def test_14_all_together_only_where_it_is_asked_for(door: Door) -> None:
    assert who(Site(door, rule("2/hour", key="global")), "192.0.2.1", "192.0.2.2", "192.0.2.3") == [True, True, False]


# 15: routes that there are not


def test_15_a_404_counts(door: Door) -> None:
    assert Site(door, rule("2/hour"), view=answers(404)).statuses(3) == [404, 404, 429]


def get(host: AsgiHost | WsgiHost, *targets: str) -> list[int]:
    return [host.fetch(Request("GET", target)).status for target in targets]


OPTIONS: dict[str, Any] = {"rate_limit": {"rules": [rule("3/hour")]}}


def served(app: Any) -> AsgiHost | WsgiHost:
    """The application behind perfkit, on the protocol that it speaks."""
    if isinstance(app, Starlette):
        return AsgiHost(Kind("asgi", "asgi"), Asgi(app, OPTIONS))
    return WsgiHost(Kind("wsgi", "wsgi"), Wsgi(app, OPTIONS))


@pytest.mark.parametrize("app", [Starlette(), Flask(__name__)], ids=["starlette", "flask"])
def test_15_what_no_route_fits_counts(app: Any) -> None:
    assert get(served(app), "/a", "/b", "/c?d", "/e") == [404, 404, 404, 429]


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
def test_15_in_django_too(protocol: str) -> None:
    with override_settings(MIDDLEWARE=["perfkit.django.PerfkitMiddleware"], PERFKIT=OPTIONS, ROOT_URLCONF=()):
        kind = Kind("django", protocol, django=True)  # type: ignore[arg-type]
        host: Any = WsgiHost(kind, wsgi_application()) if protocol == "wsgi" else AsgiHost(kind, asgi_application())
        assert get(host, "/a", "/b", "/c?d", "/e") == [404, 404, 404, 429]


# 16: what is mounted


def test_16_mounted_applications_and_static_files_count_in_starlette(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    inner = Starlette(routes=[Route("/page", lambda request: PlainTextResponse("page"))])
    app = Starlette(routes=[Mount("/sub", app=inner), Mount("/static", app=StaticFiles(directory=tmp_path))])
    assert get(served(app), "/sub/page", "/static/a.css", "/static/none.css", "/static/a.css") == [200, 200, 404, 429]


def test_16_and_in_flask(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    inner = Flask("inner")
    inner.add_url_rule("/page", view_func=lambda: "page")
    app = DispatcherMiddleware(Flask("outer", static_folder=tmp_path, static_url_path="/static"), {"/sub": inner})
    assert get(served(app), "/sub/page", "/static/a.css", "/static/none.css", "/static/a.css") == [200, 200, 404, 429]


def test_16_and_in_django(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    files = re_path(r"^static/(?P<path>.*)$", serve, {"document_root": tmp_path})
    inner = path("page", lambda request: answers_with("page"))
    urls = (files, path("sub/", include(([inner], "inner"))))
    with override_settings(MIDDLEWARE=["perfkit.django.PerfkitMiddleware"], PERFKIT=OPTIONS, ROOT_URLCONF=urls):
        host = WsgiHost(Kind("django", "wsgi", django=True), wsgi_application())
        assert get(host, "/sub/page", "/static/a.css", "/static/none.css", "/static/a.css") == [200, 200, 404, 429]


def test_16_and_where_perfkit_itself_is_mounted() -> None:
    limited: Any = {"rate_limit": {"rules": [rule("1/hour", match={"path": "/sub/page"})]}}
    inner = Starlette(routes=[Route("/page", lambda request: PlainTextResponse("page"))])
    outer = Starlette(routes=[Mount("/sub", app=Asgi(inner, limited))])
    assert get(AsgiHost(Kind("asgi", "asgi"), outer), "/sub/page", "/sub/page", "/sub/none") == [200, 429, 404]
    flask = Flask("inner")
    flask.add_url_rule("/page", view_func=lambda: "page")
    app = DispatcherMiddleware(Flask("outer"), {"/sub": Wsgi(flask, limited)})
    assert get(WsgiHost(Kind("wsgi", "wsgi"), app), "/sub/page", "/sub/page", "/sub/none") == [200, 429, 404]


def answers_with(text: str) -> Any:
    from django.http import HttpResponse

    return HttpResponse(text)


@pytest.mark.parametrize("mount", ["/app", "/a/b"])
def test_16_a_rule_names_the_path_that_clients_see(door: Door, mount: str) -> None:
    site = Site(
        door, rule("1/hour", match={"path": f"{mount}/login"}), rule("1/hour", "other", match={"path": "/login"})
    )
    assert site.statuses(2, "/login", mount=mount) == [200, 429]
    assert site.statuses(2, "/login") == [200, 429]
