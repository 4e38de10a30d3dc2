"""What those who run the application are told of refusals: ``on_refused``, and lines of the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from perfkit import ConfigurationError, Exchange
from perfkit.features.rate_limit import MemoryStore, Refusal
from perfkit.features.rate_limit._notices import LINES, Notices
from tests.features.rate_limit.visits import Seconds, limited, rule, statuses, visit

KEY = "198.51.100.77"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
    monkeypatch.setattr("perfkit.features.rate_limit._feature.Notices", partial(Notices, clock=clock))
    return clock


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "perfkit.rate_limit"):
        yield caplog


class Hook:
    """A function that remembers what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Exchange, Refusal]] = []

    def __call__(self, exchange: Exchange, refusal: Refusal) -> None:
        self.calls.append((exchange, refusal))

    @property
    def refusals(self) -> list[Refusal]:
        return [refusal for _, refusal in self.calls]


class TestFunction:
    def test_is_called_for_each_refusal_and_for_nothing_else(self):
        hook = Hook()
        feature = limited(rule("1/minute"), on_refused=hook)
        found = [visit(feature) for _ in range(3)]
        assert [exchange for exchange, _ in hook.calls] == found[1:]
        assert hook.refusals[0] == Refusal("quota-exceeded", 429, 120, ("rule",), ("rule",), shadow=False)

    def test_can_read_what_became_of_the_request(self):
        seen: list[Any] = []
        feature = limited(rule("1/minute"), on_refused=lambda exchange, _: seen.append(exchange.facts["rate_limit"]))
        statuses(feature, 2)
        assert [outcome.result for outcome in seen] == ["refused"]

    def test_is_told_of_what_a_rule_in_shadow_mode_would_have_refused(self):
        hook = Hook()
        feature = limited(rule("1/minute", "trial", shadow=True), on_refused=hook)
        assert statuses(feature, 3) == [200, 200, 200]
        assert [(refusal.rules, refusal.shadow) for refusal in hook.refusals] == [(("trial",), True)] * 2

    def test_is_told_of_bans_also_in_shadow_mode(self):
        for shadow in (False, True):
            hook = Hook()
            feature = limited(rule("1/second", ban={"after": 2, "for": 900}, shadow=shadow), on_refused=hook)
            statuses(feature, 4)
            assert [refusal.kind for refusal in hook.refusals] == [
                "quota-exceeded",
                "abnormal-usage-detected",
                "abnormal-usage-detected",
            ]
            assert hook.refusals[1].retry_after == 900

    @pytest.mark.parametrize("shadow", [False, True])
    def test_is_told_where_the_store_does_not_answer(self, shadow):
        hook = Hook()
        gone = {"store": "redis://127.0.0.1:1/0", "on_error": "closed"}
        feature = limited(rule("1/minute", shadow=shadow), on_refused=hook, **gone)
        assert visit(feature).status == (200 if shadow else 503)
        assert [(each.kind, each.shadow) for each in hook.refusals] == [("temporary-reduced-capacity", shadow)]

    def test_is_told_of_refusals_of_views(self):
        hook = Hook()
        feature = limited(rule("1/minute", key="user"), on_refused=hook)
        for _ in range(2):
            visit(feature, user="ada", asks_views=True)
        assert len(hook.refusals) == 1

    def test_that_fails_changes_nothing_and_is_logged_once(self, caplog):
        def fails(exchange: Exchange, refusal: Refusal) -> None:
            raise RuntimeError("no")

        feature = limited(rule("1/minute"), on_refused=fails)
        plain = limited(rule("1/minute"))
        found, expected = ([visit(each) for _ in range(4)] for each in (feature, plain))
        # Not the values: a second may have passed between the two.
        assert [(each.status, [name for name, _ in each.headers]) for each in found] == [
            (each.status, [name for name, _ in each.headers]) for each in expected
        ]
        assert [record.message for record in caplog.records] == [
            "rate_limit.on_refused failed; later errors of it are not logged"
        ]

    async def wait(self, exchange: Exchange, refusal: Refusal) -> None: ...

    @pytest.mark.parametrize("wrong", ["mail", wait])
    def test_has_to_be_a_plain_function(self, wrong):
        with pytest.raises(ConfigurationError, match=r"rate_limit\.on_refused: .* is not a plain function; write one"):
            limited(rule(), on_refused=wrong)


