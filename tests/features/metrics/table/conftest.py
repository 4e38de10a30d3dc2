"""The doors and the frameworks as fixtures: a test of the table runs through all of them, or those of one protocol."""

from __future__ import annotations

import pytest

from tests.conformance import inprocess_wsgi
from tests.doors import DOORS, Door
from tests.features.metrics.table.frameworks import FRAMEWORKS, Framework
from tests.features.metrics.table.site import name_of

# Django says so of each of its own files under ASGI.
NOISE = "ignore:StreamingHttpResponse must consume"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "metrics/table" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings(NOISE))


@pytest.fixture(params=DOORS, ids=name_of)
def door(request: pytest.FixtureRequest) -> Door:
    assert isinstance(request.param, Door)
    return request.param


@pytest.fixture(params=FRAMEWORKS, ids=lambda framework: framework.name)
def framework(request: pytest.FixtureRequest) -> Framework:
    assert isinstance(request.param, Framework)
    return request.param


@pytest.fixture
def unvalidated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let WSGI servers give what wsgiref.validate, rightly, does not let pass."""
    monkeypatch.setattr(inprocess_wsgi, "validator", lambda app: app)
