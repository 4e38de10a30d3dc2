"""What fails, and what is sent on purpose: there is an answer to all of it, and none is a 500."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Pending, RateLimit
from perfkit.features.rate_limit import MemoryStore, Policy, StoreError
from perfkit.features.rate_limit._memory import Hit
from tests.features.rate_limit.visits import Seconds, leave, limited, parsed, rule, statuses, visit

ON_LOOP = pytest.mark.parametrize("on_loop", [False, True])


class Distant:
    """A store that has to be waited for, and can be lost."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.lost: Exception | None = None
        self.at_once = False
        self.asked = 0
        self.costs: list[int] = []

    def _later(self, work: Any) -> Any:
        self.asked += 1
        if self.lost and self.at_once:
            raise self.lost

        def run() -> Any:
            if self.lost:
                raise self.lost
            return work()

        async def run_async() -> Any:
            return run()

        return Pending(run, run_async)

    def check(self, policy: Policy) -> None:
        """Keeps every policy."""

    def take_all(self, hits: Sequence[Hit]) -> Any:
        self.costs += [cost for _, _, cost in hits]
        return self._later(lambda: self.memory.take_all(hits))

    def settle(self, *given: Any) -> Any:
        return self._later(lambda: self.memory.settle(*given))

    def release(self, *given: Any) -> Any:
        return self._later(lambda: self.memory.release(*given))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Distant:
    store = Distant()
    monkeypatch.setattr("perfkit.features.rate_limit._shared.SharedStore", lambda *_: store)
    return store


shared = partial(limited, store="redis://localhost")


@ON_LOOP
class TestSharedStore:
    def test_is_waited_for(self, store, on_loop):
        feature = shared(rule("2/hour"))
        assert statuses(feature, 3, on_loop=on_loop) == [200, 200, 429]
        assert store.asked == 3

    def test_is_never_asked_for_more_than_a_number_can_say(self, store, on_loop):
        feature = shared(rule("2/hour", cost=lambda exchange: 10**30))
        assert visit(feature, on_loop=on_loop).status == 429
        assert store.costs == [2**53]

    def test_is_asked_once_for_all_rules_of_a_request(self, store, on_loop):
        feature = shared(rule("2/hour"), rule("3/hour", "b"), rule("5/day, 2/second", "c"))
        visit(feature, on_loop=on_loop)
        assert store.asked == 1

    def test_gives_back_and_releases(self, store, on_loop):
        feature = shared(rule("1/hour", count_when="5xx"), rule("1 concurrent", "flight"))
        assert statuses(feature, 3, on_loop=on_loop) == [200, 200, 200]

    def test_counts_refusals(self, store, on_loop):
        feature = shared(rule("1/second", ban={"after": 1, "for": 900}))
        visit(feature, on_loop=on_loop)
        assert visit(feature, on_loop=on_loop).header("Retry-After") == "900"

    @pytest.mark.parametrize("at_once", [False, True])
    def test_lost_counts_here(self, store, on_loop, at_once):
        feature = shared(rule("2/hour"))
        store.lost, store.at_once = StoreError(), at_once
        found = [visit(feature, on_loop=on_loop) for _ in range(3)]
        assert [exchange.status for exchange in found] == [200, 200, 429]
        assert all(exchange.outcome.store_error for exchange in found)
        store.lost = None
        assert visit(feature, on_loop=on_loop).status == 200

    def test_lost_lets_pass_where_it_is_open(self, store, on_loop):
        feature = shared(rule("2/hour"), on_error="open")
        store.lost = StoreError()
        found = [visit(feature, on_loop=on_loop) for _ in range(5)]
        assert {exchange.status for exchange in found} == {200}
        assert found[0].headers == []

    def test_lost_refuses_where_it_is_closed(self, store, on_loop):
        feature = shared(rule("2/hour"), rule("2/hour", "login", on_error="closed"))
        store.lost = StoreError()
        exchange = visit(feature, on_loop=on_loop)
        assert exchange.status == 503
        assert exchange.header("Retry-After") == "10"
        assert exchange.outcome.result == "unavailable"
        assert json.loads(exchange.body or b"") == {
            "type": "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
            "title": "Temporarily unavailable",
            "status": 503,
            "detail": "Try again in 10 seconds.",
            "violated-policies": ["login"],
        }

    def test_each_rule_has_its_own_way(self, store, on_loop):
        feature = shared(rule("1/hour", "open", on_error="open"), rule("2/hour", "local"))
        store.lost = StoreError()
        assert statuses(feature, 3, on_loop=on_loop) == [200, 200, 429]

    def test_lost_in_the_middle_of_a_request_is_no_error(self, store, on_loop):
        feature = shared(rule("5/hour", count_when="5xx"), rule("1 concurrent", "flight"))

        def lose(exchange):
            store.lost = StoreError()

        assert visit(feature, app=lose, on_loop=on_loop).status == 200

    def test_other_errors_of_it_are_logged_once(self, store, on_loop, caplog):
        feature = shared(rule("2/hour"))
        store.lost = RuntimeError("a bug")
        assert statuses(feature, 3, on_loop=on_loop) == [200, 200, 429]
        assert caplog.text.count("The store of rate_limit failed") == 1

    def test_in_flight_here_is_released_here(self, store, on_loop):
        feature = shared(rule("1 concurrent"))
        store.lost = StoreError()
        first = visit(feature, on_loop=on_loop, end=False)
        store.lost = None
        leave(feature, first)
        store.lost = StoreError()
        assert visit(feature, on_loop=on_loop).status == 200


