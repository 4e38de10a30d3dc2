from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.features.rate_limit.redis_server import Outside, Server, running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests: that of PERFKIT_TEST_REDIS, or one of ours. Each test has a namespace of its own."""
    if uri := os.environ.get("PERFKIT_TEST_REDIS"):
        yield Outside(uri)
        return
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the test may kill."""
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server
