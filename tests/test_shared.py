"""What features and the application give each other, by name."""

import threading
from typing import Any

import pytest

from perfkit import Exchange
from perfkit.exchange import NEVER_SHARED, Shared
from tests.memory_exchange import MemoryExchange


def test_a_value_on_offer_is_made_once_and_when_asked_for():
    made: list[Shared] = []

    def make(shared: Shared) -> int:
        made.append(shared)
        return len(made)

    shared = Shared({"nonce": make})
    assert "nonce" in shared
    assert not shared.has("nonce")
    assert (made, dict(shared)) == ([], {})
    assert shared["nonce"] == shared.get("nonce") == 1
    assert shared.has("nonce")
    assert made == [shared]


def test_what_nobody_offers_is_missing():
    shared = Shared()
    assert "nonce" not in shared
    assert shared.get("nonce", "none") == "none"
    with pytest.raises(KeyError):
        shared["nonce"]


def test_threads_of_one_request_get_the_same():
    barrier = threading.Barrier(8)
    shared = Shared({"nonce": lambda shared: (barrier.wait(), object())[1]})
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(shared["nonce"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_a_stack_further_in_has_more_on_offer():
    outer = Shared({"a": lambda shared: "outer a"})
    outer["there"] = 1
    joined = Shared.joined(outer, {"a": lambda shared: "inner a", "b": lambda shared: "b"})
    assert joined is outer
    assert (outer["a"], outer["b"], outer["there"]) == ("outer a", "b", 1)


def test_what_is_no_dict_of_ours_is_replaced():
    assert Shared.joined({"perfkit": 1}, {"b": lambda shared: "b"})["b"] == "b"


def test_a_body_is_unique_where_a_feature_or_a_value_says_so():
    said, by_value, by_feature = MemoryExchange(), MemoryExchange(), MemoryExchange()
    by_value.shared.unique = True
    by_feature.unique = True
    assert (said.unique, by_value.unique, by_feature.unique) == (False, True, True)
    assert Exchange.shared is NEVER_SHARED
    assert not NEVER_SHARED.unique
