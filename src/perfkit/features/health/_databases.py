"""Databases, through Django or SQLAlchemy.

Both are loaded by their names, and only where the settings ask for them: an application brings its own, and nothing of
perfkit's features knows a framework.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from perfkit.features.health._options import CheckOptions
from perfkit.options import BadOption


def database(options: CheckOptions, timeout: float) -> Callable[[], Any]:
    """A check that asks a database for 1."""
    if options.engine is not None:
        return _engine(options.engine)
    return _django(options.alias or "default") if options.url is None else _engine(_made(options.url))


def _django(alias: str) -> Callable[[], Any]:
    try:
        connections = import_module("django.db").connections
    except ImportError:
        mend = "install it, or write url, or engine, for SQLAlchemy"
        raise BadOption("alias", "Django is not installed", mend) from None
    databases = _databases(connections)
    if alias not in databases:
        raise BadOption("alias", f"{alias!r} is not in DATABASES", f"use one of: {', '.join(sorted(databases))}")

    def ask() -> None:
        # Of the thread that runs the check. It is closed at the end, as nothing would close it there otherwise; and one
        # that was kept may be closed by the server meanwhile, which is no failure.
        connection = connections[alias]
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")
                cursor.fetchone()
        finally:
            connection.close()

    return ask


def _databases(connections: Any) -> Any:
    try:
        return connections.settings
    except Exception as error:  # noqa: BLE001 - ImproperlyConfigured, which is not imported here
        problem = f"Django's settings cannot be used ({type(error).__name__})"
        mend = "set DJANGO_SETTINGS_MODULE, or write url, or engine, for SQLAlchemy"
        raise BadOption("alias", problem, mend) from None


def _made(url: str) -> Any:
    """An engine that keeps no connections, and so belongs to no event loop."""
    try:
        sqlalchemy = import_module("sqlalchemy")
    except ImportError:
        mend = "install it, or write alias for a database of Django's"
        raise BadOption("url", "SQLAlchemy is not installed", mend) from None
    try:
        parsed = sqlalchemy.make_url(url)
        create = sqlalchemy.create_engine
        if parsed.get_dialect().is_async:
            create = import_module("sqlalchemy.ext.asyncio").create_async_engine
        return create(parsed, poolclass=sqlalchemy.NullPool)
    except Exception as error:  # noqa: BLE001 - it is told on, but for its message, which may have the password in it
        said = f"{type(error).__name__}: {error.name} is not installed" if isinstance(error, ImportError) else ""
        problem = f"SQLAlchemy cannot use this URL ({said or type(error).__name__})"
        raise BadOption("url", problem, "write for example 'postgresql+psycopg://user:password@host/name'") from None


def _engine(engine: Any) -> Callable[[], Any]:
    if not callable(getattr(engine, "connect", None)):
        raise BadOption("engine", f"{engine!r} is not an engine of SQLAlchemy", "write what create_engine gives")
    sqlalchemy = import_module("sqlalchemy")
    statement = sqlalchemy.select(sqlalchemy.literal(1))  # which each dialect writes as its database wants it

    async def ask_async() -> None:
        async with engine.connect() as connection:
            await connection.execute(statement)

    def ask() -> None:
        with engine.connect() as connection:
            connection.execute(statement)

    return ask_async if hasattr(engine, "sync_engine") else ask
