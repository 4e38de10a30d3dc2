from __future__ import annotations

from collections.abc import Iterator

import pytest

from perfkit.features.health import _shutdown
from tests.features.health.asking import health_threads, until


@pytest.fixture(autouse=True)
def no_shutdown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test finds a process that is not about to end, and leaves no check behind."""
    monkeypatch.setattr(_shutdown.SHUTDOWN, "begun", False)
    yield
    until(lambda: not health_threads())
