"""The feature with a store that processes share."""

from uuid import uuid4

import pytest

from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.visits import limited, rule, statuses, visit


def test_two_processes_count_together(redis_server: Server) -> None:
    options = {"store": redis_server.uri, "namespace": uuid4().hex, "store_timeout": 5.0}
    rules = [rule("3/hour"), rule("2/hour", "login", match={"path": "/login"}), rule("5 concurrent", "flight")]
    one, other = limited(*rules, **options), limited(*rules, **options)
    assert [visit(feature, "/login").status for feature in (one, other, one, other)] == [
        200,
        200,
        429,
        429,
    ]
    assert statuses(other, 2) == [200, 429]
    assert not visit(one).outcome.store_error


def test_a_ban_goes_for_all_of_them(redis_server: Server) -> None:
    options = {"store": redis_server.uri, "namespace": uuid4().hex, "store_timeout": 5.0}
    rules = [rule("1/hour", ban={"after": 1, "for": 900})]
    one, other = limited(*rules, **options), limited(*rules, **options)
    assert statuses(one, 2) == [200, 429]
    banned = visit(other)
    assert banned.outcome.result == "banned"
    assert int(banned.header("Retry-After") or "") <= 7200


def test_one_that_is_not_there_is_no_reason_for_a_500(caplog: pytest.LogCaptureFixture) -> None:
    feature = limited(rule("2/hour"), store="redis://127.0.0.1:1/0")
    found = [visit(feature) for _ in range(3)]
    assert [exchange.status for exchange in found] == [200, 200, 429]
    assert found[0].outcome.store_error
