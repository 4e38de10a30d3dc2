"""What goes for all tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No deadline: how long an example takes says more of the machine than of perfkit.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def level_of_logs() -> Iterator[None]:
    """Frameworks set up logging for the whole process; what the next test finds in `caplog` is not to depend on it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


class Outcry:
    """Names a failure in CI when it happens: a run that is cut off would end without a word on it."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            print(f"\nFAILED {report.nodeid} ({report.when})\n{report.longreprtext[-2000:]}", flush=True)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcry())
