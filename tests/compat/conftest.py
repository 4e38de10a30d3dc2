from pathlib import Path

import pytest

from tests.conformance import django_project  # noqa: F401 - configures Django, once for the process


@pytest.fixture(scope="session")
def sdists(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where source distributions are kept."""
    cache = getattr(request.config, "cache", None)  # it can be turned off
    return cache.mkdir("sdists") if cache else tmp_path_factory.mktemp("sdists")
