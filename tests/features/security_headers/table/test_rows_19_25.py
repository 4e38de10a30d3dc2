"""Rows 19 to 25 of the table: what differs in a view, on a path and by what a response is."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from perfkit.asgi import SecurityHeadersMiddleware
from perfkit.csp import NONCE, Override, extend, off, override, replace
from tests.conformance.client import Request
from tests.features.security_headers.policy_parser import parse
from tests.features.security_headers.table.doors import HTML, JSON, Arrival, Door, Page, Shared, View, over_asgi

CSP = "Content-Security-Policy"
RO = "Content-Security-Policy-Report-Only"
BASE: dict[str, Any] = {"csp": {"html": {"default-src": ["'self'"], "img-src": ["'self'"]}}}


def typed(content_type: str) -> Page:
    return Page(headers=[("Content-Type", content_type)], body=b"")


def applying(*overrides: Override, page: Page = Page()) -> View:  # noqa: B008 - frozen
    def view(shared: Shared) -> Page:
        for each in overrides:
            each.apply(shared)
        return page

    return view


# 19: per view. As decorators: tests/test_starlette.py, tests/test_flask.py and tests/django/test_csp.py


@pytest.mark.parametrize("status", [200, 201, 404, 500])
def test_a_view_replaces_the_policy_of_its_answer_and_no_other(door: Door, status: int) -> None:
    state = {"replaces": True}

    def view(shared: Shared) -> Page:
        return applying(*[replace({"img-src": ["*"]})] * state["replaces"], page=Page(status=status))(shared)

    with door.open(view, BASE, Arrival()) as host:
        replaced = host.fetch(Request("GET", "/"))
        state["replaces"] = False
        after = host.fetch(Request("GET", "/"))
    assert replaced.header(CSP) == "img-src *; frame-ancestors 'none'"
    assert after.header(CSP) == "default-src 'self'; img-src 'self'; frame-ancestors 'none'"


def test_a_view_turns_policies_off_and_nothing_else(door: Door) -> None:
    response = door.get(applying(off()), csp_report_only="api", **BASE)
    assert response.lines(CSP) == response.lines(RO) == []
    assert response.header("X-Frame-Options") == "DENY"


def test_a_view_changes_any_header(door: Door) -> None:
    changed = override(
        frame="sameorigin", coop="unsafe-none", corp="cross-origin", permissions=False, referrer_policy=False
    )
    response = door.get(applying(changed), **BASE)
    assert response.header("X-Frame-Options") == "SAMEORIGIN"
    assert response.header("Cross-Origin-Opener-Policy") == "unsafe-none"
    assert response.header("Cross-Origin-Resource-Policy") == "cross-origin"
    assert response.lines("Permissions-Policy") == response.lines("Referrer-Policy") == []
    assert (response.header(CSP) or "").endswith("frame-ancestors 'self'")


def test_what_the_view_sets_as_a_header_still_wins(door: Door) -> None:
    page = Page(headers=[*HTML, (CSP, "img-src a.b"), ("X-Frame-Options", "ALLOWALL")])
    response = door.get(applying(replace({"img-src": ["*"]}), override(frame="sameorigin"), page=page))
    assert response.lines(CSP) == ["img-src a.b"]
    assert response.lines("X-Frame-Options") == ["ALLOWALL"]


def test_a_view_that_streams_can_do_so_too(door: Door) -> None:
    page = Page(stream=lambda: iter([b"a", b"b"]))
    response = door.get(applying(extend({"img-src": ["https://a.b"]}), page=page), **BASE)
    assert response.body == b"ab"
    assert "img-src 'self' https://a.b" in (response.header(CSP) or "")


# 20: a view extends one directive


def test_a_view_extends_one_directive(door: Door) -> None:
    (policy,) = parse(door.get(applying(extend({"img-src": ["https://a.b"]})), **BASE).header(CSP) or "")
    assert policy == {"default-src": ["'self'"], "img-src": ["'self'", "https://a.b"], "frame-ancestors": ["'none'"]}


def test_extending_an_absent_directive_starts_with_what_counts_in_its_place(door: Door) -> None:
    (policy,) = parse(door.get(applying(extend({"font-src": ["https://a.b"]})), **BASE).header(CSP) or "")
    assert policy["font-src"] == ["'self'", "https://a.b"]


def test_extending_takes_none_away_and_never_forbids(door: Door) -> None:
    options: dict[str, Any] = {"csp": {"html": {"img-src": ["'none'"]}}}
    extended = applying(extend({"img-src": ["https://a.b"], "font-src": ["https://a.b"], "media-src": ["'none'"]}))
    (policy,) = parse(door.get(extended, **options).header(CSP) or "")
    assert policy == {"img-src": ["https://a.b"], "frame-ancestors": ["'none'"]}


def test_extending_reaches_all_policies_and_those_that_report(door: Door) -> None:
    options: dict[str, Any] = {
        "csp": {"html": [{"img-src": ["a.b"]}, {"img-src": ["c.d"]}]},
        "csp_report_only": {"img-src": ["e.f"]},
    }
    response = door.get(applying(extend({"img-src": ["x.y"]})), **options)
    assert all("x.y" in policy["img-src"] for policy in parse(response.header(CSP) or ""))
    assert response.header(RO) == "img-src e.f x.y"


def test_extending_twice_adds_both(door: Door) -> None:
    twice = applying(extend({"img-src": ["a.b"]}), extend({"img-src": ["c.d"]}), extend({"img-src": ["a.b"]}))
    (policy,) = parse(door.get(twice, **BASE).header(CSP) or "")
    assert policy["img-src"] == ["'self'", "a.b", "c.d"]


def test_a_view_may_allow_its_nonce(door: Door) -> None:
    def view(shared: Shared) -> Page:
        extend({"script-src": [NONCE]}).apply(shared)
        return Page(body=str(shared["csp_nonce"]).encode())

    response = door.get(view, **BASE)
    (policy,) = parse(response.header(CSP) or "")
    assert policy["script-src"] == [f"'nonce-{response.body.decode()}'", "'self'"]


# 21: rules for paths, in the settings

RULES = [
    {"path": "/docs*", "csp": "swagger"},
    {"path": "/embed/*", "frame": False, "csp": {"extend": {"frame-ancestors": ["https://partner.example"]}}},
    {"path": "/embed/never", "frame": "deny"},
    {"path": "*.widget", "frame": "sameorigin"},
    {"path": "/caf\xe9", "csp": False},
]


@pytest.mark.parametrize(
    "target", ["/docs", "/docs/", "/docs/oauth2-redirect", "/docs?x=/other", "/%64ocs", "/docs%0A"]
)
def test_a_rule_counts_on_its_paths(door: Door, target: str) -> None:
    assert "https://cdn.jsdelivr.net" in (door.get(target=target, paths=RULES, **BASE).header(CSP) or "")


@pytest.mark.parametrize(
    "target", ["/", "/x/docs", "/DOCS", "/?/docs", "/doc", "/x?path=/docs", "/caf%C3%A9/x", "/embed"]
)
def test_and_on_no_other(door: Door, target: str) -> None:
    assert door.get(target=target, paths=RULES, **BASE).header(CSP) == door.get(**BASE).header(CSP)


def test_the_first_rule_that_fits_counts(door: Door) -> None:
    response = door.get(target="/embed/never", paths=RULES, **BASE)
    assert "frame-ancestors https://partner.example" in (response.header(CSP) or "")
    assert door.get(target="/deep/a.widget", paths=RULES, **BASE).header("X-Frame-Options") == "SAMEORIGIN"


def test_paths_are_compared_decoded(door: Door) -> None:
    assert door.get(target="/caf%C3%A9", paths=RULES, **BASE).lines(CSP) == []


def test_a_rule_for_pages_leaves_the_images_below_its_path(door: Door) -> None:
    assert door.get(typed("image/png"), "/docs/logo.png", paths=RULES, **BASE).lines(CSP) == []
    assert "jsdelivr" not in (door.get(Page(headers=JSON), "/docs/openapi.json", paths=RULES, **BASE).header(CSP) or "")


# 22: pages, data, downloads and static files have each their own

KINDS: dict[str, list[str]] = {
    "html": ["text/html", "TEXT/HTML;charset=utf-8", "application/xhtml+xml"],
    "api": ["application/json", "text/plain", "application/problem+json", "text/event-stream", "text/xml", "x", ""],
    "static": [
        "image/png",
        "image/svg+xml",
        "font/woff2",
        "text/css",
        "text/javascript; charset=utf-8",
        "application/pdf",
    ],
    "download": ["application/octet-stream", "application/zip", "text/csv"],
}
EACH = {name: {"img-src": [f"{name}.example"]} for name in KINDS}


@pytest.mark.parametrize(("kind", "content_type"), [(kind, each) for kind, types in KINDS.items() for each in types])
def test_the_content_type_tells_what_a_response_is(door: Door, kind: str, content_type: str) -> None:
    response = door.get(typed(content_type), csp=EACH, corp={kind: "same-site"})
    assert response.header(CSP) == f"img-src {kind}.example; frame-ancestors 'none'"
    assert response.header("Cross-Origin-Resource-Policy") == "same-site"


def test_no_content_type_is_data(door: Door) -> None:
    assert door.get(Page(status=204, headers=(), body=b"")).header(CSP) == "default-src 'none'; frame-ancestors 'none'"


def test_by_default_data_is_locked_down_and_pages_are_not_broken(door: Door) -> None:
    assert door.get(Page(headers=JSON)).header(CSP) == "default-src 'none'; frame-ancestors 'none'"
    assert door.get().lines(CSP) == []


def test_uploads_can_be_put_in_a_sandbox(door: Door) -> None:
    rule = {"path": "/uploads/*", "profile": "download", "csp": "sandbox"}
    for content_type in ("text/html", "image/svg+xml", "application/octet-stream"):
        (policy,) = parse(door.get(typed(content_type), "/uploads/a", paths=[rule]).header(CSP) or "")
        assert policy["sandbox"] == []
        assert policy["default-src"] == ["'none'"]


# 23: documentation pages. That they work, and need each source, is seen in a browser: tests/proofs/test_docs.py


@pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
def test_docs_of_fastapi_have_what_their_pages_load_and_no_other_path_has(preset: str) -> None:
    rules = [{"path": path, "csp": "swagger"} for path in ("/docs*", "/redoc")]
    app: Any = SecurityHeadersMiddleware(FastAPI(), preset=preset, paths=rules)
    host = over_asgi(app, "fastapi", Arrival())
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        page = host.fetch(Request("GET", path))
        assert page.status == 200
        (policy,) = parse(page.header(CSP) or "")
        assert "'unsafe-inline'" in policy["script-src"]
        for loaded in ("https://cdn.jsdelivr.net",):
            assert loaded in policy["script-src"]
    for path in ("/openapi.json", "/nothing"):
        assert "unsafe-inline" not in (host.fetch(Request("GET", path)).header(CSP) or "")


# 24: Trusted Types


def test_trusted_types_are_written_as_they_are_meant(door: Door) -> None:
    types = {"require-trusted-types-for": ["'script'"], "trusted-types": ["default", "'allow-duplicates'", "dompurify"]}
    (policy,) = parse(door.get(csp={"html": types}).header(CSP) or "")
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert set(policy["trusted-types"]) == {"default", "'allow-duplicates'", "dompurify"}


@pytest.mark.parametrize("slip", [{"require-trusted-types-for": ["script"]}, {"trusted-types": ["allow-duplicates"]}])
def test_a_keyword_of_trusted_types_needs_its_quotes(door: Door, slip: Any) -> None:
    with pytest.raises(Exception, match="single quotes"):
        door.get(csp={"html": slip})


def test_trusted_types_can_report_before_they_break_a_site(door: Door) -> None:
    types = {"require-trusted-types-for": ["'script'"]}
    response = door.get(csp={"html": "self"}, csp_report_only=types)
    assert response.header(RO) == "require-trusted-types-for 'script'"
    assert "trusted-types" not in (response.header(CSP) or "")


# 25: strict-dynamic


def test_strict_dynamic_stands_beside_the_nonce(door: Door) -> None:
    def view(shared: Shared) -> Page:
        return Page(body=str(shared["csp_nonce"]).encode())

    (policy,) = parse(door.get(view, preset="strict").header(CSP) or "")
    assert policy["script-src"][1:] == ["'strict-dynamic'"]
    assert policy["script-src"][0].startswith("'nonce-")


def test_without_a_nonce_it_allows_nothing_rather_than_everything(door: Door) -> None:
    unsafe = {"script-src": [NONCE, "'strict-dynamic'", "'unsafe-inline'"]}
    for options in ({"preset": "strict"}, {"csp": {"html": unsafe}}):
        (policy,) = parse(door.get(**options).header(CSP) or "")
        assert policy["script-src"] == ["'none'"]
