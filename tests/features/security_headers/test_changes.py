"""Changes: what differs on some paths, and in one response."""

import time
from typing import Any

import pytest

from perfkit import ConfigurationError, SecurityHeaders, Settings
from perfkit._paths import Paths
from perfkit.features.security_headers import NONCE, Override, extend, off, override, replace
from perfkit.features.security_headers._feature import MAX_OVERRIDES
from tests.memory_exchange import serve

CSP = "Content-Security-Policy"
RO = f"{CSP}-Report-Only"
BASE = {"default-src": ["'self'"], "img-src": ["'self'"]}


def at(
    target: str,
    *overrides: Override,
    feature: SecurityHeaders | None = None,
    content_type: str = "text/html",
    **options: Any,
) -> dict[str, str]:
    def view(exchange: Any) -> None:
        for each in overrides:
            each.apply(exchange.shared)

    feature = feature or SecurityHeaders(**({"csp": {"html": BASE}} | options))
    headers = [("Content-Type", content_type)]
    return dict(serve(feature, view=view, headers=headers, target=target, scheme="https").headers)


# Paths


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("/docs", ["/docs"], ["/docs/", "/doc", "/Docs", "/a/docs"]),
        ("/docs*", ["/docs", "/docs/oauth2-redirect", "/docsx"], ["/doc", "/a/docs"]),
        ("/embed/**", ["/embed/", "/embed/a/b"], ["/embed"]),
        ("*.pdf", ["/a.pdf", "/a/b.pdf", "/a\nb.pdf"], ["/a.pdf.html", "/apdf"]),
        ("/a/*/c/*/e", ["/a/b/c/d/e", "/a//c//e", "/a/b/c/x/c/d/e"], ["/a/c/e", "/a/b/c/d/e/"]),
        ("/a.b+(c)", ["/a.b+(c)"], ["/axb+(c)", "/a.bb(c)"]),
        ("/a*b*b", ["/abb", "/abxb"], ["/ab"]),
    ],
)
def test_stars_stand_for_any_characters(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    paths = Paths([pattern])
    assert [path for path in (*fits, *fits_not) if paths.find(path) is not None] == fits


def test_no_path_makes_matching_slow() -> None:
    paths = Paths(["/a*a*a*a*a*a*a*a*a*b"])
    started = time.process_time()
    assert paths.find("/" + "a" * 20_000 + "c") is None
    assert time.process_time() - started < 2  # with backtracking it takes longer than the universe has


def test_the_first_rule_that_fits_counts() -> None:
    rules = [{"path": "/a*", "referrer_policy": "origin"}, {"path": "/*", "referrer_policy": "no-referrer"}]
    seen = [at(target, paths=rules)["Referrer-Policy"] for target in ("/ab", "/b?/a")]
    assert seen == ["origin", "no-referrer"]
    assert at("/b", paths=rules[:1])["Referrer-Policy"] == "strict-origin-when-cross-origin"


def test_a_rule_changes_what_it_names_and_nothing_else() -> None:
    changed = at("/x", paths=[{"path": "/x", "coep": "require-corp", "corp": "cross-origin", "coop": False}])
    plain = at("/")
    assert changed.pop("Cross-Origin-Embedder-Policy") == "require-corp"
    assert changed.pop("Cross-Origin-Resource-Policy") == "cross-origin"
    assert {
        **changed,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    } == plain


@pytest.mark.parametrize(
    ("csp", "expected"),
    [
        ({"extend": {"img-src": ["https:"]}}, "default-src 'self'; img-src 'self' https:; frame-ancestors 'none'"),
        ({"img-src": ["https:"]}, "img-src https:; frame-ancestors 'none'"),
        ([{"img-src": ["a.b"]}, {"font-src": ["c.d"]}], "img-src a.b; frame-ancestors 'none', font-src c.d"),
        ("api", "default-src 'none'; frame-ancestors 'none'"),
        (False, None),
    ],
)
def test_a_rule_extends_replaces_or_leaves_out_the_policy(csp: Any, expected: str | None) -> None:
    assert at("/x", paths=[{"path": "/x", "csp": csp}]).get(CSP) == expected


def test_a_rules_policy_is_for_pages_only() -> None:
    rules = [{"path": "/x", "csp": "swagger"}]
    assert CSP not in at("/x", paths=rules, content_type="image/png")
    assert at("/x", paths=rules, content_type="application/json")[CSP].startswith("default-src 'none'; frame")


def test_a_rule_can_say_what_the_responses_are() -> None:
    for content_type in ("text/html", "image/svg+xml"):
        headers = at(
            "/media/x", content_type=content_type, preset="strict", paths=[{"path": "/media/*", "profile": "download"}]
        )
        assert "; sandbox; " in headers[CSP]
        own = [{"path": "/media/*", "profile": "download", "csp": {"sandbox": []}}]
        assert at("/media/x", content_type=content_type, paths=own)[CSP] == "sandbox; frame-ancestors 'none'"


def test_a_partner_may_frame_one_path() -> None:
    partner = {"frame-ancestors": ["https://partner.example"]}
    rule = {"path": "/embed/**", "csp": {"extend": partner}}
    for frame, csp in ((True, True), (False, {"html": {"frame-ancestors": ["'none'"]}}), (True, {"html": BASE})):
        for more in ({}, {"frame": False}):
            headers = at("/embed/a", frame=frame, csp=csp, paths=[rule | more])
            assert "X-Frame-Options" not in headers
            assert "frame-ancestors https://partner.example" in headers[CSP].split("; ")


@pytest.mark.parametrize(
    ("frame", "options", "ancestors"),
    [("sameorigin", "SAMEORIGIN", "'self'"), (False, None, None), (True, "DENY", "'none'")],
)
def test_a_rules_frame_counts_for_both_headers(frame: Any, options: str | None, ancestors: str | None) -> None:
    for csp in (BASE, BASE | {"frame-ancestors": ["'none'"]}):
        headers = at("/x", csp={"html": csp}, paths=[{"path": "/x", "frame": frame}])
        assert headers.get("X-Frame-Options") == options
        assert ("frame-ancestors" in headers[CSP]) == (ancestors is not None)
        assert ancestors is None or headers[CSP].endswith(ancestors)


def test_the_docs_preset_lets_swagger_ui_and_redoc_load_what_fastapi_names() -> None:
    policy = at("/docs", paths=[{"path": "/docs*", "csp": "swagger"}])[CSP]
    directives = {name: rest.split() for name, _, rest in (each.partition(" ") for each in policy.split("; "))}
    assert {"'unsafe-inline'", "https://cdn.jsdelivr.net"} <= set(directives["script-src"])
    assert {"'unsafe-inline'", "https://cdn.jsdelivr.net", "https://fonts.googleapis.com"} <= set(
        directives["style-src"]
    )
    assert {"data:", "https://fastapi.tiangolo.com"} <= set(directives["img-src"])
    assert directives["worker-src"] == ["blob:"]
    assert "unsafe-inline" not in at("/", paths=[{"path": "/docs*", "csp": "swagger"}])[CSP]


@pytest.mark.parametrize(
    ("rule", "setting"),
    [
        ({"path": "docs"}, "paths[0].path"),
        ({"csp": "swagger"}, "paths[0].path"),
        ({"path": "/x", "csp": "swager"}, "paths[0].csp"),
        ({"path": "/x", "csp": {"img-src": ["self"]}}, "paths[0].csp.img-src[0]"),
        ({"path": "/x", "csp": {"extend": {"img-src": ["self"]}}}, "paths[0].csp.extend.img-src[0]"),
        ({"path": "/x", "csp": {"extend": {"img-src": ["*"]}, "font-src": ["*"]}}, "paths[0].csp"),
        ({"path": "/x", "csp": {"extnd": {"img-src": ["*"]}}}, "paths[0].csp"),
        ({"path": "/x", "csp_report_only": {"extend": {"img-src": ["*"]}}}, "paths[0].csp_report_only.extend"),
        ({"path": "/x", "permissions": {"camera": ["x"]}}, "paths[0].permissions.camera[0]"),
        ({"path": "/x", "clear_site_data": ["cookie"]}, "paths[0].clear_site_data[0]"),
        ({"path": "/x", "frame": "none"}, "paths[0].frame"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(rule: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings({"security_headers": {"paths": [rule]}})
    assert caught.value.setting == f"security_headers.{setting}"


# One response


def test_a_response_can_extend_its_policies() -> None:
    only = {"img-src": ["'none'"]}
    headers = at("/", extend({"img-src": ["https:"], "script-src": [NONCE]}), csp_report_only=only)
    assert headers[CSP] == "default-src 'self'; img-src 'self' https:; script-src 'self'; frame-ancestors 'none'"
    assert headers[RO] == "img-src https:"


def test_an_extension_may_bring_the_first_nonce() -> None:
    def view(exchange: Any) -> None:
        extend({"script-src": [NONCE]}).apply(exchange.shared)
        str(exchange.shared["csp_nonce"])

    headers = [("Content-Type", "text/html")]
    exchange = serve(SecurityHeaders(csp={"html": BASE}), view=view, headers=headers)
    assert f"script-src 'nonce-{exchange.shared['csp_nonce']}' 'self'" in exchange.lines(CSP)[0]


def test_a_response_can_replace_its_policies() -> None:
    assert at("/", replace({"img-src": ["*"]}))[CSP] == "img-src *; frame-ancestors 'none'"
    assert at("/", replace("swagger"))[CSP].startswith("default-src 'none'; base-uri")
    both = at("/", replace(report_only=[{"img-src": ["*"]}]))
    assert both[RO] == "img-src *"
    assert both[CSP].startswith("default-src 'self'")
    assert (
        at("/", replace({"img-src": ["*"]}), content_type="image/svg+xml")[CSP] == "img-src *; frame-ancestors 'none'"
    )


def test_a_response_can_turn_its_policies_off() -> None:
    assert not {CSP, RO} & set(at("/", off(), csp_report_only=BASE))
    assert at("/", off())["X-Frame-Options"] == "DENY"


def test_overrides_count_in_the_order_they_come() -> None:
    first, second = replace({"img-src": ["a.b"]}), extend({"img-src": ["c.d"]})
    assert at("/", first, second)[CSP] == "img-src a.b c.d; frame-ancestors 'none'"
    assert at("/", second, first)[CSP] == "img-src a.b; frame-ancestors 'none'"
    assert CSP not in at("/", second, off())


def test_overrides_count_after_the_rule_of_the_path() -> None:
    rules = [{"path": "/x", "csp": {"img-src": ["a.b"]}}]
    assert at("/x", extend({"img-src": ["c.d"]}), paths=rules)[CSP] == "img-src a.b c.d; frame-ancestors 'none'"


def test_any_header_can_differ_in_a_response() -> None:
    headers = at("/", override(frame="sameorigin", permissions={"camera": ["self"]}, referrer_policy=False))
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Permissions-Policy"] == "camera=(self)"
    assert "Referrer-Policy" not in headers


def test_an_override_is_worked_out_once() -> None:
    feature = SecurityHeaders(csp={"html": BASE})
    more = extend({"img-src": ["https:"]})
    assert at("/", more, feature=feature) == at("/", more, feature=feature)
    assert len(feature._overridden) == 1


def test_overrides_made_with_each_request_do_not_fill_the_memory() -> None:
    feature = SecurityHeaders(csp={"html": BASE})
    for number in range(MAX_OVERRIDES + 10):
        assert f"h{number}.b" in at("/", extend({"img-src": [f"h{number}.b"]}), feature=feature)[CSP]
    assert len(feature._overridden) <= MAX_OVERRIDES


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: extend({"img-src": ["self"]}), "override.csp.extend.img-src[0]"),
        (lambda: replace({"img-src": ["a;b"]}), "override.csp.img-src[0]"),
        (lambda: replace(report_only={"img-src": ["a;b"]}), "override.csp_report_only.img-src[0]"),
        (lambda: override(csp="swager"), "override.csp"),
        (lambda: override(fram="deny"), "override.fram"),
    ],
)
def test_an_override_that_cannot_be_used_is_refused_where_it_is_made(make: Any, setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.value.setting == setting


def test_an_override_may_be_put_there_by_hand() -> None:
    def view(exchange: Any) -> None:
        exchange.shared["security_headers"] = replace({"img-src": ["a.b"]})
        extend({"img-src": ["c.d"]}).apply(exchange.shared)

    exchange = serve(SecurityHeaders(), view=view, headers=[("Content-Type", "text/html")])
    assert exchange.lines(CSP) == ["img-src a.b c.d; frame-ancestors 'none'"]


@pytest.mark.parametrize("other", [({"csp": False},), {"csp": False}, None, "off", [off()]])
def test_what_is_no_override_is_an_error(other: object) -> None:
    with pytest.raises(TypeError, match="make one with extend"):
        serve(SecurityHeaders(), view=lambda exchange: exchange.shared.update(security_headers=other))