class TestLog:
    def test_has_a_line_for_each_refusal(self, log):
        statuses(limited(rule("1/minute", "login")), 3)
        assert [(line.name, line.levelname) for line in log.records] == [("perfkit.rate_limit", "INFO")] * 2
        assert log.records[0].message == "quota-exceeded: rules login, policies login, status 429, retry after 120 s"
        assert log.records[0].rate_limit == {
            "kind": "quota-exceeded",
            "status": 429,
            "retry_after": 120,
            "rules": ("login",),
            "policies": ("login",),
            "shadow": False,
            "left_out": 0,
        }

    def test_says_where_it_is_no_use_to_come_back(self, log):
        visit(limited(rule("5/minute", cost=lambda exchange: 6)))
        assert log.records[0].message.endswith(", status 429, no use to retry")

    def test_tells_shadow_mode_apart(self, log):
        statuses(limited(rule("1/minute", "trial", shadow=True)), 2)
        assert [line.message.split(":")[0] for line in log.records] == ["quota-exceeded, in shadow mode"]
        assert log.records[0].rate_limit["shadow"] is True

    def test_has_so_many_lines_a_second_and_then_how_many_are_missing(self, log, clock):
        feature = limited(rule("1/hour"))
        statuses(feature, LINES + 1 + 25)
        assert len(log.records) == LINES
        clock.now += 0.9
        visit(feature)
        assert len(log.records) == LINES
        clock.now += 0.1
        visit(feature)
        assert len(log.records) == LINES + 1
        assert log.records[-1].message.endswith("; 26 refusals before were not logged")
        assert [line.rate_limit["left_out"] for line in log.records] == [0] * LINES + [26]

    def test_has_no_more_lines_in_any_second(self, log, clock):
        feature = limited(rule("1/hour"))
        visit(feature)
        times: list[float] = []
        for _ in range(64):
            before = len(log.records)
            visit(feature)
            times += [clock.now] * (len(log.records) - before)
            clock.now += 1 / 16
        assert len(times) == 4 * LINES
        assert max(sum(start <= time < start + 1 for time in times) for start in times) == LINES
        assert sum(record.rate_limit["left_out"] + 1 for record in log.records) <= 64

    @pytest.mark.parametrize(
        ("key", "given"),
        [
            ("ip", {"client": KEY}),
            ("header:X-Api-Key", {"request_headers": [("X-Api-Key", KEY)]}),
            ("user", {"user": KEY, "asks_views": True}),
            (lambda exchange: KEY, {}),
        ],
    )
    def test_never_has_a_key_or_a_path(self, caplog, key, given):
        feature = limited(rule("1/minute", key=key), rule("1/minute", "trial", key=key, shadow=True))
        with caplog.at_level(logging.DEBUG):
            for _ in range(3):
                visit(feature, "/orders/4711?token=secret", **given)
        assert len(caplog.records) == 2
        for record in caplog.records:
            assert not any(word in repr(vars(record)) for word in (KEY, "4711", "secret", "Exchange"))

    def test_costs_nothing_where_nobody_wants_it(self, monkeypatch):
        written: list[Refusal] = []
        monkeypatch.setattr(Notices, "_log", lambda _, refusal: written.append(refusal))
        logging.getLogger("perfkit.rate_limit").setLevel(logging.WARNING)
        try:
            assert statuses(limited(rule("1/minute")), 2) == [200, 429]
        finally:
            logging.getLogger("perfkit.rate_limit").setLevel(logging.NOTSET)
        assert written == []
