"""`perfkit check --headers`: its rules, without a network; test_check_command.py has the command.

The scores were compared with those of `@mdn/mdn-http-observatory` 1.4 for thousands of random sets of headers.
"""

import pytest

from perfkit._check import GRADES, Response, Responses, grade
from perfkit._check import csp as csp

URL = "https://shop.example/"
GOOD_CSP = "default-src 'none'; script-src 'nonce-a' 'strict-dynamic'; frame-ancestors 'none'; base-uri 'none'"
GOOD = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": GOOD_CSP,
    "cache-control": "private",
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
ROUTE = (Response("http://shop.example/", 301), Response(URL, 200))


def page(*more, url=URL, body=b"", **changed):
    headers = GOOD | {name.replace("_", "-"): value for name, value in changed.items()}
    fields = tuple((name, value) for name, value in headers.items() if value is not None)
    return Response(url, 200, (*fields, *more), body)


def judge(*more, body=b"", url=URL, route=ROUTE, again=None, unchanged=None, stranger=None, **changed):
    return grade(Responses(page(*more, body=body, url=url, **changed), route, again, unchanged, stranger))


def points(judged):
    """Points by rule, without the rules that neither give nor take."""
    return {finding.rule: finding.points for finding in judged.findings if finding.points}


def said(judged, rule):
    return [finding.says for finding in judged.findings if finding.rule == rule]


def test_a_good_page_gets_an_a_plus():
    judged = judge()
    assert (judged.letter, judged.score) == ("A+", 130)
    assert points(judged) == {"csp": 10, "framing": 5, "corp": 10, "referrer": 5}
    assert not any(finding.setting for finding in judged.findings)


def test_a_page_without_any_header_of_these_gets_a_d():
    judged = grade(Responses(Response(URL, 200, (("content-type", "text/html"),)), ROUTE))
    assert (judged.letter, judged.score) == ("D", 30)
    assert all(finding.setting for finding in judged.findings if finding.points < 0)


def test_bonus_points_count_only_from_ninety_on():
    assert judge(content_security_policy=None).score == 75
    assert judge(content_security_policy="default-src 'self' http://a.example", x_frame_options=None).score == 60
    assert judge(x_content_type_options=None).score == 125


@pytest.mark.parametrize(("score", "letter"), [(130, "A+"), (100, "A+"), (95, "A"), (75, "B"), (70, "B"), (24, "F")])
def test_grades_are_those_of_the_observatory(score, letter):
    assert next(name for name, least in GRADES.items() if score >= least) == letter


def test_a_grade_reaches_itself_and_all_below():
    judged = judge(content_security_policy=None)
    assert judged.letter == "B"
    assert judged.reaches("B")
    assert judged.reaches("F")
    assert not judged.reaches("B+")


# The rules of the Observatory


@pytest.mark.parametrize(
    ("policy", "worth"),
    [
        ("default-src 'none'", 10),
        ("default-src", 10),
        ("default-src 'self'", 5),
        ("DEFAULT-SRC 'SELF'", 5),
        ("default-src 'self'; script-src 'nonce-a' 'unsafe-inline'", 5),
        ("default-src 'self'; script-src 'nonce-a' 'strict-dynamic' https: 'unsafe-inline'", 5),
        ("default-src 'self'; style-src 'unsafe-inline'", 0),
        ("default-src 'self'; img-src http://a.example", -10),
        ("default-src 'self'; script-src 'self' 'unsafe-eval'", -10),
        ("default-src 'self'; connect-src http://a.example", -20),
        ("default-src 'self'; script-src 'unsafe-inline'", -20),
        ("default-src 'self'; script-src https:", -20),
        ("default-src 'self'; script-src data:", -20),
        ("default-src 'self'; object-src *", -20),
        ("img-src 'self'", -20),
        ("frame-ancestors 'none'", -20),
        ("default-src 'self'; script-src 'strict-dynamic'", -25),
        ("default-src 'self'; script-src 'self'; script-src 'none'", -25),
        ("x", -25),
    ],
)
def test_a_policy_is_worth_what_it_forbids(policy, worth):
    assert csp.judge(policy, secure=True).points == worth


def test_http_sources_take_nothing_from_a_page_over_http():
    assert csp.judge("default-src 'self' http://a.example", secure=False).points == 5


def test_the_strictest_of_several_policies_counts():
    assert points(judge(("content-security-policy", "default-src *")))["csp"] == 10
    assert points(judge(content_security_policy="default-src *, default-src 'self'"))["csp"] == 5


def test_a_policy_in_the_page_counts_but_cannot_say_who_frames_it():
    body = b"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; frame-ancestors 'none'\">"
    judged = judge(content_security_policy=None, body=body)
    assert points(judged) == {"csp": 10, "referrer": 5, "corp": 10}


