"""What clients are told: the RateLimit fields, Retry-After, and the answer to a refused request."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Reply
from perfkit.exchange import CONTENT_TYPE, HeaderName
from perfkit.features.rate_limit import MemoryStore, Refusal
from perfkit.features.rate_limit._answers import preferred
from tests.features.rate_limit.visits import Seconds, Visit, limited, parsed, rule, statuses, visit

FIELDS = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-RateLimit-Limit")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
    return clock


def refused(*rules: Any, **options: Any) -> Visit:
    feature = limited(*(rules or [rule("1/minute")]), **options)
    visit(feature)
    return visit(feature)


def fields(exchange: Visit) -> list[str]:
    return [name for name in FIELDS if exchange.lines(name)]


class TestFields:
    def test_of_an_admitted_request(self):
        exchange = visit(limited(rule("10 per 5 minutes", "burst", algorithm="gcra")))
        assert parsed(exchange.header("RateLimit-Policy")) == [("burst", {"q": 10, "w": 300})]
        assert parsed(exchange.header("RateLimit")) == [("burst", {"r": 9, "t": 30})]
        assert exchange.header("Retry-After") is None

    @pytest.mark.parametrize(("passed", "told"), [(0.0, 60), (0.5, 60), (1.0, 59), (29.9, 31)])
    def test_round_seconds_up(self, clock, passed, told):
        feature = limited(rule("2/minute", algorithm="gcra"))
        visit(feature)
        clock.now += passed
        assert parsed(visit(feature).header("RateLimit"))[0][1]["t"] == told

    def test_list_all_policies(self):
        exchange = visit(limited(rule("10/second, 100/minute", "a"), rule("5/day", "b")))
        names = ["a-1s", "a-60s", "b"]
        assert [name for name, _ in parsed(exchange.header("RateLimit-Policy"))] == names
        assert [name for name, _ in parsed(exchange.header("RateLimit"))] == names

    def test_name_the_unit(self):
        exchange = visit(limited(rule("10/minute", unit="content-bytes")))
        assert parsed(exchange.header("RateLimit-Policy")) == [("rule", {"q": 10, "w": 60, "qu": "content-bytes"})]

    def test_escape_names(self):
        name = 'a "b\\c"'
        exchange = visit(limited(rule(name=name)))
        assert parsed(exchange.header("RateLimit"))[0][0] == name
        assert parsed(exchange.header("RateLimit-Policy"))[0][0] == name

    def test_join_what_the_application_sends(self):
        exchange = visit(
            limited(rule("5/minute")), headers=[("RateLimit", '"own";r=1'), ("RateLimit-Policy", '"own";q=2')]
        )
        assert [name for name, _ in parsed(", ".join(exchange.lines("RateLimit")))] == ["own", "rule"]

    @pytest.mark.parametrize(("status", "told"), [(302, False), (304, True), (200, True), (404, True)])
    def test_of_nothing_left_are_not_on_a_redirect(self, status, told):
        assert bool(visit(limited(rule("1/minute")), status=status).lines("RateLimit")) is told

    def test_of_something_left_are_on_a_redirect(self):
        assert visit(limited(rule("2/minute")), status=302).lines("RateLimit")

    @given(
        st.integers(1, 10**15 - 1),
        st.integers(1, 10**8),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1),
    )
    def test_are_always_structured_fields(self, quota, window, name):
        exchange = visit(limited(rule(f"{quota} per {window} seconds", name)))
        assert parsed(exchange.header("RateLimit-Policy")) == [(name, {"q": quota, "w": window})]
        ((told, state),) = parsed(exchange.header("RateLimit"))
        assert told == name
        assert 0 <= state["r"] < quota
        assert state["t"] >= 0


class TestWhen:
    def test_always(self):
        assert fields(visit(limited(rule()))) == ["RateLimit", "RateLimit-Policy"]

    def test_low(self):
        feature = limited(rule("10/minute"), headers="low")
        told = [bool(visit(feature).lines("RateLimit")) for _ in range(11)]
        assert told == [False] * 8 + [True] * 3

    def test_refused(self):
        feature = limited(rule("1/minute"), headers="refused")
        assert fields(visit(feature)) == []
        assert fields(visit(feature)) == ["RateLimit", "RateLimit-Policy", "Retry-After"]

    def test_never(self):
        assert fields(refused(headers="never")) == ["Retry-After"]


class TestLegacy:
    def test_fields_of_the_policy_with_the_least_left(self, monkeypatch):
        monkeypatch.setattr("perfkit.features.rate_limit._fields.time", lambda: 1_700_000_000.5)
        exchange = visit(limited(rule("10/minute"), rule("5/hour", "b"), legacy_headers=True))
        assert exchange.header("X-RateLimit-Limit") == "5"
        assert exchange.header("X-RateLimit-Remaining") == "4"
        assert exchange.header("X-RateLimit-Reset") == str(1_700_000_000 + 7200)

    def test_leave_the_applications_own(self):
        exchange = visit(limited(rule("10/minute"), legacy_headers=True), headers=[("X-RateLimit-Limit", "7")])
        assert exchange.lines("X-RateLimit-Limit") == ["7"]

    def test_are_on_refusals(self):
        assert refused(legacy_headers=True).header("X-RateLimit-Remaining") == "0"


class TestRefusal:
    def test_is_a_429_that_nobody_stores(self):
        exchange = refused()
        assert exchange.status == 429
        assert exchange.header("Cache-Control") == "no-store"

    def test_says_when_to_come_back(self, clock):
        feature = limited(rule("1/minute"))
        statuses(feature, 2)
        clock.now += 0.25
        assert visit(feature).header("Retry-After") == "120"
        clock.now += 119
        assert visit(feature).header("Retry-After") == "1"

    def test_says_when_all_policies_that_refuse_it_admit_it(self):
        exchange = refused(rule("1/minute", "a"), rule("1/hour", "b"), rule("5/day", "c"))
        assert exchange.header("Retry-After") == str(2 * 3600)
        assert parsed(exchange.header("RateLimit")) == [
            ("a", {"r": 0, "t": 120}),
            ("b", {"r": 0, "t": 7200}),
            ("c", {"r": 4}),
        ]

    def test_never_says_to_come_back_before_a_quota_is_there(self):
        exchange = refused(rule("1/minute", "a"), rule("1/hour", "b"), rule("5/day", "c"))
        seconds = int(exchange.header("Retry-After") or "")
        assert all(state.get("t", 0) <= seconds for _, state in parsed(exchange.header("RateLimit")))

    def test_status_can_be_another(self):
        assert refused(status=503).status == 503

    def test_is_a_problem(self):
        exchange = refused(rule("1/minute", "a"), rule("1/hour", "b"), rule("5/day", "c"))
        assert exchange.header("Content-Type") == "application/problem+json"
        assert json.loads(exchange.body or b"") == {
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Too many requests",
            "status": 429,
            "detail": "Try again in 7200 seconds.",
            "violated-policies": ["a", "b"],
        }

    def test_of_who_is_banned_is_a_problem_of_its_own(self):
        feature = limited(rule("1/minute", ban={"after": 1, "for": 60}))
        visit(feature)
        for _ in range(2):
            assert json.loads(visit(feature).body or b"")["type"].endswith("#abnormal-usage-detected")

    def test_without_end_says_so(self):
        problem = json.loads(visit(limited(rule("1/minute", cost=lambda exchange: 2))).body or b"")
        assert problem["detail"] == "This request costs more than is ever allowed at once."

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("*/*", "application/problem+json"),
            ("application/json", "application/problem+json"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
            ("text/plain", "text/plain; charset=utf-8"),
            ("text/html;q=0.1, application/json", "application/problem+json"),
            ("image/png", "application/problem+json"),
            ("text/html;q=high", "application/problem+json"),
            ("TEXT/HTML", "text/html; charset=utf-8"),
            (";;;,,,", "application/problem+json"),
            ("text/html," * 10_000, "application/problem+json"),
        ],
    )
    def test_is_what_the_client_reads(self, accept, content_type):
        feature = limited(rule("1/minute"))
        visit(feature)
        exchange = visit(feature, request_headers=[("Accept", accept)])
        assert exchange.header("Content-Type") == content_type
        assert b"Too many requests" in (exchange.body or b"")

    def test_can_always_be_a_problem(self):
        feature = limited(rule("1/minute"), body="problem")
        visit(feature)
        exchange = visit(feature, request_headers=[("Accept", "text/html")])
        assert exchange.header("Content-Type") == "application/problem+json"


@given(st.text(max_size=60))
def test_any_accept_is_read(accept):
    assert preferred(accept) in {"application/problem+json", "text/html", "text/plain"}


class TestOwnBody:
    @pytest.mark.parametrize("on_loop", [False, True])
    def test_is_sent_with_our_fields(self, on_loop):
        seen: list[Refusal] = []

        async def body(exchange, refusal):
            seen.append(refusal)
            return Reply(420, {CONTENT_TYPE: "text/x-calm", HeaderName("X-Own"): "yes"}, b"Enhance your calm.")

        feature = limited(rule("1/minute"), body=body)
        visit(feature)
        exchange = visit(feature, on_loop=on_loop)
        assert (exchange.status, exchange.body) == (420, b"Enhance your calm.")
        assert exchange.header("Content-Type") == "text/x-calm"
        assert exchange.header("Retry-After") == "120"
        assert exchange.header("Cache-Control") == "no-store"
        assert parsed(exchange.header("RateLimit")) == [("rule", {"r": 0, "t": 120})]
        assert seen == [Refusal("quota-exceeded", 429, 120, ("rule",), ("rule",))]

    @pytest.mark.parametrize("given", [None, "calm", Reply(429, {CONTENT_TYPE: "a\r\nb: c"})])
    def test_that_is_none_is_logged_once_and_ours_sent(self, given, caplog):
        feature = limited(rule("1/minute"), body=lambda exchange, refusal: given)
        assert statuses(feature, 3) == [200, 429, 429]
        assert caplog.text.count("rate_limit.body failed") == 1
