"""How the examples are started, configured and documented."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from bookshop.endpoints import ENDPOINTS
from bookshop.stock import BOOKS, DEMO_REVIEW
from django_app.database_url import database

from .servers import EXAMPLES, PLAIN_SERVERS, clean_environment, run_server
from .visitors import log_in


@pytest.mark.server
def test_perfkit_is_at_work(shop: httpx.Client) -> None:
    assert "total;dur=" in shop.get("/").headers["server-timing"]


@pytest.mark.usefixtures("bookshop_home")
def test_perfkit_is_the_outermost_middleware() -> None:
    from fastapi_app.main import create_app, create_plain_app

    def names(app: FastAPI) -> list[str]:
        return [getattr(middleware.cls, "__name__", "") for middleware in app.user_middleware]

    assert names(create_app()) == ["PerfkitMiddleware", "SessionMiddleware"]
    assert names(create_plain_app()) == ["SessionMiddleware"]


@pytest.mark.usefixtures("bookshop_home")
def test_applications_that_start_together_seed_once() -> None:
    """On one event loop, which is harder than in two processes: none may block it while it waits for another."""
    from fastapi_app.main import create_app

    async def start() -> int:
        app = create_app()
        async with app.router.lifespan_context(app), app.state.sessions() as session:
            rows = await session.execute(text("SELECT (SELECT count(*) FROM book) + (SELECT count(*) FROM reader)"))
            return int(rows.scalar_one())

    async def start_together() -> list[int]:
        return list(await asyncio.gather(start(), start()))

    assert asyncio.run(start_together()) == [BOOKS + 1] * 2


def manage(home: Path, *command: str, **environment: str) -> str:
    """Run Django's command line from elsewhere, as from a checkout; gives what it says."""
    script = str(EXAMPLES / "django_app" / "manage.py")
    return subprocess.run(
        (sys.executable, script, *command),
        env=clean_environment(home, **environment),
        cwd=home,
        check=True,
        stdout=subprocess.PIPE,
        timeout=60,
        text=True,
    ).stdout


def test_django_finds_nothing_to_check_or_migrate(tmp_path: Path) -> None:
    assert manage(tmp_path, "makemigrations", "--check", "--dry-run") == "No changes detected\n"


@pytest.mark.parametrize(("switch", "present"), [("on", True), ("off", False)])
def test_django_runs_with_perfkit_and_without(tmp_path: Path, switch: str, present: bool) -> None:
    settings = manage(tmp_path, "diffsettings", "--output", "unified", BOOKSHOP_PERFKIT=switch)
    assert ("+ MIDDLEWARE = ['perfkit.django.PerfkitMiddleware'," in settings) is present
    assert ("+ INSTALLED_APPS = ['perfkit.django'," in settings) is present


@pytest.mark.server
@pytest.mark.parametrize("name", PLAIN_SERVERS)
def test_the_pages_work_without_perfkit(servers_home: Path, name: str) -> None:
    with run_server(servers_home, name) as url, httpx.Client(base_url=url, trust_env=False) as plain:
        for path in ("/", "/books/1", "/books/1/card"):
            page = plain.get(path)
            assert page.status_code == 200
            assert {"content-security-policy", "server-timing"}.isdisjoint(page.headers)
        assert '<script nonce="">' in plain.get("/").text
        list_of_books = plain.get("/api/books")
        assert {"content-encoding", "etag", "cache-control"}.isdisjoint(list_of_books.headers)


@pytest.mark.server
@pytest.mark.parametrize("name", PLAIN_SERVERS)
def test_conditions_on_a_change_hold_without_perfkit(servers_home: Path, name: str) -> None:
    with run_server(servers_home, name) as url, httpx.Client(base_url=url, trust_env=False) as plain:
        path, review = f"/api/reviews/{DEMO_REVIEW}", {"rating": 3, "text": "A map. " * 100}
        log_in(plain)
        etag = plain.get(path).headers["etag"]
        statuses = [
            plain.put(path, json=review, headers=condition).status_code
            for condition in ({}, {"If-Match": etag}, {"If-Match": etag})
        ]
        assert statuses == [428, 200, 412]


@pytest.mark.usefixtures("bookshop_home")
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, "sqlite+aiosqlite:///{home}/fastapi.sqlite3"),
        ("sqlite:///shop.sqlite3", "sqlite+aiosqlite:///shop.sqlite3"),
        ("postgres://me:s%40fe@db:5433/shop", "postgresql+asyncpg://me:s%40fe@db:5433/shop"),
        ("postgresql+asyncpg://db/shop", "postgresql+asyncpg://db/shop"),
    ],
)
def test_fastapi_reads_the_database_url(
    url: str | None, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from fastapi_app.database import database_url

    if url:
        monkeypatch.setenv("BOOKSHOP_DATABASE_URL", url)
    assert database_url().render_as_string(hide_password=False) == expected.format(home=tmp_path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_django_reads_the_same_database_url(scheme: str) -> None:
    assert database(f"{scheme}://me:s%40fe@db:5433/shop") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "me",
        "PASSWORD": "s@fe",
        "HOST": "db",
        "PORT": 5433,
    }


def test_django_uses_sqlite_by_default(bookshop_home: Path) -> None:
    assert database(None)["NAME"] == str(bookshop_home / "django.sqlite3")
    assert database("sqlite:////var/shop.sqlite3")["NAME"] == "/var/shop.sqlite3"


def test_django_names_the_setting_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="BOOKSHOP_DATABASE_URL: 'mysql' is neither"):
        database("mysql://db/shop")


@pytest.mark.parametrize("example", ["fastapi_app", "django_app"])
def test_the_readme_names_every_endpoint(example: str) -> None:
    readme = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    assert [endpoint.path for endpoint in ENDPOINTS if f"`{endpoint.method} {endpoint.path}`" not in readme] == []