def test_a_policy_that_only_reports_is_no_policy():
    judged = judge(content_security_policy=None, content_security_policy_report_only="default-src 'none'")
    assert points(judged)["csp"] == -25
    assert "only reports" in said(judged, "csp")[0]


@pytest.mark.parametrize(
    ("value", "worth"),
    [
        (None, -20),
        ("max-age=15552000", 0),
        ('Max-Age="31536000" ; preload', 0),
        ("max-age=15551999", -10),
        ("max-age=0", -10),
        ("includeSubDomains", -20),
        ("max-age=x", -20),
        ("max-age=31536000, max-age=1", -20),
        ("max-age=" + "9" * 10_000, 0),
    ],
)
def test_hsts_is_worth_its_length(value, worth):
    assert points(judge(strict_transport_security=value)).get("hsts", 0) == worth


def test_a_page_over_http_loses_redirect_and_hsts():
    http = "http://shop.example/"
    judged = judge(url=http, route=(Response(http, 200),))
    assert points(judged)["hsts"] == points(judged)["redirection"] == -20


@pytest.mark.parametrize(
    ("urls", "worth"),
    [
        ([], 0),
        (["http://shop.example/", URL], 0),
        (["http://shop.example/", "https://www.shop.example/"], -5),
        (["http://shop.example/", "http://www.shop.example/", URL], -10),
        (["http://shop.example/", "http://www.shop.example/"], -20),
        (["http://shop.example/"], -20),
    ],
)
def test_the_way_to_https_is_judged_by_its_first_step(urls, worth):
    route = tuple(Response(url, 301) for url in urls)
    assert points(judge(route=route)).get("redirection", 0) == worth


@pytest.mark.parametrize(
    ("value", "worth"),
    [
        (None, 0),
        ("no-referrer", 5),
        ("unsafe-url, Strict-Origin", 5),
        ("strict-origin, unsafe-url", -5),
        ("no-referrer-when-downgrade", -5),
        ("none", -5),
    ],
)
def test_the_last_referrer_policy_that_browsers_know_counts(value, worth):
    assert points(judge(referrer_policy=value)).get("referrer", 0) == worth


@pytest.mark.parametrize(("value", "worth"), [("nosniff", 0), ("NoSniff", 0), ("sniff", -5), (None, -5)])
def test_sniffing_is_to_be_off(value, worth):
    assert points(judge(x_content_type_options=value)).get("nosniff", 0) == worth


@pytest.mark.parametrize(
    ("value", "worth"),
    [("DENY", 0), ("sameorigin", 0), ("ALLOW-FROM https://a.example", 0), ("yes", -20), (None, -20)],
)
def test_framing_is_to_be_forbidden(value, worth):
    judged = judge(content_security_policy="default-src 'none'", x_frame_options=value)
    assert points(judged).get("framing", 0) == worth


@pytest.mark.parametrize(
    ("value", "worth"), [("same-origin", 10), ("Same-Site", 10), ("cross-origin", 0), ("self", -5), (None, 0)]
)
def test_embedding_is_to_be_limited(value, worth):
    assert points(judge(cross_origin_resource_policy=value)).get("corp", 0) == worth


@pytest.mark.parametrize(
    ("line", "worth"),
    [
        ("sessionid=1; Secure; HttpOnly; SameSite=Lax", 5),
        ("sessionid=1; Secure; HttpOnly", 0),
        ("pref=1; SameSite=Lax; Secure", 5),
        ("pref=1; SameSite=Lax", -5),
        ("sessionid=1; HttpOnly; SameSite=Lax", -10),
        ("csrftoken=1; Secure", -20),
        ("pref=1; Secure; SameSite=Most", -20),
        ("pref=1; SameSite=None", -20),
        ("sessionid=1; Secure; SameSite=Lax", -30),
    ],
)
def test_a_cookie_is_worth_its_flags(line, worth):
    assert points(judge(("set-cookie", line))).get("cookies", 0) == worth


def test_cookies_without_secure_cost_more_without_hsts():
    judged = judge(("set-cookie", "pref=1; SameSite=Lax"), strict_transport_security=None)
    assert points(judged)["cookies"] == -20


def test_of_several_faulty_cookies_the_worst_takes_points_and_all_are_named():
    judged = judge(("set-cookie", "pref=1"), ("set-cookie", "sessionid=secret; Secure"))
    assert sum(finding.points for finding in judged.findings if finding.rule == "cookies") == -30
    assert {name for says in said(judged, "cookies") for name in ("pref", "sessionid") if name in says} == {
        "pref",
        "sessionid",
    }
    assert "secret" not in str(judged)


def test_a_cookie_of_a_redirect_counts():
    hop = Response("http://shop.example/", 301, (("set-cookie", "sessionid=1; Secure; SameSite=Lax"),))
    assert points(judge(route=(hop, ROUTE[1])))["cookies"] == -30


