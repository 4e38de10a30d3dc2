"""The doors as a fixture: each test of the table runs through all of them, or those of one protocol."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from perfkit.features.rate_limit import MemoryStore, _shared
from tests.conformance.inprocess_asgi import background_loop
from tests.conformance.trace import PATIENCE_SECONDS
from tests.doors import DOORS, Door
from tests.features.rate_limit.visits import Seconds

# Django says so of each of its own files under ASGI.
NOISE = "ignore:StreamingHttpResponse must consume"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "rate_limit/table" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings(NOISE))


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request: pytest.FixtureRequest) -> Door:
    assert isinstance(request.param, Door)
    return request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """The time of all sites that are made in the test: it stands still unless the test moves it."""
    clock = Seconds()
    monkeypatch.setattr("perfkit.features.rate_limit._feature.MemoryStore", partial(MemoryStore, clock=clock))
    return clock


@pytest.fixture
def shared_stores() -> Iterator[None]:
    """Close the connections of all stores that a test has used, in threads and on the loop of the doors."""
    yield
    for store in list(_shared._stores):
        store.close()
        asyncio.run_coroutine_threadsafe(store.aclose(), background_loop()).result(PATIENCE_SECONDS)
