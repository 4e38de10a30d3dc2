"""Rows 24 to 28 of the table: what requests cost, what counts, rules that only look on, and bans."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doors import Door, Page, Seen
from tests.features.rate_limit.table.site import Site, answers, rule, state, violated
from tests.features.rate_limit.table.site import retry_after as wait_of
from tests.features.rate_limit.visits import Seconds

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sliding", "gcra"])


def charging(amount: int, name: str | None = None, status: int = 200) -> Any:
    """A view that says itself what it has cost."""

    def view(seen: Seen) -> Page:
        seen.shared["rate_limit"].charge(amount, name)
        return answers(status)

    return view


def by_header(seen: Seen) -> Page:
    """A view that answers with the status it is asked for."""
    return answers(int(seen.headers.get("x-status", "200")))


def failing(site: Site, count: int, status: int = 401, **given: Any) -> list[int]:
    return site.statuses(count, "/", ("X-Status", str(status)), **given)


# 24: the cost of a request


@ALGORITHMS
def test_24_a_request_takes_what_it_costs(door: Door, algorithm: str) -> None:
    site = Site(door, rule("7/hour", cost=3, algorithm=algorithm))
    found = [site.get() for _ in range(3)]
    assert [response.status for response in found] == [200, 200, 429]
    assert [state(response)["rule"]["r"] for response in found] == [4, 1, 1]


@ALGORITHMS
@pytest.mark.parametrize("jitter", [False, True])
def test_24_who_waits_as_told_is_admitted_whatever_the_cost(
    door: Door, clock: Seconds, algorithm: str, jitter: bool
) -> None:
    """Other limiters tell when one unit is free, so that a third of those who wait are refused again."""
    costs = [1, 7, 3, 5, 2, 7]
    remaining = iter(costs * 20)
    current = [next(remaining)]
    site = Site(door, rule("10/minute", cost=lambda exchange: current[0], algorithm=algorithm, jitter=jitter))
    for _ in range(12):
        while (response := site.get()).status == 200:
            current[0] = next(remaining)
            clock.now += 1.7
        clock.now += wait_of(response)
        assert site.get().status == 200


@ALGORITHMS
def test_24_a_refused_request_takes_nothing(door: Door, algorithm: str) -> None:
    site = Site(door, rule("10/hour", cost=lambda exchange: 8 if exchange.method == "POST" else 2, algorithm=algorithm))
    assert [site.get(method=method).status for method in ("GET", "GET", *["POST"] * 3, *["GET"] * 4)] == [
        *(200, 200, 429, 429, 429, 200, 200, 200, 429)
    ]


@ALGORITHMS
@pytest.mark.parametrize("cost", [11, 10**9, 10**400])
def test_24_a_cost_that_is_never_allowed_is_refused_with_no_time(door: Door, algorithm: str, cost: int) -> None:
    site = Site(door, rule("10/hour", cost=lambda exchange: cost, algorithm=algorithm))
    response = site.get()
    assert (response.status, response.lines("Retry-After")) == (429, [])
    assert state(response)["rule"] == {"r": 10}


@pytest.mark.parametrize("cost", [-1, -(10**9), math.nan, math.inf, -math.inf, "3", None])
def test_24_a_cost_that_is_none_counts_as_one(door: Door, cost: Any, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(door, rule("2/hour", cost=lambda exchange: cost))
    assert site.statuses(3) == [200, 200, 429]
    assert caplog.text.count("the function cost of rule 'rule' failed") == 1


# 25: a cost that is known afterwards


@ALGORITHMS
def test_25_what_a_view_charges_is_a_debt_of_the_next_requests(door: Door, clock: Seconds, algorithm: str) -> None:
    site = Site(door, rule("100/minute", unit="tokens", cost=0, algorithm=algorithm), view=charging(150))
    assert site.get().status == 200
    refused = site.get()
    assert refused.status == 429
    assert state(refused)["rule"]["r"] == 0
    clock.now += wait_of(refused)
    assert site.get().status == 200


def test_25_it_is_of_rules_with_a_unit_or_of_the_one_that_is_named(door: Door) -> None:
    tokens, content = ({"unit": unit, "cost": 0} for unit in ("tokens", "content-bytes"))
    rules = rule("100/hour", "t", **tokens), rule("100/hour", "b", **content), rule("100/hour", "r")
    for name, left in ((None, [60, 60, 98]), ("b", [100, 60, 98]), ("r", [100, 100, 58])):
        site = Site(door, *rules, view=charging(40, name))
        site.get()
        assert [each["r"] for each in state(site.get()).values()] == left


@pytest.mark.parametrize("amount", [-1, -(10**30)])
def test_25_below_nothing_gives_back_and_never_more_than_all(door: Door, amount: int) -> None:
    site = Site(door, rule("2/hour"), view=charging(amount, "rule"))
    assert [state(site.get())["rule"]["r"] for _ in range(4)] == [1, 1, 1, 1]


def test_25_a_debt_of_any_size_is_one(door: Door) -> None:
    site = Site(door, rule("10/second", unit="tokens", algorithm="gcra"), view=charging(10**30))
    assert site.statuses(2) == [200, 429]


def test_25_a_stream_charges_while_it_goes_on(door: Door) -> None:
    def view(seen: Seen) -> Page:
        usage = seen.shared["rate_limit"]

        def tokens() -> Iterator[bytes]:
            for word in (b"To ", b"be"):
                yield word
                usage.charge(60)

        return Page(stream=tokens, headers=[("Content-Type", "text/event-stream")])

    site = Site(door, rule("100/hour", unit="tokens", cost=0), view=view, sections={"compression": False})
    first = site.get()
    assert (first.status, first.body) == (200, b"To be")
    assert site.get().status == 429


def test_25_what_was_charged_is_taken_even_if_the_view_fails(door: Door) -> None:
    def view(seen: Seen) -> Page:
        seen.shared["rate_limit"].charge(150)
        raise ValueError("after the work was done")

    site = Site(door, rule("100/hour", unit="tokens", cost=0), view=view)
    assert site.statuses(2) == [500, 429]


# 26: which responses count


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        ("status>=400", [401, 403, 404, 500, 503]),
        ("401, 403", [401, 403]),
        ("5xx", [500, 503]),
        ("400-499", [401, 403, 404]),
        ([401, 404], [401, 404]),
        (range(400, 500), [401, 403, 404]),
        (lambda exchange: exchange.status in (404, 500), [404, 500]),
        ("2xx", [200, 204]),
    ],
)
def test_26_only_such_responses_count(door: Door, when: Any, counts: list[int]) -> None:
    site = Site(door, rule("2/hour", count_when=when), view=by_header)
    for last, status in enumerate((200, 204, 304, 401, 403, 404, 500, 503)):
        expected = [status, status, 429 if status in counts else status]
        assert failing(site, 3, status, peer=f"192.0.2.{last}") == expected


def test_26_whoever_has_failed_too_often_is_refused_at_once(door: Door) -> None:
    site = Site(door, rule("2/hour", count_when="status>=400"), view=by_header)
    assert failing(site, 2) == [401, 401]
    assert site.get().status == 429


@pytest.mark.parametrize(("when", "third"), [("5xx", 429), ("status>=400", 429), ("status<400", 500), ("4xx", 500)])
def test_26_a_view_that_fails_counts_as_a_500(door: Door, when: str, third: int) -> None:
    def view(seen: Seen) -> Page:
        raise ValueError("the view")

    assert Site(door, rule("2/hour", count_when=when), view=view).statuses(3) == [500, 500, third]


def test_26_a_response_that_does_not_count_is_told_as_given_back(door: Door) -> None:
    site = Site(door, rule("3/hour", count_when="4xx"), rule("9/hour", "all"), view=by_header)
    left = [state(site.get("/", ("X-Status", status))) for status in ("200", "404", "200")]
    assert [each["rule"]["r"] for each in left] == [3, 2, 2]
    assert [each["all"]["r"] for each in left] == [8, 7, 6]


# 27: shadow


def test_27_a_rule_in_shadow_refuses_nothing_and_says_nothing(door: Door) -> None:
    site = Site(door, rule("1/hour", "trial", shadow=True), rule("3/hour"))
    found = [site.get() for _ in range(4)]
    assert [response.status for response in found] == [200, 200, 200, 429]
    assert all(list(state(response)) == ["rule"] for response in found)
    assert violated(found[-1]) == ["rule"]
    assert b"trial" not in found[-1].body


@pytest.mark.parametrize("limits", ["1/hour", "1 concurrent", lambda exchange: "1/hour", lambda exchange: "none"])
def test_27_whatever_it_counts(door: Door, limits: Any) -> None:
    site = Site(door, rule(limits, shadow=True, cost=1, ban={"after": 1, "for": 60}, on_error="closed"))
    assert site.statuses(4) == [200] * 4


# 28: bans


def test_28_whoever_is_refused_again_and_again_is_banned(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("2/second", ban={"after": 3, "for": 900}))
    assert site.statuses(5) == [200, 200, 429, 429, 429]
    clock.now += 10
    banned = site.get()
    assert (banned.status, wait_of(banned)) == (429, 890)
    assert b"#abnormal-usage-detected" in banned.body
    assert site.get(peer="192.0.2.2").status == 200
    clock.now += 889
    assert site.get().status == 429
    clock.now += 1
    assert site.get().status == 200


def test_28_refusals_long_ago_do_not_ban(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("1/second", ban={"after": 3, "for": 60}))
    for _ in range(10):
        assert site.statuses(2) == [200, 429]
        clock.now += 61


def test_28_a_ban_is_of_its_rule_only(door: Door) -> None:
    login = rule("1/hour", "login", match={"path": "/login"}, ban={"after": 1, "for": 3600})
    site = Site(door, login, rule("9/hour", "all"))
    assert site.statuses(4, "/login") == [200, 429, 429, 429]
    assert site.get().status == 200
