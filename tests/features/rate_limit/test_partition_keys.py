"""The parameter ``pk`` of RateLimit and RateLimit-Policy: whose quota it is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from perfkit import ConfigurationError
from perfkit.features.rate_limit import MemoryStore, Policy
from perfkit.features.rate_limit._fields import CACHED_PARTITIONS, Described, PartitionKeys
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import own_namespace
from tests.features.rate_limit.visits import Seconds, Visit, limited, parsed, rule, statuses, visit

SECRET = "sixteen-or-more-characters"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
    return clock


def telling(*rules: dict[str, Any], **options: Any) -> Any:
    return limited(*(rules or [rule("5/minute")]), **{"partition_key": True, "secret": SECRET, **options})


def keys(exchange: Visit, field: str = "RateLimit") -> list[Any]:
    return [parameters.get("pk") for _, parameters in parsed(exchange.header(field))]


def test_both_fields_have_it_as_a_byte_sequence() -> None:
    exchange = visit(telling(rule("5/minute", "a", unit="tokens")))
    ((name, state),) = parsed(exchange.header("RateLimit"))
    assert (name, {**state, "pk": None}) == ("a", {"r": 4, "t": 120, "pk": None})
    assert type(state["pk"]) is bytes
    assert len(state["pk"]) == 12
    ((name, policy),) = parsed(exchange.header("RateLimit-Policy"))
    assert (name, policy) == ("a", {"q": 5, "w": 60, "qu": "tokens", "pk": state["pk"]})


def test_neither_has_it_by_default() -> None:
    exchange = visit(limited(rule("5/minute"), secret=SECRET))
    assert keys(exchange) == keys(exchange, "RateLimit-Policy") == [None]


def test_it_tells_partitions_apart_and_is_the_same_for_one() -> None:
    feature = telling()
    one, same, other = (keys(visit(feature, client=client)) for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"))
    assert one == same != other


def test_all_windows_of_a_rule_have_one_and_each_rule_its_own() -> None:
    burst, minute, other = keys(visit(telling(rule("5/second, 9/minute", "a"), rule("5/day", "b"))))
    assert burst == minute != other


def test_it_is_the_same_in_all_processes_that_have_the_secret() -> None:
    one, same = keys(visit(telling())), keys(visit(telling()))
    other = keys(visit(telling(secret="another-secret-of-others")))
    assert one == same != other


def test_whoever_reads_the_keys_of_a_store_cannot_make_it() -> None:
    policy = Described(Policy("p", 1, 1))
    secrets = ["a" * 16, "b" * 16, "x" * 100 + "a", "x" * 100 + "b"]
    assert len({PartitionKeys(secret).describe(policy, 1 << 63).member for secret in secrets}) == len(secrets)


def test_it_tells_nothing_of_the_key(redis_server: Server) -> None:
    from perfkit.features.rate_limit import AddressPrefixes, Keys

    namespace = own_namespace()
    number = Keys(namespace, "rule", SECRET.encode()).number_of(AddressPrefixes().partition("192.0.2.1"))
    for store in ("memory://", redis_server.uri):
        (key,) = keys(visit(telling(store=store, namespace=namespace, store_timeout=20)))
        assert number.to_bytes(8) not in key


def test_a_refusal_has_it_too() -> None:
    feature = telling(rule("1/minute"))
    admitted, refused = visit(feature), visit(feature)
    assert refused.status == 429
    assert keys(refused) == keys(admitted) == keys(refused, "RateLimit-Policy")
    ((_, state),) = parsed(refused.header("RateLimit"))
    assert state == {"r": 0, "t": 120, "pk": keys(admitted)[0]}


def test_rules_that_clients_are_not_told_of_stay_untold() -> None:
    feature = telling(rule("1/minute", "trial", shadow=True), rule("5/minute", ban={"after": 1, "for": 60}))
    assert [name for name, _ in parsed(visit(feature).header("RateLimit"))] == ["rule"]


def test_everything_counts_as_it_does_without() -> None:
    rules = [
        rule("3/second, 4/minute", "a"),
        rule("2 concurrent", "b"),
        rule("9/minute", "c", ban={"after": 1, "for": 9}),
    ]
    assert statuses(telling(*rules), 5) == statuses(limited(*rules), 5) == [200, 200, 200, 429, 429]
    functions = rule(lambda exchange: "1/minute", key=lambda exchange: "x", cost=lambda exchange: 1)
    found = [visit(telling(functions), end=False)]
    assert [type(key) for key in keys(found[0])] == [bytes]
    late = telling(rule("5/minute", count_when="5xx"))
    assert parsed(visit(late).header("RateLimit"))[0][1]["r"] == 5


def test_it_needs_a_secret() -> None:
    message = r"rate_limit\.partition_key: .* there is none; set rate_limit\.secret to 16 characters"
    with pytest.raises(ConfigurationError, match=message):
        limited(rule(), partition_key=True)


def test_what_is_kept_of_partitions_has_a_bound() -> None:
    describe = PartitionKeys(SECRET).describe
    policy = Described(Policy("p", 1, 1))
    for number in range(CACHED_PARTITIONS + 10):
        describe(policy, 1 << 63 | number)
    assert describe.cache_info().currsize == CACHED_PARTITIONS
