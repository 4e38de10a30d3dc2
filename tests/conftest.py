"""What goes for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# No deadline: how long an example takes says more of the machine than of perfkit.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class Outcry:
    """Names a failure in CI when it happens: a run that is cut off would end without a word on it."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            print(f"\nFAILED {report.nodeid} ({report.when})\n{report.longreprtext[-2000:]}", flush=True)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcry())