CDN = "//cdn.elsewhere.example/a.js"


@pytest.mark.parametrize(
    ("script", "worth"),
    [
        ("", 0),
        ("<script>1</script>", 0),
        ('<script src="/a.js"></script>', 0),
        ('<script src="https://[/"></script>', 0),
        ('<script src="/a.js" integrity="sha256-a"></script>', 5),
        ('<script src="https://static.shop.test/a.js"></script>', 0),
        (f'<script src="https:{CDN}" integrity="sha256-a"></script>', 5),
        (f'<script src="https:{CDN}"></script>', -5),
        (f'<script src="http:{CDN}" integrity="sha256-a"></script>', -20),
        (f'<script src="http:{CDN}"></script>', -50),
        (f'<script src="{CDN}"></script>', -50),
    ],
)
def test_scripts_of_other_sites_need_integrity(script, worth):
    judged = judge(body=f"<html>{script}".encode(), url="https://www.shop.test/")
    assert points(judged).get("integrity", 0) == worth


def test_scripts_are_looked_for_in_html_only():
    judged = judge(body=f'<script src="http:{CDN}">'.encode(), content_type="application/json")
    assert "integrity" not in points(judged)


@pytest.mark.parametrize(("credentials", "worth"), [("true", -50), (None, 0)])
def test_letting_every_site_read_as_the_visitor_costs_most(credentials, worth):
    allowed = [("access-control-allow-origin", "https://stranger.example")]
    allowed += [("access-control-allow-credentials", credentials)] if credentials else []
    assert points(judge(stranger=Response(URL, 200, tuple(allowed)))).get("cors", 0) == worth


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "app.localhost"])
def test_on_this_machine_https_is_not_graded(host):
    url = f"http://{host}/"
    cookie = ("set-cookie", "sessionid=1; HttpOnly; SameSite=Lax")
    judged = judge(cookie, url=url, route=(Response(url, 200),), strict_transport_security=None)
    assert judged.letter == "A+"
    assert {"hsts", "redirection"}.isdisjoint(points(judged))
    assert said(judged, "hsts")[0].startswith("Not graded")


# Beyond the Observatory


def test_two_policies_are_pointed_out():
    assert any("several" in says for says in said(judge(("content-security-policy", "default-src 'self'")), "csp"))
    assert not any("several" in says for says in said(judge(), "csp"))


@pytest.mark.parametrize(("value", "found"), [("1; mode=block", True), ("1", True), ("0", False)])
def test_the_old_filter_is_pointed_out_where_it_is_turned_on(value, found):
    assert bool(said(judge(("x-xss-protection", value)), "xss")) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("server", "nginx/1.25.3", True),
        ("server", "uvicorn", False),
        ("x-powered-by", "PHP/8", True),
        ("x-powered-by", "Express", False),
        ("x-aspnet-version", "4.0.30319", True),
    ],
)
def test_versions_are_pointed_out(name, value, found):
    judged = judge((name, value))
    assert bool(said(judged, "versions")) == found
    assert judged.score == 130


def test_features_that_browsers_have_dropped_are_named():
    says = said(judge(("permissions-policy", "camera=(), interest-cohort=(), vibrate=(self)")), "permissions")
    assert says == ["Permissions-Policy names what browsers no longer know: interest-cohort, vibrate"]
    assert not said(judge(("permissions-policy", "camera=()")), "permissions")
    assert said(judge(("feature-policy", "camera 'none'")), "permissions")


def test_a_nonce_that_comes_twice_is_pointed_out():
    assert any("same nonce" in says for says in said(judge(again=page()), "nonce"))
    fresh = page(content_security_policy=GOOD_CSP.replace("nonce-a", "nonce-b"))
    assert not said(judge(again=fresh), "nonce")
    no_nonce = {"content_security_policy": "default-src 'none'; frame-ancestors 'none'"}
    assert not said(judge(again=page(**no_nonce), **no_nonce), "nonce")


@pytest.mark.parametrize(("value", "found"), [("public, max-age=60", True), (None, True), ("No-Store", False)])
def test_a_nonce_in_a_shared_cache_is_pointed_out(value, found):
    assert bool(said(judge(cache_control=value), "nonce")) == found


@pytest.mark.parametrize("name", ["content-security-policy", "content-security-policy-report-only"])
def test_a_policy_with_a_304_is_pointed_out(name):
    brought = Response(URL, 304, ((name, "default-src 'self'"),))
    assert any("304" in says for says in said(judge(unchanged=brought), "nonce"))
    assert not said(judge(unchanged=brought._replace(status=200)), "nonce")
    assert not said(judge(unchanged=Response(URL, 304)), "nonce")
