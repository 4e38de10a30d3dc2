"""Profiles: pages, data, what pages load and what browsers save have policies of their own."""

from typing import Any

import pytest

from perfkit import ConfigurationError, SecurityHeaders
from perfkit.features.security_headers._plan import MAX_CONTENT_TYPES, Plan
from tests.memory_exchange import MemoryExchange, serve

CSP = "Content-Security-Policy"
RO = f"{CSP}-Report-Only"
CORP = "Cross-Origin-Resource-Policy"
API = "default-src 'none'; frame-ancestors 'none'"


def sent(content_type: str | None = "text/html", *more: tuple[str, str], status: int = 200, **options: Any) -> Any:
    headers = [*([] if content_type is None else [("content-type", content_type)]), *more]
    return dict(serve(SecurityHeaders(**options), headers=headers, status=status, scheme="https").headers)


HTML = ["text/html", "text/html; charset=utf-8", "TEXT/HTML", " text/html ;x", "application/xhtml+xml"]
API_TYPES = [None, "", "application/json", "application/problem+json", "text/plain", "text/xml", "text/event-stream"]
STATIC = [
    "image/png",
    "image/svg+xml",
    "font/woff2",
    "text/css; charset=utf-8",
    "text/javascript",
    "application/javascript",
    "application/wasm",
    "application/pdf",
    "audio/mpeg",
    "video/mp4",
]
DOWNLOADS = ["application/octet-stream", "application/zip", "text/csv", "application/vnd.ms-excel"]


@pytest.mark.parametrize("content_type", API_TYPES)
def test_data_has_an_enforced_policy_out_of_the_box(content_type: str | None) -> None:
    headers = sent(content_type)
    assert headers[CSP] == API
    assert headers[CORP] == "same-origin"


@pytest.mark.parametrize("content_type", HTML)
def test_pages_have_no_policy_until_one_is_set(content_type: str) -> None:
    headers = sent(content_type)
    assert CSP not in headers
    assert RO not in headers
    assert headers[CORP] == "same-origin"
    assert sent(content_type, csp={"html": {"default-src": ["'self'"]}})[CSP].startswith("default-src 'self'")


def test_pages_report_what_the_proposal_would_block_once_there_is_a_place_to_report_to() -> None:
    headers = sent(reporting={"csp": "/csp-reports"})
    assert CSP not in headers
    assert "script-src 'none'" in headers[RO]
    assert RO not in sent(reporting={"csp": "/csp-reports"}, csp={"html": "self"})
    assert RO not in sent(reporting={"csp": "/csp-reports"}, csp_report_only=False)


@pytest.mark.parametrize("content_type", STATIC)
def test_what_pages_load_stays_usable_by_workers_and_other_sites(content_type: str) -> None:
    headers = sent(content_type, reporting={"csp": "/r"})
    assert not {CSP, RO, CORP, "Reporting-Endpoints"} & set(headers)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("content_type", DOWNLOADS)
def test_downloads_have_a_policy_and_may_be_embedded(content_type: str) -> None:
    headers = sent(content_type)
    assert headers[CSP] == API
    assert CORP not in headers
    assert sent(content_type, preset="strict")[CSP].startswith("default-src 'none'; sandbox; ")


def test_each_profile_can_have_a_policy_and_a_resource_policy() -> None:
    options: dict[str, Any] = {
        "frame": False,
        "csp": {name: {"img-src": [f"{name}.example"]} for name in ("html", "api", "static", "download")},
        "corp": {"html": False, "api": "same-site", "static": "cross-origin", "download": "same-origin"},
    }
    seen = [sent(each, **options) for each in ("text/html", "text/plain", "image/png", "application/zip")]
    assert [headers[CSP] for headers in seen] == [
        f"img-src {name}.example" for name in ("html", "api", "static", "download")
    ]
    assert [headers.get(CORP) for headers in seen] == [None, "same-site", "cross-origin", "same-origin"]


# What the application has set


