"""The doors as a fixture: each test of the table runs through all of them, or those of one protocol."""

import pytest

from tests.doors import DOORS, Door

# Django says so of each of its own files under ASGI.
NOISE = "ignore:StreamingHttpResponse must consume"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "compression/table" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings(NOISE))


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request: pytest.FixtureRequest) -> Door:
    assert isinstance(request.param, Door)
    return request.param
