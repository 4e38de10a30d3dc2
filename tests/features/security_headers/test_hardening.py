"""Cookies, removed and forced headers, Clear-Site-Data and the way to https."""

from typing import Any

import pytest

from perfkit import ConfigurationError, SecurityHeaders
from perfkit.features.security_headers import override
from tests.memory_exchange import MemoryExchange, serve

ALL = {"httponly": ["*"]}


def cookie(line: str, scheme: str = "https", **options: Any) -> list[str]:
    return serve(SecurityHeaders(**options), headers=[("set-cookie", line)], scheme=scheme).lines("Set-Cookie")


# Cookies


@pytest.mark.parametrize(
    ("line", "options", "expected"),
    [
        ("a=1", {}, "a=1; Secure; SameSite=Lax"),
        ("a=1; Path=/", {}, "a=1; Path=/; Secure; SameSite=Lax"),
        ("a=1; secure ;samesite=none;HTTPONLY", ALL, "a=1; secure ;samesite=none;HTTPONLY"),
        ("sid=1", {"httponly": ["sid"]}, "sid=1; Secure; HttpOnly; SameSite=Lax"),
        ("csrf=1", {"httponly": ["sid"]}, "csrf=1; Secure; SameSite=Lax"),
        ("a=secure", ALL, "a=secure; Secure; HttpOnly; SameSite=Lax"),
        ("a=1", {"secure": False, "samesite": False}, "a=1"),
        ("a=1", {"samesite": "Strict"}, "a=1; Secure; SameSite=Strict"),
        ("a=; Max-Age=0", {}, "a=; Max-Age=0; Secure; SameSite=Lax"),
    ],
)
def test_cookies_get_what_they_lack(line: str, options: dict[str, Any], expected: str) -> None:
    assert cookie(line, cookies=options) == [expected]


def test_secure_is_for_https_unless_asked_for() -> None:
    assert cookie("a=1", "http", cookies={}) == ["a=1; SameSite=Lax"]
    assert cookie("a=1", "http", cookies={"secure": True}) == ["a=1; Secure; SameSite=Lax"]


def test_each_cookie_keeps_its_line() -> None:
    lines = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]
    exchange = serve(SecurityHeaders(cookies={}), headers=[("Set-Cookie", line) for line in lines])
    assert exchange.lines("Set-Cookie") == [f"{line}; SameSite=Lax" for line in lines]


def test_cookies_are_left_alone_by_default_and_hardened_by_strict() -> None:
    assert cookie("a=1") == ["a=1"]
    assert cookie("a=1", preset="strict") == ["a=1; Secure; SameSite=Lax"]
    assert cookie("a=1", preset="strict", cookies=False) == ["a=1"]


# Removing and forcing


def test_named_headers_are_removed_and_no_other() -> None:
    headers = [("X-Powered-By", "PHP"), ("server", "x"), ("Set-Cookie", "a=1")]
    names = {name.lower() for name, _ in serve(SecurityHeaders(remove=["x-powered-by"]), headers=headers).headers}
    assert "x-powered-by" not in names
    assert {"server", "set-cookie"} <= names
    assert serve(SecurityHeaders(), headers=headers).headers[:3] == headers
    assert serve(SecurityHeaders(preset="strict"), headers=headers).lines("Server") == []


def test_forced_headers_take_the_place_of_the_applications() -> None:
    headers = [("referrer-policy", "unsafe-url"), ("x-frame-options", "SAMEORIGIN")]
    exchange = serve(SecurityHeaders(force=["Referrer-Policy"]), headers=headers)
    assert exchange.lines("Referrer-Policy") == ["strict-origin-when-cross-origin"]
    assert exchange.lines("X-Frame-Options") == ["SAMEORIGIN"]
    # Where nothing is sent in its place, it stays.
    off = serve(SecurityHeaders(force=["Referrer-Policy"], referrer_policy=False), headers=headers)
    assert off.lines("Referrer-Policy") == ["unsafe-url"]


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"remove": ["a b"]}, "remove[0]"),
        ({"remove": ["x-a", "Content-Length"]}, "remove[1]"),
        ({"remove": ["set-cookie"]}, "remove[0]"),
        ({"force": ["a\r\n"]}, "force[0]"),
        ({"cookies": {"samesite": "lax"}}, "cookies.samesite"),
        ({"https_redirect": {"host": "https://x"}}, "https_redirect.host"),
        ({"https_redirect": {"exempt": ["health"]}}, "https_redirect.exempt[0]"),
    ],
)
def test_what_cannot_be_used_is_named(options: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SecurityHeaders(**options)
    assert caught.value.setting == f"security_headers.{setting}"


# Clear-Site-Data


def test_a_logout_clears_cookies_and_storage_and_not_the_cache() -> None:
    name = "Clear-Site-Data"
    logout = override(clear_site_data=True)
    for status in (200, 302):
        options: Any = {"status": status, "view": lambda exchange: logout.apply(exchange.shared)}
        assert serve(SecurityHeaders(), scheme="https", **options).lines(name) == ['"cookies", "storage"']
        assert serve(SecurityHeaders(), scheme="http", **options).lines(name) == []
    rule = {"path": "/logout", "clear_site_data": ["cache", "*"]}
    feature = SecurityHeaders(paths=[rule])
    assert serve(feature, scheme="https", target="/logout").lines(name) == ['"cache", "*"']
    assert serve(feature, scheme="https", target="/").lines(name) == []


# The way to https


def asked(
    target: str = "/a?b=c", host: str | None = "shop.example", method: str = "GET", **options: Any
) -> MemoryExchange:
    headers = [] if host is None else [("host", host)]
    feature = SecurityHeaders(https_redirect=options.pop("https_redirect", True), **options)
    return serve(feature, target=target, request_headers=headers, method=method, status=200)


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("shop.example", "https://shop.example/a?b=c"),
        ("shop.example:80", "https://shop.example/a?b=c"),
        ("shop.example:8000", "https://shop.example:8000/a?b=c"),
        ("[::1]:80", "https://[::1]/a?b=c"),
    ],
)
def test_requests_over_http_are_sent_on(host: str, location: str) -> None:
    exchange = asked(host=host)
    assert (exchange.status, exchange.lines("Location")) == (301, [location])
    assert exchange.lines("X-Content-Type-Options") == ["nosniff"]
    assert exchange.lines("Strict-Transport-Security") == []


def test_other_methods_are_kept() -> None:
    assert [asked(method=method).status for method in ("GET", "HEAD", "POST", "PUT")] == [301, 301, 308, 308]


@pytest.mark.parametrize("host", [None, "", "a b", "evil.example/x", "evil@x", "a\\b", "a#", "a:b", "é"])
def test_a_host_no_url_can_hold_leads_nowhere(host: str | None) -> None:
    assert asked(host=host).status == 200


def test_a_host_of_the_settings_goes_before_the_requests() -> None:
    exchange = asked(host="evil.example", https_redirect={"host": "shop.example"})
    assert exchange.lines("Location") == ["https://shop.example/a?b=c"]


def test_exempt_paths_and_certificates_are_answered_over_http() -> None:
    exempt = {"exempt": ["/health*"]}
    paths = ("/healthz?a", "/.well-known/acme-challenge/x", "/other")
    assert [asked(path, https_redirect=exempt).status for path in paths] == [200, 200, 301]


def test_https_is_not_redirected_and_nothing_is_by_default() -> None:
    feature = SecurityHeaders(https_redirect=True)
    assert serve(feature, scheme="https", request_headers=[("host", "a.b")]).status == 200
    assert asked(https_redirect=False).status == 200
