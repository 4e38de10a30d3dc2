"""Rows 1 to 9 of the table: the scheme, the headers of the application, and policies as they are written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfkit import ConfigurationError
from perfkit.asgi import SecurityHeadersMiddleware
from tests.conformance.client import Pairs, Response
from tests.features.security_headers.policy_parser import parse
from tests.features.security_headers.table.doors import DOORS, HTML, JSON, Arrival, Door, Page, of_status

CSP = "Content-Security-Policy"
RO = "Content-Security-Policy-Report-Only"
HSTS = "Strict-Transport-Security"
PROXY = "192.0.2.1"
TRUSTING = {"client": {"trusted_proxies": ["192.0.2.0/24"]}}


# 1: HSTS only on secure requests (RFC 6797 section 7.2)


@pytest.mark.parametrize("status", [200, 301, 304, 404, 500])
def test_hsts_is_sent_over_https_whatever_the_status(door: Door, status: int) -> None:
    assert door.get(of_status(status)).lines(HSTS) == ["max-age=31536000"]


@pytest.mark.parametrize("status", [200, 301, 304, 404, 500])
@pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
def test_hsts_is_never_sent_over_http(door: Door, preset: str, status: int) -> None:
    response = door.get(of_status(status), arrival=Arrival(scheme="http"), preset=preset)
    assert response.lines(HSTS) == []
    assert response.lines("X-Content-Type-Options") == ["nosniff"]  # the others are


def test_preload_is_sent_only_where_it_is_asked_for(door: Door) -> None:
    for preset in ("balanced", "strict", "api", "owasp"):
        assert "preload" not in (door.get(preset=preset).header(HSTS) or "")
    asked = {"max_age": 63_072_000, "include_subdomains": True, "preload": True}
    assert door.get(hsts=asked).header(HSTS) == "max-age=63072000; includeSubDomains; preload"


# 2: the scheme is taken only from a trusted proxy

FORGERIES: list[Pairs] = [
    (("X-Forwarded-Proto", "https"),),
    (("x-forwarded-proto", "HTTPS"),),
    (("X-Forwarded-Proto", "https"), ("X-Forwarded-For", PROXY)),
    (("Forwarded", "for=192.0.2.1;proto=https"),),
    (("X-Forwarded-Ssl", "on"),),
    (("Front-End-Https", "on"),),
    (("X-Forwarded-Scheme", "https"),),
    (("X-Url-Scheme", "https"),),
]


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_forged_scheme_is_not_believed(door: Door, forged: Pairs) -> None:
    assert door.get(request_headers=forged, arrival=Arrival(scheme="http")).lines(HSTS) == []


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_scheme_from_beside_the_trusted_proxies_is_not_believed(door: Door, forged: Pairs) -> None:
    stranger = Arrival(scheme="http", peer="198.51.100.9", sections=TRUSTING)
    assert door.get(request_headers=forged, arrival=stranger).lines(HSTS) == []


def is_https(door: Door, *told: tuple[str, str], scheme: str = "http", **client: Any) -> bool:
    sections = {"client": {**TRUSTING["client"], **client}}
    return bool(
        door.get(request_headers=told, arrival=Arrival(scheme=scheme, peer=PROXY, sections=sections)).lines(HSTS)
    )


def test_the_scheme_of_a_trusted_proxy_counts(door: Door) -> None:
    assert is_https(door, ("X-Forwarded-Proto", "https"))
    assert is_https(door, ("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-For", "203.0.113.7"))
    assert not is_https(door, ("X-Forwarded-Proto", "http"), scheme="https")
    assert not is_https(door, ("X-Forwarded-Proto", "on"))


def test_of_a_list_of_schemes_that_counts_which_trusted_proxies_wrote(door: Door) -> None:
    # The client wrote what stands left; the proxy appended the scheme it saw (Vigil#101).
    assert is_https(door, ("X-Forwarded-Proto", "https, http"), ("X-Forwarded-For", "203.0.113.7, 192.0.2.2"))
    assert not is_https(door, ("X-Forwarded-Proto", "https, http"), ("X-Forwarded-For", "192.0.2.3, 203.0.113.7"))
    assert is_https(door, ("X-Forwarded-Proto", "http, https"), ("X-Forwarded-For", "192.0.2.3, 203.0.113.7"))
    # Without addresses, what the nearest one wrote.
    assert not is_https(door, ("X-Forwarded-Proto", "https, http"))
    assert not is_https(door, ("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http"))


def test_forwarded_counts_where_it_is_chosen_and_only_there(door: Door) -> None:
    forwarded = ("Forwarded", 'for="203.0.113.7";proto=https')
    assert is_https(door, forwarded, header="forwarded")
    assert not is_https(door, forwarded)
    assert not is_https(door, ("X-Forwarded-Proto", "https"), header="forwarded")


# 3: a header set by the application wins

OWN: Pairs = (
    ("x-FRAME-options", "SAMEORIGIN"),
    ("REFERRER-POLICY", "unsafe-url"),
    ("x-content-type-options", ""),
    ("Cross-Origin-Opener-Policy", "unsafe-none"),
    ("cross-origin-RESOURCE-policy", "cross-origin"),
    ("Origin-Agent-Cluster", "?0"),
    ("Permissions-Policy", "camera=*"),
    ("strict-transport-security", "max-age=0"),
)


@pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
@pytest.mark.parametrize("profile", [HTML, JSON])
def test_what_the_application_has_set_wins(door: Door, preset: str, profile: Pairs) -> None:
    response = door.get(Page(headers=[*profile, *OWN]), preset=preset)
    for name, value in OWN:
        assert response.lines(name) == [value]


@pytest.mark.parametrize("profile", [HTML, JSON])
def test_each_wins_alone(door: Door, profile: Pairs) -> None:
    for name, value in OWN:
        response = door.get(Page(headers=[*profile, (name.swapcase(), value)]))
        assert response.lines(name) == [value]
        assert all(len(response.lines(other)) == 1 for other, _ in OWN)


def test_two_lines_of_one_header_both_stay(door: Door) -> None:
    response = door.get(Page(headers=[*HTML, ("Referrer-Policy", "no-referrer"), ("referrer-policy", "same-origin")]))
    assert response.members("Referrer-Policy") == ["no-referrer", "same-origin"]


@pytest.mark.parametrize("force", ["X-Frame-Options", "x-frame-options", "X-FRAME-OPTIONS", "x-Frame-Options"])
def test_a_header_in_force_wins_however_its_name_is_written(door: Door, force: str) -> None:
    page = Page(headers=[*HTML, ("x-frame-OPTIONS", "ALLOWALL"), ("Referrer-Policy", "unsafe-url")])
    response = door.get(page, force=[force])
    assert response.lines("X-Frame-Options") == ["DENY"]
    assert response.lines("Referrer-Policy") == ["unsafe-url"]


def test_force_takes_nothing_out_that_has_no_successor(door: Door) -> None:
    page = Page(headers=[*HTML, ("Strict-Transport-Security", "max-age=1"), ("X-Mine", "1"), (CSP, "img-src a.b")])
    response = door.get(page, force=[HSTS, "X-Mine", CSP], hsts=False)
    assert response.lines(HSTS) == ["max-age=1"]
    assert response.lines("X-Mine") == ["1"]
    assert response.lines(CSP) == ["img-src a.b"]


def test_force_reaches_policies_with_a_nonce(door: Door) -> None:
    def view(shared: Any) -> Page:
        return Page(headers=[*HTML, (CSP, "img-src a.b"), (CSP, "img-src c.d")], body=str(shared["csp_nonce"]).encode())

    response = door.get(view, csp={"html": "nonce"}, force=[CSP.lower()])
    (policy,) = parse(response.header(CSP) or "")
    assert policy["script-src"] == [f"'nonce-{response.body.decode()}'", "'strict-dynamic'"]


# 4: other headers are never touched

COOKIES: Pairs = (
    ("Set-Cookie", "a=1"),
    ("set-cookie", "b=2; Path=/x; Max-Age=0"),
    ("SET-COOKIE", "c=3; expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/"),
    ("Set-Cookie", "d=4"),
)
OTHERS: Pairs = (
    ("Vary", "Accept"),
    ("Link", "</a>; rel=preload"),
    ("ETag", 'W/"1"'),
    ("Cache-Control", "public, max-age=60"),
    ("Server", "mine/1.0"),
    ("X-Powered-By", "coffee"),
    ("X-Empty", ""),
)


def test_the_application_that_broke_secure_keeps_its_cookie(door: Door) -> None:
    # secure 2.0.1 takes the header at a stale index out: hsts, referrer-policy, set-cookie in this order.
    headers = [*HTML, (HSTS, "max-age=1"), ("Referrer-Policy", "no-referrer"), ("Set-Cookie", "sid=1")]
    assert door.get(Page(headers=headers)).lines("Set-Cookie") == ["sid=1"]


@pytest.mark.parametrize(
    "options", [{}, {"force": ["x-frame-options", "referrer-policy", HSTS]}, {"remove": ["x-gone"]}]
)
def test_all_other_headers_pass_as_they_are(door: Door, options: Any) -> None:
    for mine in ([], [("X-Frame-Options", "DENY"), (HSTS, "max-age=1"), ("X-Gone", "1")]):
        response = door.get(Page(headers=[*mine, *HTML, *COOKIES, *mine, *OTHERS]), **options)
        assert [line.partition(";")[0] for line in response.lines("Set-Cookie")] == ["a=1", "b=2", "c=3", "d=4"]
        for name, value in OTHERS:
            assert response.lines(name) == [value]


def test_cookies_keep_every_attribute_in_its_own_line(door: Door) -> None:
    lines = door.get(Page(headers=[*HTML, *COOKIES])).lines("Set-Cookie")
    assert [attributes(line) for line in lines] == [attributes(value) for _, value in COOKIES]


def attributes(cookie: str) -> list[str]:
    """What a cookie says; their order and the case of their names mean nothing (RFC 6265 section 5.2)."""
    pair, *others = cookie.split("; ")
    return [pair, *sorted(each[:1].upper() + each[1:] for each in others)]


@pytest.mark.parametrize("value", ["caf\xe9", "\xe2\x82\xac 5", "\xff\x80"])
def test_values_outside_of_ascii_pass(door: Door, value: str) -> None:
    headers = [*HTML, ("X-Name", value), ("Set-Cookie", "a=1")]
    response = door.get(Page(headers=headers), force=["x-frame-options"], remove=["x-gone"])
    assert response.lines("X-Name") == [value]


@pytest.mark.parametrize("content_type", ["text/html; charset=\xff", "text/\xe9", "", ";", " text/html ", "TEXT/HTML"])
def test_odd_content_types_pass_and_get_the_headers(door: Door, content_type: str) -> None:
    response = door.get(Page(headers=[("Content-Type", content_type)]))
    assert [line.strip() for line in response.lines("Content-Type")] == [content_type.strip()]
    assert response.header("X-Content-Type-Options") == "nosniff"


def test_a_megabyte_in_a_header_is_kept(door: Door) -> None:
    long = "x" * 2**20
    response = door.get(Page(headers=[*HTML, ("X-Long", long), (CSP, f"img-src {long}")]), force=["x-frame-options"])
    assert response.lines("X-Long") == [long]
    assert response.lines(CSP) == [f"img-src {long}"]


def test_a_thousand_headers_are_kept_in_their_order(door: Door) -> None:
    many = [(f"X-Number-{number}", str(number)) for number in range(1000)]
    response = door.get(Page(headers=[*many, *HTML]), force=["x-frame-options"], remove=["x-number-7"])
    kept = [(name.lower(), value) for name, value in response.headers if name.lower().startswith("x-number-")]
    assert kept == [(name.lower(), value) for name, value in many if name != "X-Number-7"]
    assert response.header("X-Frame-Options") == "DENY"


# 5: no accidental second policy

GIVEN: dict[str, Pairs] = {
    "one": ((CSP, "script-src 'self'"),),
    "a list": ((CSP, "script-src 'self', img-src *"),),
    "two lines": ((CSP, "script-src 'self'"), ("content-security-policy", "img-src *")),
    "in odd case": (("cOnTeNt-SeCuRiTy-PoLiCy", "script-src 'self'"),),
    "empty": ((CSP, ""),),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
@pytest.mark.parametrize("preset", ["balanced", "strict", "owasp"])
@pytest.mark.parametrize("nonced", [False, True])
def test_a_policy_of_the_application_stays_the_only_one(door: Door, given: Pairs, preset: str, nonced: bool) -> None:
    def view(shared: Any) -> Page:
        return Page(headers=[*HTML, *given], body=str(shared["csp_nonce"]).encode() if nonced else b"")

    response = door.get(view, preset=preset)
    assert response.members(CSP) == [member.strip() for _, value in given for member in value.split(",")]


def test_a_policy_that_enforces_and_one_that_reports_are_told_apart(door: Door) -> None:
    options: dict[str, Any] = {"csp": {"html": "self"}, "csp_report_only": {"img-src": ["'self'"]}}
    reporting = door.get(Page(headers=[*HTML, (RO, "img-src *")]), **options)
    assert reporting.lines(RO) == ["img-src *"]
    assert reporting.header(CSP) is not None
    enforcing = door.get(Page(headers=[*HTML, (CSP, "img-src *")]), **options)
    assert enforcing.lines(CSP) == ["img-src *"]
    assert enforcing.lines(RO) == ["img-src 'self'"]


# 6, 7: what would end a source, and keywords without quotes, are refused at start-up; each door has its own


def refused(door: Door, source: object, directive: str = "script-src") -> str:
    with pytest.raises(ConfigurationError) as caught:
        door.get(csp={"html": {directive: source}})
    return str(caught.value)


def test_no_character_can_end_a_source(door: Door) -> None:
    for code in (*range(0x21), ord(";"), ord(","), 0x7F, 0xA0, 0x2028, 0xE9, 0x20AC):
        for source in (f"https://a{chr(code)}script-src *", f"https://a/{chr(code)}", f"{chr(code)}https://a"):
            refused(door, [source])


def test_a_directive_cannot_be_smuggled_in(door: Door) -> None:
    assert "script-src[1]" in refused(door, ["'self'", "https://a; object-src *"])
    for name in ("script-src *; img-src", "script-src\nimg-src", "", "script src", "img-src,"):
        with pytest.raises(ConfigurationError):
            door.get(csp={"html": {name: ["'self'"]}})
        with pytest.raises(ConfigurationError):
            door.get(paths=[{"path": "/", "csp": {"extend": {name: ["'self'"]}}}])


@pytest.mark.parametrize("word", ["self", "none", "unsafe-inline", "UNSAFE-EVAL", "strict-dynamic", "nonce"])
def test_keywords_need_their_quotes(door: Door, word: str) -> None:
    assert f"'{word.lower()}'" in refused(door, [word])


def test_none_stands_alone(door: Door) -> None:
    for sources in (["'none'", "https://a.b"], ["'self'", "'NONE'"], "'none' 'self'"):
        assert "'none'" in refused(door, sources)


def test_what_is_no_source_is_refused(door: Door) -> None:
    for source in ("'nonce-abc'", "'sha256-abc'", "'slef'", "https", "data", "*.*", "https://", "a b", "'self"):
        refused(door, [source])


# 8: directives nobody knows are kept


@pytest.mark.parametrize("directive", ["fenced-frame-src", "new-fangled-src", "webrtc"])
def test_directives_nobody_knows_are_kept(door: Door, directive: str) -> None:
    sources = ["https://a.b"] if directive.endswith("src") else ["'block'"]
    (policy,) = parse(door.get(csp={"html": {directive: sources}}).header(CSP) or "")
    assert policy[directive] == sources


# 9: the same bytes in every process

SOURCES = ("'self'", "https:", "data:", "b.example", "a.example", "*.c.example", "blob:")


def head_of_all_doors() -> None:
    """Print what each door sends; the sources come in whatever order this process has its sets in."""
    policy = {directive: list(set(SOURCES)) for directive in {"img-src", "font-src", "style-src", "connect-src"}}
    for door in DOORS:
        print(door.name, security_headers(door.get(preset="strict", csp={"html": policy}, csp_report_only=[policy])))


def security_headers(response: Response) -> list[tuple[str, str]]:
    return [pair for pair in response.headers if pair[0].lower() not in ("content-type", "content-length")]


def test_headers_are_the_same_bytes_in_every_process() -> None:
    code = f"from {__name__} import head_of_all_doors; head_of_all_doors()"
    seen = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        root = Path(__file__).parents[4]
        command = [sys.executable, "-c", code]
        seen.add(subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True).stdout)
    (only,) = seen
    assert len(only.splitlines()) == len(DOORS)
    assert b"script" not in only
    assert only.count(b"img-src *.c.example 'self' a.example") == 0
    assert only.count(b"'self' *.c.example a.example b.example blob: data: https:") == 8 * len(DOORS)


def test_headers_come_in_the_same_order_each_time(door: Door) -> None:
    first = door.get(preset="owasp").headers
    assert door.get(preset="owasp").headers == first
    assert [name.lower() for name, _ in first].index("x-content-type-options") < len(first)


def test_the_middleware_refuses_unknown_options() -> None:
    with pytest.raises(ConfigurationError, match="did you mean"):
        SecurityHeadersMiddleware(lambda *_: None, refferer_policy="no-referrer")  # type: ignore[arg-type]
