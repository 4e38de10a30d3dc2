"""The feature alone: which requests are refused, and what they take."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import RateLimit
from perfkit.features.rate_limit import MemoryStore, Outcome, Usage, ViewRule
from tests.features.rate_limit.visits import Seconds, Visit, leave, limited, parsed, rule, statuses, visit

PREFLIGHT = [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "PUT")]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
    return clock


class TestCounting:
    def test_what_is_too_much_is_refused_and_later_admitted(self, clock):
        feature = limited(rule("2/minute"))
        assert statuses(feature, 3) == [200, 200, 429]
        refused = visit(feature)
        clock.now += int(refused.header("Retry-After") or "")
        assert visit(feature).status == 200

    def test_clients_count_apart(self, clock):
        feature = limited(rule("1/minute"))
        assert statuses(feature, 2, client="192.0.2.1") == [200, 429]
        assert statuses(feature, 2, client="192.0.2.2") == [200, 429]

    def test_all_of_an_ipv6_network_are_one_client(self, clock):
        feature = limited(rule("1/minute"))
        assert visit(feature, client="2001:db8::1").status == 200
        assert visit(feature, client="2001:db8::ffff").status == 429
        assert visit(feature, client="2001:db8:0:1::1").status == 200

    def test_prefix_of_a_client_can_be_chosen(self, clock):
        feature = limited(rule("1/minute"), ipv4_prefix=24, ipv6_prefix=128)
        assert [visit(feature, client=client).status for client in ("192.0.2.1", "192.0.2.2")] == [200, 429]
        assert [visit(feature, client=client).status for client in ("2001:db8::1", "2001:db8::2")] == [200, 200]

    def test_all_without_an_address_are_one_client(self, clock):
        assert statuses(limited(rule("1/minute")), 2, client=None) == [200, 429]

    def test_the_query_makes_no_difference(self, clock):
        feature = limited(rule("1/minute"))
        assert [visit(feature, f"/?page={page}").status for page in range(2)] == [200, 429]

    def test_several_windows_of_a_rule_all_count(self, clock):
        feature = limited(rule("2/second, 3/minute"))
        assert statuses(feature, 3) == [200, 200, 429]
        clock.now += 5
        assert statuses(feature, 2) == [200, 429]

    def test_all_rules_that_fit_count(self, clock):
        feature = limited(rule("3/minute"), rule("1/minute", "login", match={"path": "/login"}))
        assert statuses(feature, 2, "/login") == [200, 429]
        assert statuses(feature, 3) == [200, 200, 429]

    def test_a_refused_request_takes_nothing_from_other_rules(self, clock):
        feature = limited(rule("2/minute"), rule("1/minute", "login", match={"path": "/login"}))
        assert statuses(feature, 5, "/login") == [200, 429, 429, 429, 429]
        assert statuses(feature, 2) == [200, 429]

    def test_gcra_admits_a_burst_and_then_one_by_one(self, clock):
        feature = limited(rule("60/minute", algorithm="gcra", burst=3))
        assert statuses(feature, 4) == [200, 200, 200, 429]
        clock.now += 1
        assert statuses(feature, 2) == [200, 429]

    def test_a_request_that_no_rule_counts_passes_with_no_header(self, clock):
        exchange = visit(limited(rule("1/minute", match={"path": "/login"})), "/")
        assert exchange.headers == []
        assert exchange.outcome == Outcome("exempt")

    def test_no_rules_at_all_let_everything_pass(self):
        assert visit(RateLimit()).status == 200

    @given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30), st.integers(1, 4), st.integers(1, 4))
    def test_rules_are_taken_all_or_none_like_counters(self, paths, everywhere, of_each):
        """A slow model: two counters that are both looked at before either is raised; time stands still."""
        names = ("a", "b", "c")
        feature = limited(
            rule(f"{everywhere}/year"),
            *(rule(f"{of_each}/year", name, match={"path": f"/{name}"}) for name in names),
        )
        total, by_path = 0, dict.fromkeys(names, 0)
        for path in paths:
            fits = total < everywhere and by_path[path] < of_each
            total, by_path[path] = total + fits, by_path[path] + fits
            assert visit(feature, f"/{path}").status == (200 if fits else 429)


class TestKeys:
    def test_header(self, clock):
        feature = limited(rule("1/minute", key="header:X-Api-Key"))
        ask = partial(visit, feature)
        assert ask(request_headers=[("X-Api-Key", "one")]).status == 200
        assert ask(request_headers=[("X-Api-Key", "two")]).status == 200
        assert ask(request_headers=[("x-api-key", "one")], client="192.0.2.9").status == 429

    def test_who_sends_no_header_counts_by_address(self, clock):
        feature = limited(rule("1/minute", key="header:X-Api-Key"))
        assert [visit(feature, client=client).status for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [
            200,
            200,
            429,
        ]

    def test_cookie(self, clock):
        feature = limited(rule("1/minute", key="cookie:session"))
        cookies = ["theme=dark; session=one", "session=two", "session=one; theme=light"]
        assert [visit(feature, request_headers=[("Cookie", cookie)]).status for cookie in cookies] == [200, 200, 429]

    def test_user_or_the_address_of_who_has_not_signed_in(self, clock):
        feature = limited(rule("1/minute", key="user"))
        assert visit(feature, user="jane").status == 200
        assert visit(feature, user="jane", client="192.0.2.9").status == 429
        assert visit(feature, user="emma").status == 200
        assert statuses(feature, 2) == [200, 429]

    def test_global(self, clock):
        feature = limited(rule("1/minute", key="global"))
        assert [visit(feature, client=client).status for client in ("192.0.2.1", "192.0.2.2")] == [200, 429]

    def test_several_parts_count_together(self, clock):
        feature = limited(rule("1/minute", key=["ip", "header:X-Device"]))
        devices = [("192.0.2.1", "a"), ("192.0.2.1", "b"), ("192.0.2.2", "a"), ("192.0.2.1", "a")]
        found = [visit(feature, client=client, request_headers=[("X-Device", device)]) for client, device in devices]
        assert [exchange.status for exchange in found] == [200, 200, 200, 429]

    def test_parts_do_not_run_into_each_other(self, clock):
        feature = limited(rule("1/minute", key=["header:A", "header:B"]))
        for pair in (("a", "bc"), ("ab", "c"), ("a/b", "c"), ("a", "b/c")):
            assert visit(feature, request_headers=list(zip("AB", pair, strict=True))).status == 200

    def test_a_function_and_none_for_what_does_not_count(self, clock):
        feature = limited(rule("1/minute", key=lambda exchange: exchange.path.strip("/") or None))
        assert statuses(feature, 3, "/") == [200, 200, 200]
        assert statuses(feature, 2, "/a") == [200, 429]

    @pytest.mark.parametrize("on_loop", [False, True])
    def test_an_async_function(self, clock, on_loop):
        async def tenant(exchange):
            return "everybody"

        feature = limited(rule("1/minute", key=tenant))
        assert [visit(feature, client=client, on_loop=on_loop).status for client in ("192.0.2.1", "192.0.2.2")] == [
            200,
            429,
        ]


class TestCost:
    def test_is_what_a_request_takes(self, clock):
        feature = limited(rule("5/minute", cost=2))
        assert [parsed(visit(feature).header("RateLimit"))[0][1]["r"] for _ in range(2)] == [3, 1]
        assert visit(feature).status == 429

    @pytest.mark.parametrize("given", [2, 1.5])
    def test_can_be_a_function(self, clock, given):
        feature = limited(rule("5/minute", cost=lambda exchange: given))
        assert statuses(feature, 3) == [200, 200, 429]

    def test_of_nothing_takes_nothing(self, clock):
        assert statuses(limited(rule("1/minute", cost=0)), 3) == [200, 200, 200]

    def test_beyond_what_is_ever_allowed_is_refused_without_a_time(self, clock):
        exchange = visit(limited(rule("5/minute", cost=lambda exchange: 10**30)))
        assert exchange.status == 429
        assert exchange.header("Retry-After") is None
        assert parsed(exchange.header("RateLimit")) == [("rule", {"r": 5})]

    def test_charged_by_the_application_counts_afterwards(self, clock):
        feature = limited(rule("100/minute", unit="tokens", cost=1), rule("10/minute", "requests"))

        def answer(exchange: Visit) -> None:
            exchange.shared["rate_limit"].charge(150)

        assert visit(feature, app=answer).status == 200
        exchange = visit(feature)
        assert exchange.status == 429
        assert exchange.outcome.refused == ("rule",)
        assert parsed(exchange.header("RateLimit"))[1] == ("requests", {"r": 9})

    def test_charged_can_be_given_back_and_name_its_rule(self, clock):
        feature = limited(rule("2/minute"))

        def give_back(exchange):
            exchange.shared["rate_limit"].charge(-1, "rule")

        assert statuses(feature, 5, app=give_back) == [200] * 5

    def test_charged_has_to_be_a_whole_number(self):
        with pytest.raises(TypeError, match="whole number"):
            Usage(lambda exchange, view, request: None, None).charge(1.5)  # type: ignore[arg-type]


class TestCountWhen:
    def test_only_failures_count(self, clock):
        feature = limited(rule("2/minute", count_when="status>=400"))
        assert statuses(feature, 5, status=200) == [200] * 5
        assert statuses(feature, 3, status=401) == [401, 401, 429]
        assert visit(feature, status=200).status == 429

    def test_headers_say_what_is_left_after_it_was_given_back(self, clock):
        feature = limited(rule("2/minute", count_when="5xx"))
        assert parsed(visit(feature).header("RateLimit"))[0][1]["r"] == 2
        assert parsed(visit(feature, status=500).header("RateLimit"))[0][1]["r"] == 1

    def test_other_rules_keep_what_they_took(self, clock):
        feature = limited(rule("2/minute", count_when="5xx"), rule("5/minute", "all"))
        assert [member[1]["r"] for member in parsed(visit(feature).header("RateLimit"))] == [2, 4]

    @pytest.mark.parametrize("on_loop", [False, True])
    def test_a_function(self, clock, on_loop):
        async def empty(exchange):
            return not exchange.response_header_lines

        feature = limited(rule("1/minute", count_when=empty))
        assert statuses(feature, 3, on_loop=on_loop) == [200, 200, 200]


class TestInFlight:
    def test_so_many_at_a_time(self, clock):
        feature = limited(rule("2 concurrent"))
        first, second = visit(feature, end=False), visit(feature, end=False)
        assert visit(feature).status == 429
        leave(feature, first)
        assert visit(feature).status == 200
        leave(feature, second)
        assert statuses(feature, 5) == [200] * 5

    def test_one_that_another_rule_refuses_is_not_in_flight(self, clock):
        feature = limited(rule("1 concurrent"), rule("1/minute", "rate"))
        assert statuses(feature, 3) == [200, 429, 429]
        clock.now += 120
        assert visit(feature).status == 200

    def test_one_request_is_one_whatever_it_costs(self, clock):
        feature = limited(rule("2 concurrent, 100/minute", cost=2))
        assert statuses(feature, 5) == [200] * 5

    def test_headers_name_what_is_counted_and_no_time(self, clock):
        exchange = visit(limited(rule("2 concurrent")), end=False)
        assert parsed(exchange.header("RateLimit-Policy")) == [("rule", {"q": 2, "qu": "concurrent-requests"})]
        assert parsed(exchange.header("RateLimit")) == [("rule", {"r": 1})]


class TestShadow:
    def test_counts_and_refuses_nothing(self, clock):
        feature = limited(rule("1/minute", "trial", shadow=True), rule("3/minute"))
        found = [visit(feature) for _ in range(4)]
        assert [exchange.status for exchange in found] == [200, 200, 200, 429]
        assert [exchange.outcome.shadow for exchange in found] == [(), ("trial",), ("trial",), ()]
        assert found[0].outcome.rules == ("trial", "rule")

    def test_says_nothing_to_clients(self, clock):
        assert visit(limited(rule("1/minute", shadow=True))).headers == []

    def test_names_in_a_header_what_would_have_refused_where_that_is_wanted(self, clock):
        rules = [rule("1/minute", 'a "b\\c"', shadow=True), rule("2/minute", "trial", shadow=True), rule("3/minute")]
        feature = limited(*rules, shadow_header=True)
        found = [visit(feature).header("Perfkit-Shadow") for _ in range(4)]
        assert found[0] is None
        assert parsed(found[1]) == [('a "b\\c"', {})]
        assert [name for name, _ in parsed(found[2])] == ['a "b\\c"', "trial"]
        assert found[3] is None  # refused before any of them was asked

    def test_the_header_is_never_there_otherwise(self, clock):
        feature = limited(rule("1/minute", shadow=True))
        assert [visit(feature).header("Perfkit-Shadow") for _ in range(2)] == [None, None]
        feature = limited(rule("2/minute"), shadow_header=True)
        assert [visit(feature).header("Perfkit-Shadow") for _ in range(3)] == [None] * 3
        feature = limited(rule("1/minute", shadow=True), rule("9/minute", "failures", count_when="5xx"))
        assert [visit(feature).header("Perfkit-Shadow") for _ in range(2)] == [None, None]

    def test_the_header_stands_beside_that_of_another_perfkit(self, clock):
        feature = limited(rule("1/minute", shadow=True), shadow_header=True)
        given = [("Perfkit-Shadow", '"inner"')]
        assert visit(feature, headers=given).lines("Perfkit-Shadow") == ['"inner"']
        assert visit(feature, headers=given).lines("Perfkit-Shadow") == ['"inner"', '"rule"']

    def test_a_refusal_by_a_later_rule_has_the_header_too(self, clock):
        rules = [rule("1/minute", "trial", shadow=True), rule("1/minute", "user", key="user")]
        feature = limited(*rules, shadow_header=True)
        found = [visit(feature, user="ada", asks_views=True) for _ in range(2)]
        assert [each.status for each in found] == [200, 429]
        assert parsed(found[1].header("Perfkit-Shadow")) == [("trial", {})]


class TestBan:
    def test_begins_after_so_many_refusals_and_ends(self, clock):
        feature = limited(rule("1/second", ban={"after": 2, "for": 900}))
        assert statuses(feature, 3) == [200, 429, 429]
        banned = visit(feature)
        assert banned.outcome.result == "banned"
        assert banned.header("Retry-After") == "900"
        clock.now += 899
        assert visit(feature).status == 429
        clock.now += 1
        assert visit(feature).status == 200

    def test_the_refusal_that_begins_it_says_how_long(self, clock):
        feature = limited(rule("1/second", ban={"after": 2, "for": 900}))
        refused = [visit(feature).header("Retry-After") for _ in range(3)]
        assert refused == [None, "2", "900"]

    def test_goes_on_for_as_long_as_it_said_whatever_is_asked_meanwhile(self, clock):
        feature = limited(rule("1/second", ban={"after": 1, "for": 60}))
        statuses(feature, 2)
        for _ in range(59):
            clock.now += 1
            assert visit(feature).status == 429
        clock.now += 1
        assert visit(feature).status == 200

    def test_that_is_over_begins_anew_after_as_many_refusals(self, clock):
        feature = limited(rule("1/second", ban={"after": 2, "for": 60}))
        assert [visit(feature).header("Retry-After") for _ in range(3)] == [None, "2", "60"]
        clock.now += 60
        assert [visit(feature).header("Retry-After") for _ in range(3)] == [None, "2", "60"]

    def test_is_of_one_client(self, clock):
        feature = limited(rule("1/second", ban={"after": 1, "for": 60}))
        statuses(feature, 3)
        assert visit(feature, client="192.0.2.9").status == 200

    def test_is_not_told_in_headers_of_others(self, clock):
        exchange = visit(limited(rule("1/second", ban={"after": 1, "for": 60})))
        assert parsed(exchange.header("RateLimit-Policy")) == [("rule", {"q": 1, "w": 1})]


class TestExempt:
    def test_path(self, clock):
        feature = limited(rule("1/minute"), exempt=[{"path": "/health*"}])
        assert statuses(feature, 3, "/health/live") == [200] * 3
        assert statuses(feature, 2) == [200, 429]

    def test_client(self, clock):
        feature = limited(rule("1/minute"), exempt=[{"client": ["10.0.0.0/8", "::1"]}])
        assert statuses(feature, 3, client="10.1.2.3") == [200] * 3
        assert statuses(feature, 2, client="192.0.2.1") == [200, 429]

    @pytest.mark.parametrize("on_loop", [False, True])
    def test_a_function(self, clock, on_loop):
        async def staff(exchange):
            return exchange.user == "jane"

        feature = limited(rule("1/minute"), exempt=[{"when": staff}])
        assert statuses(feature, 3, user="jane", on_loop=on_loop) == [200] * 3
        assert statuses(feature, 2, on_loop=on_loop) == [200, 429]

    def test_of_one_rule(self, clock):
        feature = limited(rule("1/minute", exempt=[{"methods": ["GET"]}]), rule("3/minute", "all"))
        assert statuses(feature, 4) == [200, 200, 200, 429]

    def test_exempt_from_all_is_exempt_from_rules_of_views_too(self, clock):
        feature = limited(rule("1/minute", key="user"), exempt=[{"path": "/health"}])
        assert statuses(feature, 3, "/health", user="jane", asks_views=True) == [200] * 3

    def test_cors_preflight(self, clock):
        feature = limited(rule("1/minute"))
        assert statuses(feature, 3, method="OPTIONS", request_headers=PREFLIGHT) == [200] * 3
        assert statuses(feature, 2, method="OPTIONS") == [200, 429]

    def test_no_cors_preflight_where_they_count(self, clock, caplog):
        feature = limited(rule("1/minute"), count_preflight=True)
        assert statuses(feature, 2, method="OPTIONS", request_headers=PREFLIGHT) == [200, 429]
        assert "preflights count" in caplog.text


class TestViews:
    """Where the host tells of views, what depends on them is counted when they are known."""

    def test_route(self, clock):
        feature = limited(rule("1/minute", match={"route": "/books/<int:id>"}))
        ask = partial(visit, feature, asks_views=True)
        assert [ask("/books/1", route="books/<int:id>").status, ask("/books/2", route="books/<int:id>").status] == [
            200,
            429,
        ]
        assert ask("/authors/1", route="authors/<int:id>").status == 200

    def test_user(self, clock):
        feature = limited(rule("1/minute", key="user"))
        assert statuses(feature, 2, user="jane", asks_views=True) == [200, 429]
        assert visit(feature, user="emma", asks_views=True).status == 200

    def test_what_was_taken_before_is_given_back_if_the_view_is_refused(self, clock):
        feature = limited(rule("3/minute", "ip"), rule("1/minute", "user", key="user"))
        ask = partial(visit, feature, asks_views=True)
        assert [ask(user="jane").status for _ in range(4)] == [200, 429, 429, 429]
        refused = ask(user="jane")
        assert parsed(refused.header("RateLimit")) == [("ip", {"r": 2}), ("user", {"r": 0, "t": 120})]
        assert refused.outcome.rules == ("ip", "user")
        assert [ask(user=user).status for user in ("emma", "anne", "fanny")] == [200, 200, 429]

    def test_headers_list_the_policies_of_both(self, clock):
        feature = limited(rule("3/minute", "ip"), rule("1/minute", "user", key="user"))
        exchange = visit(feature, user="jane", asks_views=True)
        assert [name for name, _ in parsed(exchange.header("RateLimit-Policy"))] == ["ip", "user"]

    def test_what_was_taken_is_given_back_once_however_often_views_refuse(self, clock):
        feature = limited(rule("5/minute", "all"))
        views = [ViewRule(name, "1/hour", {}) for name in ("a", "b")]

        def ask_both(exchange):
            for view in views:
                exchange.shared["rate_limit"].take(view, exchange)

        for _ in range(2):
            visit(feature, app=ask_both)
        assert parsed(visit(feature).header("RateLimit"))[0][1]["r"] == 3

    def test_rules_by_route_are_reported_where_no_host_tells(self, clock, caplog):
        feature = limited(rule("1/minute", match={"route": "/books/<int:id>"}))
        assert statuses(feature, 3) == [200] * 3
        assert caplog.text.count("the rules ['rule'] are for routes") == 1

    def test_users_who_never_come_are_reported(self, clock, caplog):
        feature = limited(rule("1000/minute", key="user"))
        statuses(feature, 99)
        assert "count by user" not in caplog.text
        statuses(feature, 99)
        assert caplog.text.count("count by user") == 1

    def test_a_user_who_comes_is_no_reason_to_report(self, clock, caplog):
        feature = limited(rule("1000/minute", key="user"))
        visit(feature, user="jane")
        statuses(feature, 150)
        assert "count by user" not in caplog.text


class TestDynamicLimits:
    def test_are_what_a_function_gives(self, clock):
        plans = {"jane": "2/minute", "emma": "1/minute", "anne": None}
        feature = limited(rule(lambda exchange: plans[exchange.user], key="user"))
        assert statuses(feature, 3, user="jane") == [200, 200, 429]
        assert statuses(feature, 2, user="emma") == [200, 429]
        assert statuses(feature, 5, user="anne") == [200] * 5

    def test_may_be_awaited(self, clock):
        async def plan(exchange):
            return "1/minute"

        assert statuses(limited(rule(plan)), 2, on_loop=True) == [200, 429]

    def test_of_too_many_kinds_are_an_error_of_the_function(self, clock, caplog):
        count = iter(range(1, 1000))
        feature = limited(rule(lambda exchange: f"{next(count)}/minute"))
        assert statuses(feature, 200, client="192.0.2.1") == [200] * 200
        assert "different limits" in caplog.text


class TestWebSocket:
    def test_handshakes_count(self, clock):
        feature = limited(rule("1/minute", match={"type": "websocket"}))
        assert statuses(feature, 3) == [200] * 3
        assert statuses(feature, 2, websocket=True, status=101) == [101, 429]


def test_outcome_tells_what_happened(clock):
    feature = limited(rule("1/minute", "a"), rule("5/minute", "b"))
    assert visit(feature).outcome == Outcome("allowed", ("a", "b"))
    assert visit(feature).outcome == Outcome("refused", ("a", "b"), ("a",))


def test_outcome_of_the_only_rule(clock):
    feature = limited(rule("1/minute"))
    assert visit(feature).outcome == Outcome("allowed", ("rule",))
    assert visit(feature).outcome == Outcome("refused", ("rule",), ("rule",))


def test_a_request_that_ended_is_held_by_nothing(clock):
    from weakref import ref

    feature = limited(rule("5/minute"))
    view = ViewRule("view", "5/minute", {})
    exchange = visit(feature, app=lambda exchange: exchange.shared["rate_limit"].take(view, exchange))
    gone = ref(exchange)
    del exchange
    assert gone() is None
