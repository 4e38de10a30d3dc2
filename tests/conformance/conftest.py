"""The hosts as fixtures: each is made once, when a test first needs it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.conformance.case import name_of
from tests.conformance.client import Host
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.conformance.run import Run
from tests.conformance.servers import ServerHost, start

HOST = pytest.StashKey[Host]()


@pytest.fixture(scope="session")
def host_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], Host]]:
    hosts: dict[str, Host] = {}

    def host_of(kind: Kind) -> Host:
        if kind.name not in hosts:
            server = kind.server
            hosts[kind.name] = start(kind, tmp_path_factory.mktemp("servers") / "log") if server else in_process(kind)
        return hosts[kind.name]

    yield host_of
    for host in hosts.values():
        host.stop()


def in_process(kind: Kind) -> Host:
    from tests.conformance import served, served_django

    site = served_django if kind.django else served
    if kind.protocol == "asgi":
        return AsgiHost(kind, site.asgi)
    return WsgiHost(kind, served.wsgi_validated if kind.validated else site.wsgi)


@pytest.fixture
def host(request: pytest.FixtureRequest, host_of: Callable[[Kind], Host]) -> Host:
    host = host_of(request.param)
    request.node.stash[HOST] = host
    return host


@pytest.fixture
def run(request: pytest.FixtureRequest, host: Host) -> Run:
    return Run(host, name_of(request.function))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Show what the server wrote beside the failure of a test."""
    report = yield
    host = item.stash.get(HOST, None)
    if isinstance(host, ServerHost) and report.when == "call":
        log = host.new_log()
        if report.failed:
            report.sections.append((f"what {host.kind.name} wrote", log))
    return report
