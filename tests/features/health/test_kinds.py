"""The checks that perfkit has, against what they check."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy
from django.core.exceptions import ImproperlyConfigured
from sqlalchemy.ext.asyncio import create_async_engine

import tests.conformance.django_project  # noqa: F401 - configures Django
from perfkit import ConfigurationError, Health
from perfkit.features.health import _system
from perfkit.features.health._system import Space
from tests.features.health.asking import WAYS, ask, ask_async, ask_on_loop, detail, health, until
from tests.features.rate_limit.redis_server import Server, free_port, running

ways = pytest.mark.parametrize("way", WAYS)


def seen(options: Any, way: Any = ask, **section: Any) -> Any:
    return detail(way(health({"it": options}, **section), internal=True))


def problem(options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Health(checks={"it": options})
    assert caught.value.setting.startswith("health.checks.it")
    return str(caught.value)


class TestTcp:
    def test_passes_where_somebody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert seen({"kind": "tcp", "host": "127.0.0.1", "port": port})["status"] == "pass"

    def test_fails_where_nobody_does(self):
        options = {"kind": "tcp", "host": "127.0.0.1", "port": free_port()}
        assert seen(options)["output"] == "ConnectionRefusedError"


class TestDisk:
    @pytest.mark.parametrize(
        ("free", "status"), [(1, "pass"), ("1 kB", "pass"), ("0.001%", "pass"), ("5000 TB", "fail"), ("100%", "fail")]
    )
    def test_has_so_much_left_or_not(self, tmp_path, free, status):
        assert seen({"kind": "disk", "path": str(tmp_path), "free": free})["status"] == status

    def test_tells_how_much(self, monkeypatch):
        usage = ModuleType("usage")
        usage.free, usage.total = 4 * 10**9, 100 * 10**9  # type: ignore[attr-defined]
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
        found = seen({"kind": "disk", "path": "/srv"})
        assert (found["status"], found["output"]) == ("fail", "4.0 GB of 100.0 GB free, less than 5%")
        assert seen({"kind": "disk", "path": "/srv", "free": "3.9GB"})["output"] == "4.0 GB of 100.0 GB free"
        assert seen({"kind": "disk", "path": "/srv", "free": "3.9GiB"})["status"] == "fail"

    def test_fails_where_there_is_none(self):
        assert seen({"kind": "disk", "path": "/no/such/directory"})["output"] == "FileNotFoundError"


@pytest.fixture
def system(tmp_path, monkeypatch) -> Any:
    """A machine with 16 GB, 2 of them available, and a process with 4096 pages."""
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    cgroup.mkdir()
    (proc / "meminfo").write_text(f"MemTotal: {16 * 10**9 // 1024} kB\nMemAvailable: {2 * 10**9 // 1024} kB\n")
    (proc / "self/statm").write_text("9999 4096 1 1 0 1 0\n")
    monkeypatch.setattr(_system, "PROC", proc)
    monkeypatch.setattr(_system, "CGROUP", cgroup)
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
class TestMemory:
    def test_of_this_machine_can_be_read(self):
        assert 0 < _system.resident() < 10**11
        space = _system.available()
        assert 0 < space.free <= space.total

    @pytest.mark.parametrize(("available", "status"), [(None, "pass"), ("1.9 GB", "pass"), ("2.1GB", "fail")])
    def test_is_available_or_not(self, system, available, status):
        assert seen({"kind": "memory", "available": available})["status"] == status

    def test_tells_how_much(self, system):
        assert seen({"kind": "memory", "available": "20%"})["output"] == "2.0 GB of 16.0 GB available, less than 20%"

    def test_of_this_process_has_a_limit(self, system):
        assert seen({"kind": "memory", "rss": "20 MB"})["output"] == "this process has 16.8 MB"
        found = seen({"kind": "memory", "rss": "16 MB"})
        assert (found["status"], found["output"]) == ("fail", "this process has 16.8 MB, more than 16 MB")

    def test_may_be_limited_both_ways(self, system):
        assert seen({"kind": "memory", "rss": "20 MB", "available": "50%"})["status"] == "fail"
        assert seen({"kind": "memory", "rss": "20 MB", "available": "5%"})["status"] == "pass"
        assert seen({"kind": "memory", "rss": "16 MB", "available": "5%"})["status"] == "fail"

    def test_is_that_of_a_container_where_it_has_less(self, system):
        cgroup = system / "cgroup"
        (cgroup / "memory.max").write_text(f"{10**9}\n")
        (cgroup / "memory.current").write_text(f"{990 * 10**6}\n")
        (cgroup / "memory.stat").write_text(f"anon 1\ninactive_file {300 * 10**6}\n")
        assert _system.available() == Space(310 * 10**6, 10**9)
        (cgroup / "memory.max").write_text(f"{10**12}\n")
        assert _system.available().free < 10**10, "it may have more than there is"
        (cgroup / "memory.max").write_text("max\n")
        assert _system.available().total == 16 * 10**9 // 1024 * 1024

    def test_cannot_be_checked_where_the_system_does_not_tell(self, system):
        (system / "proc/meminfo").unlink()
        assert "health.checks.it.kind: this system does not tell its memory" in problem({"kind": "memory"})


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


class TestRedis:
    @ways
    @pytest.mark.parametrize("scheme", ["redis", "valkey"])
    def test_passes_where_it_answers(self, redis_server, way, scheme):
        assert seen({"kind": "redis", "url": f"{scheme}{redis_server.uri[5:]}"}, way)["status"] == "pass"

    def test_keeps_no_connection(self, redis_server):
        client = redis_server.client()
        feature = health({"it": {"kind": "redis", "url": redis_server.uri}}, every=0)
        before = client.info("clients")["connected_clients"]
        for _ in range(3):
            assert ask(feature).status == 200
        assert client.info("clients")["connected_clients"] == before

    def test_fails_in_time_where_it_hangs_and_passes_again(self, redis_server):
        feature = health({"it": {"kind": "redis", "url": redis_server.uri}}, timeout=0.2, every=0)
        redis_server.hang()
        try:
            assert ask(feature).status == 503
        finally:
            redis_server.go_on()
        assert ask(health({"it": {"kind": "redis", "url": redis_server.uri}})).status == 200

    def test_asks_once(self):
        connections: list[int] = []
        with socket.create_server(("127.0.0.1", 0)) as server:

            def refuse() -> None:
                with suppress(OSError):  # once it is shut down
                    while True:
                        server.accept()[0].close()
                        connections.append(1)

            thread = threading.Thread(target=refuse)
            thread.start()
            found = seen({"kind": "redis", "url": f"redis://127.0.0.1:{server.getsockname()[1]}/0"})
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
        assert found["status"] == "fail"
        assert connections == [1]

    def test_fails_where_there_is_none_and_shows_no_password(self, caplog):
        url = f"redis://jane:hunter%202@127.0.0.1:{free_port()}/0"
        found = seen({"kind": "redis", "url": url}, messages=True)
        assert found["output"].startswith("ConnectionError: ")
        assert "hunter" not in found["output"] + caplog.text

    @pytest.mark.parametrize("said", ["hunter%202", "hunter 2", "redis://jane:hunter%202@db/0"])
    def test_shows_no_password_that_an_error_has_in_it(self, monkeypatch, caplog, said):
        def ping(client: Any) -> None:
            raise OSError(f"cannot log in as jane with {said}!")

        monkeypatch.setattr("redis.Redis.ping", ping)
        found = seen({"kind": "redis", "url": "redis://jane:hunter%202@db/0"}, messages=True)
        assert found["output"] == "OSError: cannot log in as jane with ***!"
        until(lambda: caplog.records)
        assert "hunter" not in caplog.text

    def test_needs_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "redis", None)
        message = problem({"kind": "redis", "url": "redis://localhost"})
        assert message.endswith("kind: the package redis is not installed; install perfkit[redis]")

    def test_needs_a_url_that_is_one(self):
        message = problem({"kind": "redis", "url": "http://jane:hunter2@host"})
        assert message.startswith("health.checks.it.url: redis cannot use this URL")
        assert "hunter2" not in message


class TestSQLAlchemy:
    @ways
    @pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
    def test_passes_where_the_database_answers(self, way, driver, tmp_path):
        url = f"{driver}:///{tmp_path / 'db.sqlite3'}"
        feature = health({"it": {"kind": "database", "url": url}}, every=0)
        assert [way(feature).status for _ in range(2)] == [200, 200]

    @ways
    def test_fails_where_it_does_not(self, way):
        found = seen({"kind": "database", "url": "sqlite:////no/such/directory/db"}, way)
        assert found["output"] == "OperationalError"

    def test_goes_through_the_pool_of_an_engine(self, tmp_path):
        engine = sqlalchemy.create_engine(
            f"sqlite:///{tmp_path / 'db'}", pool_size=1, max_overflow=0, pool_timeout=0.05
        )
        feature = health({"it": {"kind": "database", "engine": engine}}, every=0)
        assert ask(feature).status == 200
        with engine.connect():
            assert detail(ask(feature, internal=True))["output"] == "TimeoutError"
        assert ask_on_loop(feature).status == 200
        engine.dispose()

    def test_awaits_an_async_engine_on_the_loop_of_the_application(self, tmp_path):
        async def requests() -> list[int]:
            engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'db'}")
            feature = health({"it": {"kind": "database", "engine": engine}}, every=0)
            statuses = [(await ask_async(feature)).status for _ in range(2)]
            await engine.dispose()
            return statuses

        assert asyncio.run(requests()) == [200, 200]

    def test_needs_a_url_that_is_one_and_shows_no_password(self):
        for url in (
            "jane:hunter2@host",
            "postgresql+nope://jane:hunter2@host/db",
            "mysql+pymysql://jane:hunter2@host/db",
        ):
            message = problem({"kind": "database", "url": url})
            assert message.startswith("health.checks.it.url: SQLAlchemy cannot use this URL"), message
            assert "hunter2" not in message

    def test_names_the_driver_that_is_missing(self):
        message = problem({"kind": "database", "url": "mysql+pymysql://host/db"})
        assert "pymysql is not installed" in message

    def test_needs_an_engine_that_is_one(self):
        assert "health.checks.it.engine: 5 is not an engine of SQLAlchemy" in problem({"kind": "database", "engine": 5})

    def test_needs_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sqlalchemy", None)
        message = problem({"kind": "database", "url": "sqlite://"})
        assert "health.checks.it.url: SQLAlchemy is not installed; " in message


@pytest.fixture
def databases(tmp_path, monkeypatch) -> Any:
    """Those of a Django project."""
    from django.db.utils import ConnectionHandler

    handler = ConnectionHandler(
        {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")},
            "away": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/no/such/directory/db"},
        }
    )
    monkeypatch.setattr("django.db.connections", handler)
    return handler


class TestDjango:
    @ways
    @pytest.mark.parametrize("options", [{}, {"alias": "default"}])
    def test_passes_where_the_database_answers(self, databases, way, options):
        feature = health({"it": {"kind": "database", **options}}, every=0)
        assert [way(feature).status for _ in range(2)] == [200, 200]

    def test_fails_where_it_does_not(self, databases):
        assert seen({"kind": "database", "alias": "away"})["output"] == "OperationalError"

    def test_closes_the_connection_of_its_thread(self, databases, monkeypatch):
        from django.db.backends.base.base import BaseDatabaseWrapper

        calls: list[str] = []
        for name in ("connect", "close"):
            method = getattr(BaseDatabaseWrapper, name)

            def counted(wrapper: Any, name: str = name, method: Any = method) -> Any:
                calls.append(name)
                return method(wrapper)

            monkeypatch.setattr(BaseDatabaseWrapper, name, counted)
        monkeypatch.setattr("django.db.backends.sqlite3.base.DatabaseWrapper.close", BaseDatabaseWrapper.close)
        feature = health({"it": {"kind": "database"}}, every=0)
        ask(feature)
        ask(feature)
        assert calls == ["connect", "close"] * 2

    def test_needs_an_alias_that_is_one(self, databases):
        message = problem({"kind": "database", "alias": "replica"})
        assert message == "health.checks.it.alias: 'replica' is not in DATABASES; use one of: away, default"

    def test_needs_settings(self, monkeypatch):
        class Connections:
            @property
            def settings(self) -> None:
                raise ImproperlyConfigured("DATABASES")

        monkeypatch.setattr("django.db.connections", Connections())
        message = problem({"kind": "database"})
        assert message.startswith("health.checks.it.alias: Django's settings cannot be used (ImproperlyConfigured); ")

    def test_needs_django(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "django.db", None)
        assert "health.checks.it.alias: Django is not installed; " in problem({"kind": "database"})


class TestFunctions:
    def test_may_be_given_by_where_they_are(self, monkeypatch):
        module = ModuleType("shop_health")
        module.Checks = type("Checks", (), {"mail": staticmethod(lambda: "no mail")})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "shop_health", module)
        for options in ("shop_health:Checks.mail", {"call": "shop_health:Checks.mail"}):
            assert seen(options)["output"] == "no mail"

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("no_such_module:check", "cannot be imported (ModuleNotFoundError: No module named 'no_such_module')"),
            ("os.path:joi", "cannot be imported (AttributeError: "),
            ("os:sep", "is not a function; write where one is"),
        ],
    )
    def test_that_are_not_there_are_an_error_at_the_start(self, name, said):
        assert problem(name).startswith(f"health.checks.it.call: {name!r} {said}")

    def test_whose_module_fails_are_one_too(self, tmp_path, monkeypatch):
        (tmp_path / "failing_health.py").write_text("1 / 0")
        monkeypatch.syspath_prepend(tmp_path)
        assert "(ZeroDivisionError: division by zero)" in problem("failing_health:check")

    def test_that_need_arguments_are_one_too(self):
        assert "needs arguments; write a function without any" in problem(lambda request: True)

    def test_of_c_are_taken_as_they_are(self):
        assert seen(iter)["output"] == "TypeError"  # it does not tell that it needs arguments
