import pytest

from perfkit.features.thresholds import _feature
from tests.features.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of thresholds and of exchanges."""
    clock = Clock()
    monkeypatch.setattr(_feature, "perf_counter", clock.seconds)
    monkeypatch.setattr("perfkit.exchange.perf_counter", clock.seconds)
    return clock