class TestFunctionsThatFail:
    """A function of the application that fails is logged once, and does not change the status."""

    def fail(self, *_: Any) -> Any:
        raise RuntimeError("a bug")

    @pytest.mark.parametrize(
        ("options", "said", "expected"),
        [
            ({"key": "fail"}, "the function key of rule 'rule' failed", [200, 429, 429]),
            ({"cost": "fail"}, "the function cost of rule 'rule' failed", [200, 429, 429]),
            ({"limits": "fail"}, "the function limits of rule 'rule' failed", [200, 200, 200]),
            ({"limits": "fail", "on_error": "closed"}, "the function limits of rule", [503, 503, 503]),
            ({"count_when": "fail"}, "the function count_when of rule 'rule' failed", [200, 429, 429]),
            ({"exempt": [{"when": "fail"}]}, "the function when of rule 'rule' failed", [200, 429, 429]),
        ],
    )
    def test_of_a_rule(self, options, said, expected, caplog):
        def with_fail(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: with_fail(each) for name, each in value.items()}
            if isinstance(value, list):
                return [with_fail(each) for each in value]
            return self.fail if value == "fail" else value

        feature = limited({**rule("1/hour"), **with_fail(options)})
        assert statuses(feature, 3) == expected
        assert caplog.text.count(said) == 1

    def test_of_exempt(self, caplog):
        feature = limited(rule("1/hour"), exempt=[{"when": self.fail}])
        assert statuses(feature, 3) == [200, 429, 429]
        assert caplog.text.count("rate_limit.exempt: the function when failed") == 1

    def test_limits_that_are_none(self, caplog):
        feature = limited(rule(lambda exchange: "many/minute"))
        assert statuses(feature, 3) == [200, 200, 200]
        assert "'many/minute' is not a rate" in caplog.text

    @pytest.mark.parametrize("cost", [-1, -(10**30), nan, inf, -inf, "3", None, [1]])
    def test_cost_that_is_none_counts_as_one(self, cost, caplog):
        feature = limited(rule("2/hour", cost=lambda exchange: cost))
        assert statuses(feature, 3) == [200, 200, 429]
        assert caplog.text.count("the function cost of rule 'rule' failed") == 1

    @pytest.mark.parametrize("amount", [10**30, -(10**30)])
    def test_charge_is_bounded(self, amount):
        feature = limited(rule("2/hour"))
        visit(feature, app=lambda exchange: exchange.shared["rate_limit"].charge(amount, "rule"))
        exchange = visit(feature)
        assert exchange.status == (429 if amount > 0 else 200)
        if amount > 0:
            assert 1 <= int(exchange.header("Retry-After") or "") <= 2 * 3600


HOSTILE = [
    "a\r\nX-Injected: yes",
    "\x00",
    "k" * 1_000_000,
    "\udcff\udcfe",
    "ключ",
    "",
    " ",
    "a/b",
    '"; r=1000',
]


class TestHostileInput:
    @pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
    @pytest.mark.parametrize("key", ["header:X-Key", "cookie:key"])
    def test_keys(self, key, value):
        feature = limited(rule("1/hour", key=key))
        headers = [("X-Key", value), ("Cookie", f"key={value}")]
        found = [visit(feature, request_headers=headers) for _ in range(2)]
        assert [exchange.status for exchange in found] == [200, 429]
        assert all(value not in text or len(value) < 4 for exchange in found for _, text in exchange.headers)

    @pytest.mark.parametrize("client", [*HOSTILE, "999.1.1.1", "fe80::1%eth0", "::ffff:192.0.2.1", "testclient"])
    def test_addresses(self, client):
        feature = limited(rule("1/hour"))
        assert statuses(feature, 2, client=client) == [200, 429]

    @given(st.text(), st.text(), st.sampled_from(["GET", "post", "X" * 1000]))
    def test_anything(self, path, value, method):
        feature = limited(
            rule("1/hour", key=["header:X-Key", "cookie:key", "ip"]),
            rule("5/hour", "b", match={"path": "/*a*b*"}, key="user"),
            exempt=[{"client": "10.0.0.0/8"}],
        )
        headers = [("X-Key", value), ("Cookie", f"key={value}")]
        found = [
            visit(feature, f"/{path}", request_headers=headers, method=method, client=value, user=value or None)
            for _ in range(2)
        ]
        assert [exchange.status for exchange in found] == [200, 429]
        parsed(found[1].header("RateLimit"))

    def test_clients_who_invent_keys_fill_no_memory(self):
        feature = RateLimit(rules=[rule("5/hour", key="header:X-Key")], max_keys=100)
        for number in range(5000):
            visit(feature, request_headers=[("X-Key", str(number))])
        store = feature.store
        assert isinstance(store, MemoryStore)
        # The keys that there is room for, and the buckets that all others share.
        assert store.size <= 100 + 1024

    def test_clocks_do_not_matter(self, monkeypatch):
        clock = Seconds()
        monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
        feature = limited(rule("1/hour"))
        visit(feature)
        clock.now -= 500
        assert visit(feature).status == 429
