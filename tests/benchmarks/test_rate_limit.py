"""The rows of rate limits measure limiters that limit."""

import asyncio
from dataclasses import replace

import pytest

from benchmarks import rotation
from benchmarks.model import BARE, Setting, Variant
from benchmarks.results import Result, Row
from benchmarks.rotation import Rotated, rotated
from benchmarks.rows import rate_limit, rate_limit_hosts
from benchmarks.rows.rate_limit_keys import KNOWN, LIVE, MEMORY, NEW, PAUSE, VARIANTS

FEW = 300

IN_PROCESS = [*rate_limit.SETTINGS, rate_limit_hosts.WSGI, rate_limit_hosts.FLASK]
LIMITERS = [variant for variant in VARIANTS if variant.name != BARE]
LIMITED = [(each, one) for each in IN_PROCESS for one in each.variants if one.name != BARE]


@pytest.fixture
def one_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "QUOTA", 1)
    monkeypatch.setattr(rate_limit, "LIMITS", "1/minute")
    monkeypatch.setattr(rate_limit_hosts, "LIMITS", "1/minute")


@pytest.mark.parametrize(("setting", "variant"), LIMITED, ids=[f"{each.name}-{one.name}" for each, one in LIMITED])
def test_what_is_measured_refuses_what_is_too_much(setting: Setting, variant: Variant, one_a_minute: None) -> None:
    try:
        driver = setting.driver(variant)
    except ImportError:
        assert variant.side == "peer"
        return
    assert [driver.answer().status for _ in range(3)] == [200, 429, 429]


@pytest.mark.parametrize("variant", LIMITERS, ids=[variant.name for variant in LIMITERS])
def test_all_clients_are_kept_and_admitted(variant: Variant) -> None:
    try:
        crowd = replace(variant.build(), clients=FEW)
    except ImportError:
        assert variant.side == "peer"
        return
    found = asyncio.run(rotated(crowd))
    assert found["admitted"]
    assert 0 < found["each"] <= found["worst"]
    # Where time has passed, those who came before are forgotten.
    assert crowd.known() == (rotation.FEW if crowd.pass_windows else FEW)


def test_a_limiter_that_forgets_clients_is_not_measured() -> None:
    crowd = replace(KNOWN[0].build(), known=lambda: FEW - 1, clients=FEW)
    with pytest.raises(AssertionError, match="299 of 300 clients are kept"):
        asyncio.run(rotated(crowd))


def test_settings_share_the_process_of_a_variant() -> None:
    ours = NEW[-1]
    memory, pause = (Rotated(ours, figure, most=FEW) for figure in ("bytes", "worst"))
    assert memory.answer().status == pause.answer().status == 200
    rotation.found.cache_clear()
    assert 0 < pause.measure() < memory.measure()
    assert rotation.found.cache_info().misses == 1
    memory.measure()
    assert rotation.found.cache_info().misses == 2


def test_bytes_are_shown_whole() -> None:
    row = Row(NEW[0].name, "peer", 79.6, None, "", ())
    assert Result(MEMORY, (row,)).shown(row.cost) == "80"


def test_what_is_measured_is_found_by_its_name_in_the_other_process() -> None:
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names)
    assert {variant.name for setting in (MEMORY, PAUSE, LIVE) for variant in setting.variants} == set(names)
