"""Rows 10 to 18 of the table: nonces, several policies, and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from perfkit.asgi import PerfkitMiddleware as AsgiMiddleware
from perfkit.wsgi import PerfkitMiddleware as WsgiMiddleware
from tests.conformance import direct_asgi, direct_wsgi
from tests.conformance.client import Pairs, Response
from tests.features.security_headers.policy_parser import parse
from tests.features.security_headers.table.doors import HTML, JSON, Arrival, Door, Page, Shared, View, of_status
from tests.features.security_headers.table.structured import structured

CSP = "Content-Security-Policy"
RO = "Content-Security-Policy-Report-Only"
NONCED: dict[str, Any] = {"csp": {"html": "nonce"}}
MADE = re.compile(r"[A-Za-z0-9_-]{32}")


def printing(page: Page | None = None) -> View:
    """A view whose page prints the nonce."""

    def view(shared: Shared) -> Page:
        nonce = str(shared["csp_nonce"])
        return Page(body=nonce.encode()) if page is None else page

    return view


def nonces(response: Response, header: str = CSP) -> set[str]:
    return set(re.findall(r"'nonce-([^']*)'", response.header(header) or ""))


# 10: a nonce for each response, made only where it is used


def test_a_page_that_prints_its_nonce_has_it_in_its_policy(door: Door) -> None:
    response = door.get(printing(), **NONCED)
    nonce = response.body.decode()
    assert MADE.fullmatch(nonce)
    (policy,) = parse(response.header(CSP) or "")
    assert policy["script-src"] == [f"'nonce-{nonce}'", "'strict-dynamic'"]
    assert policy["style-src"] == [f"'nonce-{nonce}'", "'self'"]


def test_no_two_responses_have_the_same(door: Door) -> None:
    assert len({door.get(printing(), **NONCED).body for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "looks", [lambda shared: None, lambda shared: shared["csp_nonce"], lambda shared: "x" in shared]
)
def test_where_it_is_not_printed_none_is_made(door: Door, looks: Any) -> None:
    def view(shared: Shared) -> Page:
        looks(shared)
        return Page(headers=[*HTML, ("Cache-Control", "public, max-age=60")])

    response = door.get(view, **NONCED)
    assert nonces(response) == set()
    assert "'nonce" not in str(response.headers)  # nor the placeholder
    assert response.lines("Cache-Control") == ["public, max-age=60"]


def test_the_answer_to_head_names_the_nonce_and_is_private_too(door: Door) -> None:
    response = door.get(printing(), method="HEAD", **NONCED)
    assert len(nonces(response)) == 1
    assert response.lines("Cache-Control") == ["private"]


def test_each_policy_of_a_page_names_the_same(door: Door) -> None:
    policy = {"script-src": ["'nonce'"]}
    response = door.get(printing(), csp={"html": [policy, policy]}, csp_report_only=[policy])
    assert nonces(response) == nonces(response, RO) == {response.body.decode()}
    assert (response.header(CSP) or "").count("'nonce-") == 2


# 11: the nonce is there without a framework


def test_plain_applications_find_it_in_scope_and_environ() -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        found = str(scope["perfkit"]["csp_nonce"]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": found})

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        found = str(environ["perfkit"]["csp_nonce"]).encode()
        start_response("200 OK", [("Content-Type", "text/html")])
        return [found]

    settings = {"security_headers": NONCED}
    talk = direct_asgi.talk_to(AsgiMiddleware(asgi, settings))
    assert f"'nonce-{talk.body.decode()}'".encode() in talk.headers[b"content-security-policy"]
    call = direct_wsgi.call_host(WsgiMiddleware(wsgi, settings))
    (body,) = call.items()
    assert f"'nonce-{body.decode()}'" in call.headers[CSP]


# 12: an error where it is first read after the headers


def late(shared: Shared) -> Page:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        yield str(shared["csp_nonce"]).encode()

    return Page(stream=chunks)


def test_reading_it_late_in_a_stream_is_an_error_that_names_the_mend(door: Door) -> None:
    response = door.get(late, **NONCED)
    assert b"".join(response.chunks) == b"first"
    assert isinstance(response.error, RuntimeError)
    assert "read it before the first byte of the body" in str(response.error)
    assert nonces(response) == set()


def test_reading_it_in_the_view_lets_the_stream_print_it(door: Door) -> None:
    def view(shared: Shared) -> Page:
        str(shared["csp_nonce"])
        return late(shared)

    response = door.get(view, **NONCED)
    assert response.error is None
    assert nonces(response) == {response.body.decode().removeprefix("first")}
    assert response.lines("Cache-Control") == ["private"]


def test_its_truth_says_whether_it_can_still_be_read(door: Door) -> None:
    def view(shared: Shared) -> Page:
        nonce = shared["csp_nonce"]
        before = bool(nonce)

        def chunks() -> Iterator[bytes]:
            yield b"first "
            yield f"{before} {bool(nonce)}".encode()

        return Page(stream=chunks)

    assert door.get(view, **NONCED).body == b"first True False"


# 13: kept out of shared caches


@pytest.mark.parametrize(
    "given",
    [
        "public",
        "PUBLIC",
        "Public, Max-Age=600",
        "max-age=600,public",
        "public,s-maxage=600",
        "s-maxage=600",
        "S-MAXAGE=600, must-revalidate",
        "public, private",
        'private="set-cookie", public',
        'private="x-user"',
        "public=1",
        'public, no-cache="set-cookie, public"',
        "max-age=600",
        "immutable",
        " public ",
        "",
    ],
)
def test_a_page_with_a_nonce_is_private_however_public_it_says_it_is(door: Door, given: str) -> None:
    response = door.get(printing(Page(headers=[*HTML, ("cache-CONTROL", given)])), **NONCED)
    (line,) = response.lines("Cache-Control")
    plain = [member.strip().lower() for member in re.sub('"[^"]*"', "", line).split(",")]
    assert plain.count("private") == 1
    assert not {name.partition("=")[0] for name in plain} & {"public", "s-maxage"}
    for kept in ("max-age=600", "must-revalidate", "immutable"):
        assert (kept in plain) == (kept in given.lower().replace(" ", ""))


@pytest.mark.parametrize("given", ["no-store", "No-Store, max-age=0", "private", "Private, max-age=60"])
def test_what_no_shared_cache_keeps_stays_as_it_is(door: Door, given: str) -> None:
    page = Page(headers=[*HTML, ("Cache-Control", given)])
    assert door.get(printing(page), **NONCED).lines("Cache-Control") == [given]


def test_two_lines_of_cache_control_count_as_one(door: Door) -> None:
    page = Page(headers=[*HTML, ("Cache-Control", "private"), ("cache-control", "s-maxage=60")])
    assert door.get(printing(page), **NONCED).lines("Cache-Control") == ["private"]


@pytest.mark.parametrize(
    "page", [Page(status=404), Page(status=500), Page(headers=JSON), Page(headers=[(CSP, "img-src *"), *HTML])]
)
def test_any_response_that_read_it_is_private(door: Door, page: Page) -> None:
    assert door.get(printing(page), **NONCED).lines("Cache-Control") == ["private"]


@pytest.mark.parametrize("lines", [("script-src 'nonce-abc'",), ("img-src *", "script-src 'nonce-abc'")])
def test_a_page_with_a_nonce_of_its_own_is_private_too(door: Door, lines: tuple[str, ...]) -> None:
    policies = [(CSP.lower(), line) for line in lines]
    response = door.get(Page(headers=[*HTML, *policies, ("Cache-Control", "public")]))
    assert response.lines("Cache-Control") == ["private"]


# 14: a 304 never has a policy

OWN_POLICIES: Pairs = (
    (CSP, "script-src 'nonce-abc'"),
    ("content-security-policy", "img-src *"),
    (RO.upper(), "img-src *"),
)


@pytest.mark.parametrize("own", [(), OWN_POLICIES], ids=["ours", "its own"])
@pytest.mark.parametrize("reads", [False, True], ids=["unread", "read"])
@pytest.mark.parametrize("options", [NONCED, {"preset": "strict"}, {"csp": {"html": "nonce"}, "force": [CSP, RO]}])
def test_a_304_has_no_policy(door: Door, own: Pairs, reads: bool, options: Any) -> None:
    page = of_status(304, ("ETag", '"1"'), *own)
    options = {**options, "csp_report_only": "nonce", "paths": [{"path": "/", "csp": "swagger"}]}
    response = door.get(printing(page) if reads else page, request_headers=[("If-None-Match", '"1"')], **options)
    assert response.status == 304
    assert [name for name, _ in response.headers if "policy" in name.lower() and "security" in name.lower()] == []
    assert response.lines("ETag") == ['"1"']
    assert response.lines("X-Content-Type-Options") == ["nosniff"]
    assert response.lines("Cache-Control") == (["private"] if reads else [])


def test_a_304_says_nothing_of_where_the_stored_body_may_be_embedded(door: Door) -> None:
    assert door.get(of_status(304), preset="owasp").lines("Cross-Origin-Resource-Policy") == []


def test_a_304_with_a_content_type_is_no_page_either() -> None:
    # Some ASGI frameworks send one; it is of the stored page.
    start = direct_asgi.start(status=304, headers=[(b"content-type", b"text/html"), (b"etag", b'"1"')])
    app = AsgiMiddleware(direct_asgi.says(start, direct_asgi.body(b"")), {"security_headers": NONCED})
    assert b"content-security-policy" not in direct_asgi.talk_to(app).headers


# 15, 16: enforced and only reporting at once, several of each


def test_policies_of_both_kinds_and_several_of_each_are_sent(door: Door) -> None:
    types = {"require-trusted-types-for": ["'script'"]}
    response = door.get(
        csp={"html": [{"img-src": ["'self'"]}, {"img-src": ["https:"]}]}, csp_report_only=[{"img-src": ["*"]}, types]
    )
    first, second = parse(response.header(CSP) or "")
    assert (first["img-src"], second["img-src"]) == (["'self'"], ["https:"])
    assert parse(response.header(RO) or "") == [{"img-src": ["*"]}, {"require-trusted-types-for": ["'script'"]}]


def test_several_policies_stand_in_one_line_each(door: Door) -> None:
    for header in (CSP, RO):
        response = door.get(csp={"html": [{"img-src": ["*"]}] * 3}, csp_report_only=[{"img-src": ["*"]}] * 3)
        assert len(response.lines(header)) == 1


def test_what_only_enforces_is_left_out_of_what_reports(door: Door) -> None:
    policy = {"sandbox": True, "upgrade-insecure-requests": True, "img-src": ["*"]}
    assert door.get(csp_report_only=policy).header(RO) == "img-src *"


# 17: Reporting-Endpoints beside report-to and report-uri


@pytest.mark.parametrize("place", ["/csp-reports/", "https://reports.example/csp?k=1"])
def test_the_place_to_report_to_is_named_three_times(door: Door, place: str) -> None:
    response = door.get(csp={"html": "self"}, csp_report_only="api", reporting={"csp": place})
    assert response.lines("Reporting-Endpoints") == [f'csp="{place}"']
    for header in (CSP, RO):
        (policy,) = parse(response.header(header) or "")
        assert policy["report-uri"] == [place]
        assert policy["report-to"] == ["csp"]


def test_reporting_endpoints_is_a_structured_dictionary(door: Door) -> None:
    response = door.get(csp={"html": "self"}, reporting={"csp": "https://reports.example/csp?a=b"})
    parsed = structured(response.header("Reporting-Endpoints"), "dictionary")
    assert parsed == {"csp": ("https://reports.example/csp?a=b", {})}


def test_over_http_only_report_uri_is_named(door: Door) -> None:
    options: dict[str, Any] = {"csp": {"html": "self"}, "reporting": {"csp": "/r"}}
    response = door.get(arrival=Arrival(scheme="http"), **options)
    assert response.lines("Reporting-Endpoints") == []
    (policy,) = parse(response.header(CSP) or "")
    assert policy["report-uri"] == ["/r"]
    assert "report-to" not in policy


def test_reporting_alone_makes_pages_report_and_enforces_nothing(door: Door) -> None:
    response = door.get(reporting={"csp": "/r"})
    assert response.lines(CSP) == []
    assert parse(response.header(RO) or "")[0]["report-uri"] == ["/r"]
    assert not {RO, "Reporting-Endpoints"} & {
        name for name, _ in door.get(Page(headers=JSON), reporting={"csp": "/r"}).headers
    }


@pytest.mark.parametrize(
    "place", ['/r"', "/r;", "/r s", "//evil.example", "reports", "javascript:alert(1)", "/r\n", "/r,"]
)
def test_a_place_that_would_end_a_header_is_refused(door: Door, place: str) -> None:
    with pytest.raises(Exception, match="no place to report to"):
        door.get(reporting={"csp": place})


# 18: a sample of the responses asks for reports


def test_a_sample_of_the_responses_asks_for_reports(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {
        "csp": {"html": "self"},
        "csp_report_only": "api",
        "reporting": {"csp": "/r", "sample": 0.25},
    }
    asked = []
    for drawn in (0.0, 0.24, 0.25, 0.99):
        monkeypatch.setattr("random.random", lambda drawn=drawn: drawn)
        response = door.get(**options)
        asked.append(bool(response.lines("Reporting-Endpoints")))
        assert ("report-uri" in (response.header(CSP) or "")) == asked[-1]
        assert bool(response.lines(RO)) == asked[-1]
        assert "default-src 'self'" in (response.header(CSP) or "")  # enforced all the same
    assert asked == [True, True, False, False]


# 10 to 14 together, as a browser sees them: a page, kept, and asked for again


def test_a_page_that_is_asked_for_again_keeps_the_policy_of_its_body(door: Door) -> None:
    def view(shared: Shared) -> Page:
        return (
            of_status(304, ("ETag", '"v1"'))
            if state["asked"]
            else printing(Page(headers=[*HTML, ("ETag", '"v1"')]))(shared)
        )

    state = {"asked": False}
    page = door.get(view, **NONCED)
    state["asked"] = True
    stored = dict(page.headers)
    stored.update(door.get(view, request_headers=[("If-None-Match", '"v1"')], **NONCED).headers)  # RFC 9111 section 3.2
    assert {key.lower(): value for key, value in stored.items()}[CSP.lower()] == page.header(CSP)