@pytest.mark.parametrize(("name", "other"), [(CSP, RO), (RO, CSP)])
def test_no_second_policy_of_the_same_kind(name: str, other: str) -> None:
    policy = {"default-src": ["'self'"]}
    headers = [("Content-Type", "text/html"), (name.lower(), "img-src 'self'")]
    exchange = serve(SecurityHeaders(csp={"html": policy}, csp_report_only=policy), headers=headers)
    assert exchange.lines(name) == ["img-src 'self'"]
    assert exchange.lines(other)[0].startswith("default-src 'self'")


def test_two_policies_of_the_application_stay_two() -> None:
    own = [("Content-Type", "text/html"), (CSP, "img-src 'self'"), (CSP.upper(), "font-src 'self'")]
    exchange = serve(SecurityHeaders(csp={"html": "self"}), headers=own)
    assert exchange.lines(CSP) == ["img-src 'self'", "font-src 'self'"]


@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
def test_x_frame_options_of_the_application_is_not_contradicted(content_type: str) -> None:
    headers = sent(content_type, ("X-FRAME-Options", "SAMEORIGIN"), preset="strict")
    assert "default-src 'none'" in headers[CSP]
    assert "frame-ancestors" not in headers[CSP]


# One setting for frames


@pytest.mark.parametrize(
    ("frame", "options", "ancestors"),
    [
        (True, "DENY", ["'none'"]),
        ("deny", "DENY", ["'none'"]),
        ("sameorigin", "SAMEORIGIN", ["'self'"]),
        (False, None, None),
    ],
)
def test_both_headers_say_who_may_frame(frame: Any, options: str | None, ancestors: list[str] | None) -> None:
    for content_type in ("text/html", "application/json"):
        headers = sent(content_type, frame=frame, csp={"html": {"img-src": ["*"]}})
        assert headers.get("X-Frame-Options") == options
        assert ("frame-ancestors" in headers[CSP]) == (ancestors is not None)
        assert ancestors is None or headers[CSP].endswith(f"frame-ancestors {ancestors[0]}")


@pytest.mark.parametrize(
    ("ancestors", "options"),
    [("'none'", "DENY"), ("'self'", "SAMEORIGIN"), ("https://partner.example", None), ("'self' https:", None)],
)
def test_x_frame_options_says_what_frame_ancestors_says_or_nothing(ancestors: str, options: str | None) -> None:
    headers = sent(csp={"html": {"frame-ancestors": ancestors}})
    assert headers[CSP] == f"frame-ancestors {ancestors}"
    assert headers.get("X-Frame-Options") == options


def test_two_settings_that_say_different_things_of_frames_are_refused() -> None:
    policy = {"frame-ancestors": ["'none'"]}
    SecurityHeaders(frame="deny", csp={"html": policy})
    with pytest.raises(ConfigurationError, match="is not what frame-ancestors in") as caught:
        SecurityHeaders(frame="sameorigin", csp={"html": policy})
    assert caught.value.setting == "security_headers.frame"


def test_several_policies_have_frame_ancestors_once() -> None:
    headers = sent(csp={"html": [{"img-src": ["*"]}, {"font-src": ["*"]}]})
    assert headers[CSP] == "img-src *; frame-ancestors 'none', font-src *"


# Pages that help to debug


@pytest.mark.parametrize(("status", "guarded"), [(404, False), (500, False), (200, True), (403, True), (503, True)])
def test_debug_leaves_the_policy_out_of_pages_of_errors(status: int, guarded: bool) -> None:
    assert (CSP in sent(csp={"html": "self"}, debug=True, status=status)) is guarded
    assert CSP in sent(csp={"html": "self"}, status=status)
    assert CSP in sent("application/json", debug=True, status=status)


def test_debug_follows_the_framework_where_the_host_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryExchange, "debug", True)
    assert CSP not in sent(csp={"html": "self"}, status=500)
    assert CSP in sent(csp={"html": "self"}, status=500, debug=False)


# Memory


def test_content_types_from_outside_do_not_fill_the_memory() -> None:
    feature = SecurityHeaders()
    for number in range(MAX_CONTENT_TYPES * 2):
        exchange = serve(feature, headers=[("Content-Type", f"image/x-{number}")])
        assert exchange.lines(CSP) == []
    assert max(len(plan) for pair in feature._plans for plan in pair) <= MAX_CONTENT_TYPES
    assert isinstance(feature._http, Plan)
