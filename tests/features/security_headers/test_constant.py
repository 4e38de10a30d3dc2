"""The headers that hardly depend on the response: that the application's own stay, and what settings are refused."""

from typing import Any

import pytest

from perfkit import ConfigurationError, HeaderName, SecurityHeaders
from perfkit.exchange import HeaderBlock
from tests.memory_exchange import MemoryExchange, serve

BALANCED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
# A redirect leads to something else, and a 304 changes what a cache has stored.
CONSTANT = dict(list(BALANCED.items())[:-2])
HSTS = "Strict-Transport-Security"


def sent(scheme: str = "http", **options: Any) -> dict[str, str]:
    exchange = serve(SecurityHeaders(**options), scheme=scheme)
    headers = dict(exchange.headers)
    assert len(headers) == len(exchange.headers), "a header twice"
    return headers


# The preset


def test_balanced_is_the_default() -> None:
    assert sent() == sent(preset="balanced") == BALANCED


def test_hsts_over_https_only() -> None:
    assert sent("https") == BALANCED | {HSTS: "max-age=31536000"}
    assert HSTS not in sent("http")


@pytest.mark.parametrize("status", [200, 204, 404, 429, 500])
def test_every_response_has_them(status: int) -> None:
    assert dict(serve(SecurityHeaders(), status=status).headers) == BALANCED


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
@pytest.mark.parametrize("content_type", ["text/html", "application/json", "image/png"])
def test_redirects_and_304_have_what_does_not_depend_on_content(status: int, content_type: str) -> None:
    headers = dict(serve(SecurityHeaders(), status=status, headers=[("Content-Type", content_type)]).headers)
    del headers["Content-Type"]
    assert headers == CONSTANT


