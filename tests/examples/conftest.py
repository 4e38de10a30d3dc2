"""Both example applications on real servers: uvicorn for each, and gunicorn for Django's WSGI side.

In processes of their own, since Django can be configured only once in a process, and other tests do so differently.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bookshop.stock import Stock, make_stock

from .servers import SERVERS, START_TIMEOUT, log_of, run_server
from .visitors import log_in


@pytest.fixture(scope="session")
def servers_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all servers, as on a reader's machine: the second Django server finds the shop already full."""
    return tmp_path_factory.mktemp("bookshop")


@pytest.fixture(scope="session", params=SERVERS)
def server_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server_url(server_name: str, servers_home: Path) -> Iterator[str]:
    with run_server(servers_home, server_name) as url:
        yield url


@pytest.fixture
def server_log(server_name: str, servers_home: Path) -> Path:
    return log_of(servers_home, server_name)


@pytest.fixture(scope="session")
def client(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=START_TIMEOUT, trust_env=False) as client:
        yield client


@pytest.fixture
def shop(client: httpx.Client) -> httpx.Client:
    """A visitor to each of the shops, whom no cookie makes known."""
    client.cookies.clear()
    return client


@pytest.fixture(scope="session")
def login(client: httpx.Client) -> httpx.Response:
    """The answer to a login; one for all tests, since checking a password is slow on purpose."""
    client.cookies.clear()
    return log_in(client)


@pytest.fixture
def reader(login: httpx.Response, shop: httpx.Client) -> httpx.Client:
    """A visitor who is logged in."""
    shop.cookies.update(login.cookies)
    return shop


@pytest.fixture(scope="session")
def stock() -> Stock:
    return make_stock()


@pytest.fixture
def bookshop_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for what runs inside the test process."""
    monkeypatch.setenv("BOOKSHOP_HOME", str(tmp_path))
    for name in ("BOOKSHOP_DATABASE_URL", "BOOKSHOP_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
