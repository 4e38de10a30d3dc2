"""Ways round a rule by its path, and round all rules by what is exempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.conformance.client import Request
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.doors import DOORS, Door
from tests.features.rate_limit.table.site import Site, rule

if TYPE_CHECKING:
    from pathlib import Path

ASGI = DOORS[0]
# Each is the same to some framework, server or proxy, whatever stands between.
LOGINS = [
    "/%6Cogin",
    "/%6c%6f%67%69%6e",
    "/login/",
    "//login",
    "/login//",
    "///login///",
    "/login?",
    "/login?x=/other",
    "/./login",
    "/login/.",
    "/x/../login",
    "/x/%2e%2e/login",
    "/../login",
    "/x//..//login",
    "//x/.././login/",
]


def admitted_after(site: Site, first: str, targets: list[str]) -> list[str]:
    """Which of these are admitted to a client that has used up the quota of another."""
    peers = [f"192.0.2.{last}" for last in range(len(targets))]
    assert {site.get(first, peer=peer).status for peer in peers} == {200}
    return [target for target, peer in zip(targets, peers, strict=True) if site.get(target, peer=peer).status != 429]


@pytest.mark.parametrize("match", [{"path": "/login"}, {"prefix": "/login"}, {"regex": "/log(in|out)"}])
def test_no_spelling_of_a_path_gets_round_its_rule(door: Door, match: dict[str, Any]) -> None:
    assert admitted_after(Site(door, rule("1/hour", match=match)), "/login", LOGINS) == []


def test_a_file_has_one_quota_however_its_path_is_written(tmp_path: Path) -> None:
    """What serves files resolves dot segments itself, and so does Flask."""
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "a.txt").write_text("a")
    limited: Any = {"rate_limit": {"rules": [rule("1/hour", match={"prefix": "/downloads"})]}}
    flask = Flask("files", static_folder=tmp_path, static_url_path="")
    hosts = [
        AsgiHost(Kind("asgi", "asgi"), Asgi(Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path))]), limited)),
        WsgiHost(Kind("wsgi", "wsgi"), Wsgi(flask, limited)),
    ]
    for host in hosts:
        targets = ["/x/../downloads/a.txt", "/downloads/a.txt", "/./downloads/a.txt", "/downloads/./a.txt"]
        assert [host.fetch(Request("GET", target)).status for target in targets] == [200, 429, 429, 429]


def test_what_a_catch_all_of_the_application_would_serve_counts(door: Door) -> None:
    """``/api/{rest:path}`` takes dot segments as they are."""
    targets = ["/api//books", "/api/", "/api/../api/books", "/api/../books", "/api/%2e%2e/books"]
    assert admitted_after(Site(door, rule("1/hour", match={"prefix": "/api"})), "/api/books", targets) == []


def test_a_star_between_slashes_may_be_nothing(door: Door) -> None:
    targets = ["/a//b", "/a/x/b", "/a/x/../y/b", "/a/./b"]
    assert admitted_after(Site(door, rule("1/hour", match={"path": "/a/*/b"})), "/a/1/b", targets) == []


@pytest.mark.parametrize("exempt", [{"path": "/health*"}, {"prefix": "/health"}, {"regex": "/health.*"}])
@pytest.mark.parametrize("target", ["/health/../login", "/login/../health", "/health/%2e%2e/login", "//health"])
def test_what_is_exempt_opens_no_way_to_what_is_not(door: Door, exempt: dict[str, Any], target: str) -> None:
    site = Site(door, rule("1/hour"), exempt=[exempt])
    assert site.statuses(3, "/health") == [200] * 3
    assert site.statuses(2, target) == [200, 429]


@pytest.mark.parametrize("target", ["/health", "/health/", "/health?x", "/%68ealth"])
def test_what_is_exempt_is_so_in_harmless_spellings(door: Door, target: str) -> None:
    site = Site(door, rule("1/hour"), exempt=[{"path": "/health"}])
    assert site.statuses(3, target) == [200] * 3


def test_other_paths_are_others(door: Door) -> None:
    targets = ["/loginx", "/login%0a", "/login%00", "/login;x", "/log%2fin", "/login%20", "/Login", "/login/x", "/log"]
    assert admitted_after(Site(door, rule("1/hour", match={"path": "/login"})), "/login", targets) == targets


@pytest.mark.parametrize("target", ["/api/%ff%fe", "/api/%00", "/api/a%0ab", "/api/%ed%a0%80", "/api/" + "x" * 100_000])
def test_any_path_can_be_looked_at(door: Door, target: str) -> None:
    rules = [rule("1/hour", f"r{n}", match=match) for n, match in enumerate(({"path": "/api/*"}, {"prefix": "/api"}))]
    site = Site(door, *rules)
    first, second = site.statuses(2, target)
    assert first in (200, 404)  # no path of a framework has a line break
    assert second == 429


@pytest.mark.parametrize("match", [{}, {"prefix": "/"}, {"path": "/*"}, {"path": "*"}], ids=str)
def test_a_rule_for_all_paths_is_for_the_whole_server_too(match: dict[str, Any]) -> None:
    """``OPTIONS *`` (RFC 9110 section 9.3.7), as servers of ASGI give it; those of WSGI do not."""
    assert Site(ASGI, rule("1/hour", match=match)).statuses(2, "*", method="OPTIONS") == [200, 429]
