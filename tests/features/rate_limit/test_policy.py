"""Policies: what fits together."""

import math
from typing import Any

import pytest

from perfkit.features.rate_limit import Concurrency, Decision, Policy, Rate, whole_seconds
from perfkit.options import BadOption


def test_a_policy_of_a_rate() -> None:
    policy = Policy.of("login", Rate(10, 60), "gcra", burst=3, unit="tokens")
    assert (policy.quota, policy.window, policy.algorithm, policy.capacity) == (10, 60, "gcra", 3)


def test_concurrency_has_an_algorithm_of_its_own() -> None:
    policy = Policy.of("export", Concurrency(2))
    assert (policy.quota, policy.window, policy.algorithm, policy.capacity) == (2, 0, "concurrent", 2)


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"name": ""}, "name"),
        ({"name": "l\u00f6gin"}, "name"),
        ({"name": "a\r\nb"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"quota": 0}, "limits"),
        ({"quota": 10**15}, "limits"),
        ({"window": 0}, "limits"),
        ({"window": 400_000_000}, "limits"),
        ({"algorithm": "concurrent"}, "limits"),
        ({"burst": 3}, "burst"),
        ({"algorithm": "gcra", "burst": 0}, "burst"),
        ({"algorithm": "gcra", "quota": 6_000_001}, "limits"),
        ({"algorithm": "gcra", "quota": 1, "window": 315_360_000, "burst": 2}, "burst"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any], option: str) -> None:
    with pytest.raises(BadOption) as error:
        Policy(**{"name": "a", "quota": 10, "window": 60, **values})
    assert error.value.option == option


@pytest.mark.parametrize(
    ("seconds", "whole"), [(0.0, 0), (0.1, 1), (60.0, 60), (60.000_000_1, 60), (60.001, 61), (math.inf, None)]
)
def test_whole_seconds(seconds: float, whole: int | None) -> None:
    assert whole_seconds(seconds) == whole


def test_a_decision_is_a_tuple() -> None:
    assert Decision(True, 1, 2.0, 0.0) == (True, 1, 2.0, 0.0)
