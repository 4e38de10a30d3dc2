"""What metrics learn of the stores."""

from __future__ import annotations

from perfkit import RateLimit
from tests.features.rate_limit.visits import limited, visit

RULE = {"name": "all", "limits": "100/minute"}


def figures(feature: RateLimit) -> dict[str, float]:
    return {figure.name.removeprefix("perfkit_rate_limit_"): figure.value for figure in feature.figures()}


def test_of_a_store_in_this_process() -> None:
    feature = limited(RULE, max_keys=2)
    assert figures(feature) == {"keys": 0, "overflow": 0}
    for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        visit(feature, client=client)
    assert figures(feature) == {"keys": 3, "overflow": 1}  # two clients, and the bucket that the others share


def test_of_a_shared_store_that_does_not_answer() -> None:
    feature = limited(RULE, store="redis://127.0.0.1:1/0", breaker=(2, 60.0))
    assert figures(feature)["store_available"] == 1
    for _ in range(5):
        visit(feature)
    told = figures(feature)
    assert (told["store_available"], told["store_errors"], told["store_skipped"]) == (0, 2, 3)
    assert told["keys"] == 1
