"""Rows 37 and 38 of the table: cookies hardened, and the way to https."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse

from tests.conformance import direct_asgi
from tests.conformance.client import Request, Response
from tests.features.security_headers.table.doors import (
    ASGI_SECURITY,
    HTML,
    Arrival,
    Door,
    Page,
    django_host,
    of_status,
)

CSP = "Content-Security-Policy"
HTTP = Arrival(scheme="http")
HARD: dict[str, Any] = {"cookies": {"httponly": ["sid"]}}


# 37: cookies hardened


def cookies(response: Response) -> list[list[str]]:
    """Each cookie, its attributes in lower case and in order: neither means anything (RFC 6265 section 5.2)."""
    lines = [line.split("; ") for line in response.lines("Set-Cookie")]
    return [[pair, *sorted(attribute.lower() for attribute in attributes if attribute)] for pair, *attributes in lines]


def harden(door: Door, *lines: str, arrival: Arrival = Arrival(), **options: Any) -> list[list[str]]:  # noqa: B008
    page = Page(headers=[*HTML, *(("Set-Cookie", line) for line in lines)])
    return cookies(door.get(page, arrival=arrival, **(options or HARD)))


def test_a_bare_cookie_gets_what_it_lacks(door: Door) -> None:
    assert harden(door, "sid=1", "b=2") == [
        ["sid=1", "httponly", "samesite=lax", "secure"],
        ["b=2", "samesite=lax", "secure"],
    ]


def test_what_a_cookie_says_is_not_changed(door: Door) -> None:
    assert harden(door, "a=1; SameSite=None; Secure") == [["a=1", "samesite=none", "secure"]]
    assert harden(door, "a=1; SAMESITE=none; secure") == [["a=1", "samesite=none", "secure"]]
    assert harden(door, "sid=1; HTTPONLY; SameSite=Strict") == [["sid=1", "httponly", "samesite=strict", "secure"]]


def test_dates_with_commas_and_prefixes_survive(door: Door) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    lines = (
        f"__Host-sid=1; Expires={date}; Path=/; Secure",
        f"__Secure-a=2; Max-Age=60; Expires={date}; Secure",
        "b=3",
    )
    assert harden(door, *lines) == [
        ["__Host-sid=1", f"expires={date}".lower(), "path=/", "samesite=lax", "secure"],
        ["__Secure-a=2", f"expires={date}".lower(), "max-age=60", "samesite=lax", "secure"],
        ["b=3", "samesite=lax", "secure"],
    ]


def test_words_in_a_value_are_no_attributes(door: Door) -> None:
    assert harden(door, "a=secure") == [["a=secure", "samesite=lax", "secure"]]
    if not door.django:  # which has no cookies of such names
        assert harden(door, "secure=1") == [["secure=1", "samesite=lax", "secure"]]


def test_deleting_a_cookie_still_deletes_it(door: Door) -> None:
    (cookie,) = harden(door, "sid=; Max-Age=0; Path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT")
    assert {"max-age=0", "path=/"} <= set(cookie)
    assert cookie[0] in ("sid=", 'sid=""')  # so does Django itself


def test_over_http_no_cookie_becomes_secure(door: Door) -> None:
    assert harden(door, "a=1", arrival=HTTP) == [["a=1", "samesite=lax"]]
    proxied = Arrival(scheme="http", sections={"client": {"trusted_proxies": ["192.0.2.1"]}})
    page = Page(headers=[*HTML, ("Set-Cookie", "a=1")])
    response = door.get(page, request_headers=[("X-Forwarded-Proto", "https")], arrival=proxied, **HARD)
    assert cookies(response) == [["a=1", "samesite=lax", "secure"]]


def test_by_default_cookies_are_left_alone_and_hardened_in_strict_presets(door: Door) -> None:
    for preset, attributes in (("balanced", []), ("api", []), ("strict", ["secure"]), ("owasp", ["secure"])):
        assert [each for each in harden(door, "a=1", preset=preset)[0][1:] if each != "samesite=lax"] == attributes


@pytest.mark.parametrize("status", [200, 302, 304, 401, 500])
def test_cookies_of_every_status_are_hardened(door: Door, status: int) -> None:
    response = door.get(of_status(status, ("Set-Cookie", "a=1"), ("Set-Cookie", "sid=2")), **HARD)
    assert [line[-1] for line in cookies(response)] == ["secure", "secure"]


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@pytest.mark.parametrize("options", [{}, HARD, {"preset": "strict"}])
def test_a_cookie_that_a_django_view_wrote_as_a_header_is_not_lost(protocol: str, options: Any) -> None:
    def view(request: Any, rest: str = "") -> HttpResponse:
        response = HttpResponse()
        response.headers["Set-Cookie"] = "raw=1; Path=/; Secure; Partitioned"
        response.set_cookie("b", "2")
        return response

    found = cookies(django_host(protocol, view, **options).fetch(Request("GET", "/")))
    assert sorted(cookie[0] for cookie in found) == ["b=2", "raw=1"]
    raw = next(cookie for cookie in found if cookie[0] == "raw=1")
    assert {"partitioned", "path=/", "secure"} <= set(raw)
    assert ("samesite=lax" in raw) == bool(options)


# 38: the way to https


def sent_on(
    door: Door, target: str = "/", *, method: str = "GET", host: str | None = "shop.example", **facts: Any
) -> Any:
    arrival = Arrival(scheme="http", host=host, raw_path=facts.pop("raw_path", None))
    response = door.get(target=target, method=method, arrival=arrival, https_redirect=facts or True)
    assert response.status in (200, 301, 308)
    return response.header("Location")


def test_requests_over_http_are_sent_on(door: Door) -> None:
    assert sent_on(door, "/a/b%20c?d=e&f=%2F") == "https://shop.example/a/b%20c?d=e&f=%2F"
    assert sent_on(door, host="shop.example:80") == "https://shop.example/"
    assert sent_on(door, host="shop.example:8000") == "https://shop.example:8000/"
    assert sent_on(door, host="[::1]:80") == "https://[::1]/"


def test_over_https_they_are_answered(door: Door) -> None:
    assert door.get(https_redirect=True).status == 200
    proxied = Arrival(scheme="http", sections={"client": {"trusted_proxies": ["192.0.2.1"]}})
    told = [("X-Forwarded-Proto", "https")]
    assert door.get(https_redirect=True, arrival=proxied, request_headers=told).status == 200  # no endless loop
    assert door.get(https_redirect=True, arrival=HTTP, request_headers=told).status == 301


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("OPTIONS", 308)]
)
def test_a_method_with_a_body_stays_what_it_is(door: Door, method: str, status: int) -> None:
    response = door.get(method=method, arrival=HTTP, https_redirect=True)
    assert (response.status, response.body) == (status, b"")


def test_the_redirect_has_the_headers_but_no_hsts(door: Door) -> None:
    response = door.get(arrival=HTTP, https_redirect=True)
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.lines("Strict-Transport-Security") == response.lines(CSP) == []
    assert len(response.lines("Referrer-Policy")) == 1


def test_exempt_paths_and_those_of_acme_are_answered(door: Door) -> None:
    for path in ("/health", "/health/live", "/.well-known/acme-challenge/token"):
        assert sent_on(door, path, exempt=["/health*"]) is None
    for path in ("/healt", "/x/health", "/?/health", "/.well-known/acme-challenge", "/.well-known/security.txt"):
        assert sent_on(door, path, exempt=["/health*"]) == f"https://shop.example{path}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example/x",
        "evil.example?x",
        "evil.example#x",
        "user@evil.example",
        "shop.example@evil.example",
        "shop.example, evil.example",
        "shop.example evil.example",
        "shop.example:80:80",
        "shop.example:evil",
        "shop.example\\.evil.example",
        "caf\xe9.example",
        "[::1",
        "[evil.example]",
        ":80",
        "",
        None,
    ],
)
def test_a_host_no_url_can_hold_leads_nowhere(door: Door, host: str | None) -> None:
    assert sent_on(door, host=host) is None


def test_a_named_host_is_gone_to_whatever_the_request_says(door: Door) -> None:
    for host in ("evil.example", "evil.example/x", ""):
        arrival = Arrival(scheme="http", host=host)
        response = door.get(arrival=arrival, https_redirect={"host": "shop.example"})
        assert response.lines("Location") == ["https://shop.example/"]


@pytest.mark.parametrize(
    "target", ["//evil.example/", "/%0d%0aSet-Cookie:%20a=1", "/\\evil.example", "/@evil.example", "/%00"]
)
def test_no_path_leads_elsewhere_or_ends_the_header(door: Door, target: str) -> None:
    location = sent_on(door, target)
    assert location.startswith("https://shop.example/")
    assert location.isprintable()


@pytest.mark.parametrize(
    "raw_path", [b".evil.example/", b"@evil.example/", b":1@evil.example", b"http://evil.example/", b"*"]
)
@pytest.mark.parametrize("name", [None, "shop.example"])
def test_a_request_target_that_is_no_path_leads_nowhere(raw_path: bytes, name: str | None) -> None:
    # Servers hand over what stands in the request line, such as "GET .evil.example/ HTTP/1.1".
    scope = direct_asgi.scope(path=raw_path.decode(), raw_path=raw_path, headers=[*direct_asgi.scope()["headers"]])
    app = ASGI_SECURITY(direct_asgi.says(direct_asgi.START, direct_asgi.body(b"")), https_redirect={"host": name})
    talk = direct_asgi.talk_to(app, scope=scope)
    assert b"location" not in talk.headers
