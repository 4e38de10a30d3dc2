import pytest

from perfkit.features import _spans, timing
from tests.features.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_spans, "perf_counter_ns", lambda: clock.nanoseconds)
    monkeypatch.setattr(timing, "perf_counter", clock.seconds)
    monkeypatch.setattr("perfkit.exchange.perf_counter", clock.seconds)
    return clock


@pytest.fixture(autouse=True)
def no_exchange_around() -> None:
    """Forget what tests of hosts that leave an exchange open have left in this thread's context."""
    _spans._current.set(None)
