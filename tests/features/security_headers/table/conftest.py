"""The doors as a fixture: each test of the table runs through all of them."""

import pytest

from tests.features.security_headers.table.doors import DOORS, Door


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request: pytest.FixtureRequest) -> Door:
    assert isinstance(request.param, Door)
    return request.param
