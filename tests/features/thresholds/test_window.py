"""What a window counts: percentiles within the error it states, limits exactly, and nothing that is too old."""

from __future__ import annotations

import sys
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.features.thresholds._window import BOUNDS, ERROR, HIGHEST, LOWEST, PARTS, Window

seconds = st.floats(LOWEST, HIGHEST)
# Most of a site's requests are alike; ties are where percentiles go wrong.
durations = st.lists(st.one_of(seconds, st.sampled_from([0.0101, 0.3, 0.3000001, 2.0])), min_size=1, max_size=300)
PERCENTS = [1, 50, 95, 99, 100]


def filled(values: list[float], *limits: float) -> Window:
    window = Window(300, limits, 0)
    for value in values:
        window.add(1, value, failed=False)
    return window


def exact(values: list[float], percent: int) -> float:
    """The percentile by its definition: the nearest rank."""
    return sorted(values)[ceil(percent * len(values) / 100) - 1]


def test_the_error_is_two_and_a_half_percent() -> None:
    assert 0.024 < ERROR < 0.025


@given(durations, st.sampled_from(PERCENTS))
def test_a_percentile_is_within_its_error(values: list[float], percent: int) -> None:
    found, true = filled(values).percentile(percent), exact(values, percent)
    assert abs(found - true) <= true * ERROR * (1 + 1e-9)


@pytest.mark.parametrize("true", [LOWEST, 0.00011, 0.3, 1, 999.9, HIGHEST, *BOUNDS[5:-1:40]])
def test_a_percentile_of_one_duration_is_within_its_error(true: float) -> None:
    assert filled([true]).percentile(50) == pytest.approx(true, rel=ERROR * (1 + 1e-9))


def test_durations_out_of_range_count_as_the_shortest_and_the_longest() -> None:
    assert filled([0.0, -1.0]).percentile(50) == LOWEST
    assert filled([1e9, float("inf")]).percentile(50) == pytest.approx(HIGHEST, rel=0.05)


def test_nothing_has_no_percentile() -> None:
    window = Window(300, (), 0)
    assert (window.percentile(50), window.percentile(99), window.durations) == (0, 0, 0)


@given(durations, st.lists(seconds, min_size=1, max_size=3))
def test_what_is_above_a_limit_is_counted_exactly(values: list[float], limits: list[float]) -> None:
    window = filled(values, *limits)
    above = [window.above(number) for number in range(len(limits))]
    assert above == [sum(value > limit for value in values) for limit in limits]


pauses = st.sampled_from([0.0, 0.5, 3.0, 29.5, 30.0, 31.0, 270.0, 300.0, 5000.0])
visits = st.lists(st.tuples(pauses, st.none() | seconds, st.booleans()))


@given(visits)
def test_the_window_holds_the_parts_that_reach_into_it(visits: list[tuple[float, float | None, bool]]) -> None:
    window, now, model = Window(300, [1.0], 0), 0.0, []
    for pause, value, failed in visits:
        now += pause
        window.add(now, value, failed=failed)
        model.append((now, value, failed))
        # Every request of the last 9 parts, and none that is older than 10.
        kept = [each for each in model if now // 30 - each[0] // 30 < PARTS]
        assert {each for each in model if now - each[0] < 270} <= set(kept)
        assert all(now - each[0] < 300 for each in kept)
        assert window.requests == len(kept)
        assert window.failures == sum(each[2] for each in kept)
        assert window.durations == sum(each[1] is not None for each in kept)
        assert window.above(0) == sum(each[1] is not None and each[1] > 1 for each in kept)


def test_a_clock_that_stands_still_loses_nothing() -> None:
    window = Window(300, (), 50)
    window.add(50, 0.1, failed=False)
    window.add(49.999, 0.1, failed=False)  # another thread was quicker
    assert window.requests == 2


def test_a_long_pause_takes_no_work() -> None:
    window = Window(10, (), 0)
    window.add(0, 1.0, failed=True)
    window.add(1e12, 1.0, failed=False)  # part by part, this would not end
    assert (window.requests, window.failures) == (1, 0)


def test_memory_does_not_grow() -> None:
    window = Window(10, [0.1, 0.2, 0.3], 0)

    def size() -> int:
        rows = [window._current, window._finished, *window._parts]
        return sum(map(sys.getsizeof, rows))

    before = size()
    for number in range(3000):
        window.add(number / 7, number / 1000, failed=True)
    assert size() <= before < 40_000
