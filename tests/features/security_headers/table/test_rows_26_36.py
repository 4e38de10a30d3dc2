"""Rows 26 to 36 of the table: each of the other headers."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit.csp import override, replace
from tests.features.security_headers.policy_parser import parse
from tests.features.security_headers.table.doors import HTML, JSON, Arrival, Door, Page, Shared, of_status
from tests.features.security_headers.table.structured import structured

CSP = "Content-Security-Policy"
PRESETS = pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
IMAGE = Page(headers=[("Content-Type", "image/png")], body=b"")
# Browsers know none of these any more, and say so in the console of every page.
DEAD = {"interest-cohort", "document-domain", "vr", "battery", "execution-while-not-rendered", "navigation-override"}


# 26: Cross-Origin-Opener-Policy


@PRESETS
def test_coop_is_same_origin(door: Door, preset: str) -> None:
    assert door.get(preset=preset).lines("Cross-Origin-Opener-Policy") == ["same-origin"]


def test_coop_can_allow_popups_on_one_path(door: Door) -> None:
    rules = [{"path": "/login", "coop": "same-origin-allow-popups"}]
    assert door.get(target="/login", paths=rules).header("Cross-Origin-Opener-Policy") == "same-origin-allow-popups"
    assert door.get(target="/other", paths=rules).header("Cross-Origin-Opener-Policy") == "same-origin"


# 27: Cross-Origin-Embedder-Policy is off


def test_coep_is_off_unless_it_is_asked_for(door: Door) -> None:
    for preset in ("balanced", "strict", "api"):
        assert door.get(preset=preset).lines("Cross-Origin-Embedder-Policy") == []
    assert door.get(preset="owasp").lines("Cross-Origin-Embedder-Policy") == ["require-corp"]
    assert door.get(preset="owasp", coep=False).lines("Cross-Origin-Embedder-Policy") == []
    assert door.get(coep="credentialless").lines("Cross-Origin-Embedder-Policy") == ["credentialless"]


# 28: Cross-Origin-Resource-Policy, and not where others embed


def test_corp_is_for_pages_and_data(door: Door) -> None:
    for page in (Page(), Page(headers=JSON)):
        assert door.get(page).lines("Cross-Origin-Resource-Policy") == ["same-origin"]


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "IMAGE/SVG+XML",
        "font/woff2",
        "video/mp4",
        "audio/ogg",
        "text/css",
        "text/javascript",
        "application/zip",
    ],
)
def test_corp_is_not_sent_with_what_others_embed(door: Door, content_type: str) -> None:
    page = Page(headers=[("Content-Type", content_type)], body=b"")
    assert door.get(page).lines("Cross-Origin-Resource-Policy") == []
    assert door.get(page, corp={"html": "same-site"}).lines("Cross-Origin-Resource-Policy") == []


@PRESETS
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_corp_is_not_sent_with_a_redirect_which_may_lead_to_an_image(door: Door, preset: str, status: int) -> None:
    page = of_status(status, ("Location", "/logo.png"))
    assert door.get(page, preset=preset).lines("Cross-Origin-Resource-Policy") == []


# 29: Origin-Agent-Cluster


@PRESETS
def test_origin_agent_cluster_is_a_structured_true(door: Door, preset: str) -> None:
    value, parameters = structured(door.get(preset=preset).header("Origin-Agent-Cluster"), "item")
    assert value is True  # and not the 1 that equals it
    assert parameters == {}
    assert door.get(preset=preset, origin_agent_cluster=False).lines("Origin-Agent-Cluster") == []


# 30: Permissions-Policy is a structured dictionary (RFC 9651)


def permissions(door: Door, **options: Any) -> dict[str, list[str]]:
    """Each feature with its allow-list, as a browser reads it."""
    parsed = structured(door.get(**options).header("Permissions-Policy"), "dictionary")
    members = {feature: value if isinstance(value, list) else [(value, {})] for feature, (value, _) in parsed.items()}
    # An origin is a string, which browsers tell from the tokens self and *.
    return {
        feature: [f'"{member}"' if type(member) is str else str(member) for member, _ in value]
        for feature, value in members.items()
    }


@PRESETS
def test_presets_forbid_features_that_browsers_know(door: Door, preset: str) -> None:
    policy = permissions(door, preset=preset)
    assert {"camera", "geolocation", "microphone"} <= set(policy)
    assert all(origins == [] for origins in policy.values())
    assert not DEAD & set(policy)


def test_a_policy_reads_back_as_it_was_written(door: Door) -> None:
    written = {
        "camera": [],
        "geolocation": ["self", "https://maps.example:8443", "https://*.example.com"],
        "fullscreen": ["*"],
        "microphone": ["https://[::1]"],
    }
    read = permissions(door, permissions=written)
    assert read == {
        "camera": [],
        "geolocation": ["self", '"https://maps.example:8443"', '"https://*.example.com"'],
        "fullscreen": ["*"],
        "microphone": ['"https://[::1]"'],
    }


@pytest.mark.parametrize(
    "origin",
    [
        "'self'",
        "none",
        "maps.example",
        "https://maps.example/",
        "https://Maps.example",
        'https://a"',
        "https://a\\",
        "",
        "src",
    ],
)
def test_what_is_no_origin_is_refused(door: Door, origin: str) -> None:
    with pytest.raises(Exception, match="is not an origin"):
        door.get(permissions={"camera": [origin]})


@pytest.mark.parametrize("feature", ["Camera", "camera=()", "camera, x", "", "1camera", "cam era", "caméra"])
def test_what_is_no_feature_is_refused(door: Door, feature: str) -> None:
    with pytest.raises(Exception, match="is not the name of a browser feature"):
        door.get(permissions={feature: []})


# 31, 32: Referrer-Policy and nosniff


@pytest.mark.parametrize("page", [Page(), Page(headers=JSON), IMAGE, of_status(302), of_status(304), Page(status=500)])
def test_every_response_has_them(door: Door, page: Page) -> None:
    response = door.get(page)
    assert response.lines("Referrer-Policy") == ["strict-origin-when-cross-origin"]
    assert response.lines("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("preset", ["strict", "api", "owasp"])
def test_stricter_presets_send_no_referrer(door: Door, preset: str) -> None:
    assert door.get(preset=preset).lines("Referrer-Policy") == ["no-referrer"]


def test_they_can_be_chosen_and_left_out(door: Door) -> None:
    assert door.get(referrer_policy="same-origin").lines("Referrer-Policy") == ["same-origin"]
    left_out = door.get(referrer_policy=False, nosniff=False)
    assert left_out.lines("Referrer-Policy") == left_out.lines("X-Content-Type-Options") == []
    with pytest.raises(Exception, match="referrer_policy"):
        door.get(referrer_policy="no-refferer")


# 33: X-Frame-Options says what frame-ancestors says

AGREEING = {"DENY": ["'none'"], "SAMEORIGIN": ["'self'"]}


def framing(door: Door, view: Any = Page(), **options: Any) -> tuple[list[str], list[str] | None]:  # noqa: B008
    response = door.get(view, **options)
    policies = parse(response.header(CSP) or "") if response.lines(CSP) else []
    named = [policy["frame-ancestors"] for policy in policies if "frame-ancestors" in policy]
    return response.lines("X-Frame-Options"), named[0] if named else None


@PRESETS
@pytest.mark.parametrize("frame", [True, "deny", "sameorigin"])
def test_one_setting_decides_about_both(door: Door, preset: str, frame: Any) -> None:
    for page in (Page(), Page(headers=JSON)):
        (old,), new = framing(door, page, preset=preset, frame=frame)
        assert old == ("SAMEORIGIN" if frame == "sameorigin" else "DENY")
        assert new in (AGREEING[old], None)


@pytest.mark.parametrize(
    ("ancestors", "old"),
    [(["'none'"], ["DENY"]), (["'self'"], ["SAMEORIGIN"]), (["https://partner.example"], []), (["'self'", "a.b"], [])],
)
def test_frame_ancestors_decides_about_both(door: Door, ancestors: list[str], old: list[str]) -> None:
    policy = {"frame-ancestors": ancestors}
    assert framing(door, csp={"html": policy}) == (old, ancestors)
    assert framing(door, lambda shared: replacing(shared, policy)) == (old, ancestors)
    assert framing(door, paths=[{"path": "/", "csp": policy}]) == (old, ancestors)


def replacing(shared: Shared, policy: dict[str, list[str]]) -> Page:
    replace(policy).apply(shared)
    return Page()


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("own", ["SAMEORIGIN", "ALLOW-FROM https://a.b"])
def test_the_application_decides_about_both(door: Door, own: str, status: int) -> None:
    page = Page(status=status, headers=[*HTML, ("x-frame-options", own)])
    assert framing(door, page, csp={"html": "self"}) == ([own], None)


@pytest.mark.parametrize("own", ["DENY", "deny"])
def test_an_application_that_says_the_same_keeps_frame_ancestors(door: Door, own: str) -> None:
    for options in ({"preset": "strict"}, {"csp": {"html": "self"}}):
        assert framing(door, Page(headers=[*HTML, ("X-Frame-Options", own)]), **options) == ([own], ["'none'"])


def test_no_frame_setting_sends_neither(door: Door) -> None:
    assert framing(door, frame=False, csp={"html": "self"}) == ([], None)
    assert framing(door, unframed, csp={"html": "self"}) == ([], None)


def unframed(shared: Shared) -> Page:
    override(frame=False).apply(shared)
    return Page()


def test_two_settings_that_differ_are_refused(door: Door) -> None:
    with pytest.raises(Exception, match="is not what frame-ancestors"):
        door.get(frame="deny", csp={"html": {"frame-ancestors": ["'self'"]}})


# 34: X-XSS-Protection


@PRESETS
def test_x_xss_protection_is_never_sent(door: Door, preset: str) -> None:
    for page in (Page(), Page(headers=JSON), Page(status=500)):
        assert door.get(page, preset=preset).lines("X-XSS-Protection") == []


def test_that_of_the_application_can_be_removed(door: Door) -> None:
    page = Page(headers=[*HTML, ("x-xss-PROTECTION", "1; mode=block")])
    assert door.get(page, remove=["X-XSS-Protection"]).lines("X-XSS-Protection") == []
    assert door.get(page).lines("X-XSS-Protection") == ["1; mode=block"]  # what the application sets is its own


# 35: Clear-Site-Data only where it is asked for

LOGOUT: dict[str, Any] = {"paths": [{"path": "/logout", "clear_site_data": True}]}


@PRESETS
@pytest.mark.parametrize("target", ["/", "/logout/x", "/login?next=/logout"])
def test_site_data_is_cleared_nowhere_else(door: Door, preset: str, target: str) -> None:
    assert door.get(target=target, preset=preset, **LOGOUT).lines("Clear-Site-Data") == []


@pytest.mark.parametrize("status", [200, 204, 302, 303])
def test_logging_out_clears_cookies_and_storage_and_not_the_cache(door: Door, status: int) -> None:
    page = of_status(status) if status != 204 else Page(status=204, headers=(), body=b"")
    value = door.get(page, "/logout", method="POST", **LOGOUT).header("Clear-Site-Data")
    assert structured(value, "list") == [("cookies", {}), ("storage", {})]


def test_over_http_browsers_ignore_it(door: Door) -> None:
    assert door.get(target="/logout", arrival=Arrival(scheme="http"), **LOGOUT).lines("Clear-Site-Data") == []


def test_a_view_can_clear_what_it_names(door: Door) -> None:
    def view(shared: Shared) -> Page:
        override(clear_site_data=["cache", "executionContexts"]).apply(shared)
        return Page()

    assert door.get(view).header("Clear-Site-Data") == '"cache", "executionContexts"'


def test_it_cannot_be_set_for_all_responses(door: Door) -> None:
    for options in ({"headers": {"Clear-Site-Data": '"*"'}}, {"clear_site_data": True}):
        with pytest.raises(Exception, match="clear_site_data"):
            door.get(**options)


# 36: headers that tell what runs here

TELLING = [("Server", "mine/1.0"), ("x-powered-by", "coffee"), ("X-POWERED-BY", "tea")]


@pytest.mark.parametrize("options", [{"preset": "strict"}, {"preset": "owasp"}, {"remove": ["SERVER", "x-Powered-By"]}])
@pytest.mark.parametrize("status", [200, 302, 304, 500])
def test_headers_that_tell_are_removed_with_all_their_lines(door: Door, options: Any, status: int) -> None:
    response = door.get(of_status(status, *TELLING, ("X-Kept", "1"), ("Set-Cookie", "a=1")), **options)
    # Nor is an empty one put there, beside which a server would add its own.
    assert response.lines("Server") == response.lines("X-Powered-By") == []
    assert response.lines("X-Kept") == ["1"]
    assert response.lines("Set-Cookie")[0].startswith("a=1")


def test_by_default_they_are_left_alone(door: Door) -> None:
    response = door.get(Page(headers=[*HTML, *TELLING]))
    assert response.lines("Server") == ["mine/1.0"]
    assert response.members("X-Powered-By") == ["coffee", "tea"]


@pytest.mark.parametrize("name", ["Set-Cookie", "content-type", "Location", "VARY", "Content-Length", "not a name", ""])
def test_what_a_response_needs_cannot_be_removed(door: Door, name: str) -> None:
    with pytest.raises(Exception, match=r"remove\[0\]"):
        door.get(remove=[name])