def test_what_the_application_has_set_stays() -> None:
    own = [
        ("x-frame-options", "SAMEORIGIN"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("STRICT-transport-security", "max-age=0"),
    ]
    exchange = serve(SecurityHeaders(), headers=own, scheme="https")
    assert exchange.headers[:4] == own
    expected = BALANCED | {"Content-Security-Policy": "default-src 'none'"}
    del expected["X-Frame-Options"]
    assert dict(exchange.headers[4:]) == expected


# Other values


@pytest.mark.parametrize(
    ("option", "value", "header", "expected"),
    [
        ("frame", "sameorigin", "X-Frame-Options", "SAMEORIGIN"),
        ("frame", True, "X-Frame-Options", "DENY"),
        ("frame", False, "X-Frame-Options", None),
        ("nosniff", False, "X-Content-Type-Options", None),
        ("referrer_policy", "no-referrer", "Referrer-Policy", "no-referrer"),
        ("referrer_policy", False, "Referrer-Policy", None),
        ("coop", "same-origin-allow-popups", "Cross-Origin-Opener-Policy", "same-origin-allow-popups"),
        ("coop", False, "Cross-Origin-Opener-Policy", None),
        ("origin_agent_cluster", False, "Origin-Agent-Cluster", None),
        ("permissions", False, "Permissions-Policy", None),
        ("permissions", {}, "Permissions-Policy", None),
        ("hsts", False, HSTS, None),
        ("hsts", {}, HSTS, "max-age=31536000"),
        ("hsts", {"max_age": 0}, HSTS, "max-age=0"),
        ("hsts", {"max_age": 60, "include_subdomains": True}, HSTS, "max-age=60; includeSubDomains"),
        (
            "hsts",
            {"include_subdomains": True, "preload": True},
            HSTS,
            "max-age=31536000; includeSubDomains; preload",
        ),
    ],
)
def test_each_header_can_be_changed_or_left_out(option: str, value: object, header: str, expected: str | None) -> None:
    assert sent("https", **{option: value}).get(header) == expected


def test_one_option_changes_one_header() -> None:
    others = {name: value for name, value in BALANCED.items() if name != "Referrer-Policy"}
    assert sent(referrer_policy=False) == others


def test_permissions_are_a_structured_dictionary() -> None:
    permissions = {
        "camera": [],
        "fullscreen": ["*"],
        "geolocation": ["self", "https://maps.example", "https://*.tiles.example:8443"],
        "picture-in-picture": ["self"],
    }
    assert sent(permissions=permissions)["Permissions-Policy"] == (
        'camera=(), fullscreen=*, geolocation=(self "https://maps.example" "https://*.tiles.example:8443"), '
        "picture-in-picture=(self)"
    )


def test_all_of_them_can_be_left_out() -> None:
    every = "nosniff frame referrer_policy coop coep corp origin_agent_cluster permissions hsts csp".split()
    assert sent("https", **dict.fromkeys(every, False)) == {}


def test_other_headers_of_your_own() -> None:
    others = {"Integrity-Policy": "blocked-destinations=(script)", "X-Robots-Tag": "noindex"}
    assert others.items() <= sent(headers=others).items()
    exchange = serve(SecurityHeaders(headers=others), headers=[("x-robots-tag", "all")])
    assert exchange.lines("X-Robots-Tag") == ["all"]


# Bad settings


@pytest.mark.parametrize(
    ("option", "value", "setting"),
    [
        ("preset", "stric", "preset"),
        ("frame", "ALLOW-FROM https://a.example", "frame"),
        ("frame", "deny\r\nX-Injected: 1", "frame"),
        ("referrer_policy", "no-referer", "referrer_policy"),
        ("coop", "sameorigin", "coop"),
        ("hsts", "max-age=1", "hsts"),
        ("hsts", {"max_age": -1}, "hsts.max_age"),
        ("hsts", {"maxage": 1}, "hsts.maxage"),
        ("hsts", {"preload": True}, "hsts.preload"),
        ("hsts", {"preload": True, "include_subdomains": True, "max_age": 86400}, "hsts.preload"),
        ("permissions", {"Camera": []}, "permissions"),
        ("permissions", {"camera=*, x": []}, "permissions"),
        ("permissions", {"camera\r\nX": []}, "permissions"),
        ("permissions", {"camera": "self"}, "permissions.camera"),
        ("permissions", {"camera": ["self", "maps.example"]}, "permissions.camera[1]"),
        ("permissions", {"camera": ["'self'"]}, "permissions.camera[0]"),
        ("permissions", {"camera": ["https://a.example/"]}, "permissions.camera[0]"),
        ("permissions", {"camera": ['https://a.example" *']}, "permissions.camera[0]"),
        ("permissions", {"camera": ["https://a.example\r\nX: 1"]}, "permissions.camera[0]"),
        ("permissions", {"camera": ["https://日本.example"]}, "permissions.camera[0]"),
        ("permissions", {"camera": ["self", "*"]}, "permissions.camera[1]"),
        ("headers", {"X-A": "1\r\nX-B: 2"}, "headers.X-A"),
        ("headers", {"X-A": "日本"}, "headers.X-A"),
        ("headers", {"X-A:": "1"}, "headers.X-A:"),
        ("headers", {"X-A": "1" * 1_000_000}, ""),
        ("headers", {"Content-Length": "1"}, "headers.Content-Length"),
        ("headers", {"x-frame-options": "DENY"}, "headers.x-frame-options"),
        ("nosnif", True, "nosnif"),
    ],
)
def test_what_cannot_be_used_is_named(option: str, value: object, setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SecurityHeaders(**{option: value})
    assert caught.value.setting == f"security_headers.{setting}".removesuffix(".")
    assert "\n" not in str(caught.value)


def test_the_preload_message_says_what_to_write() -> None:
    with pytest.raises(
        ConfigurationError, match=r"write preload = false, or include_subdomains = true and max_age = 31536000$"
    ):
        SecurityHeaders(hsts={"preload": True})


# The path of a response


def test_one_look_at_scheme_and_type_and_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def scheme(exchange: MemoryExchange) -> str:
        calls.append("scheme")
        return "https"

    def response_header(exchange: MemoryExchange, name: HeaderName) -> str:
        calls.append(name.lower)
        return "application/json"

    def add_headers(exchange: MemoryExchange, block: HeaderBlock) -> bool:
        calls.append(block)
        return True

    monkeypatch.setattr(MemoryExchange, "scheme", property(scheme))
    monkeypatch.setattr(MemoryExchange, "response_header", response_header)
    monkeypatch.setattr(MemoryExchange, "add_headers", add_headers)
    feature = SecurityHeaders()
    for _ in range(2):
        feature.on_response(MemoryExchange())
    assert calls[:2] == calls[3:5] == ["scheme", "content-type"]
    assert calls[2] is calls[5]
    assert len(calls) == 6
