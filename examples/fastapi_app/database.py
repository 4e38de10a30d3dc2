"""The engine, and a session for each request."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request
from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bookshop.catalogue import catalogue_file
from bookshop.home import home, take_startup_lock

from .seeding import seed

# So that one URL serves both examples: Django says postgres://, SQLAlchemy needs the name of an async driver.
ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}

Sessions: TypeAlias = async_sessionmaker[AsyncSession]


def database_url() -> URL:
    """`BOOKSHOP_DATABASE_URL`, or an SQLite file in the demo's folder."""
    given = os.environ.get("BOOKSHOP_DATABASE_URL")
    url = make_url(given) if given else URL.create("sqlite", database=str(home() / "fastapi.sqlite3"))
    return url.set(drivername=ASYNC_DRIVERS.get(url.drivername, url.drivername))


@asynccontextmanager
async def open_database() -> AsyncIterator[Sessions]:
    """The database, seeded by whichever worker process comes first, until the application stops."""
    engine = _create_engine()
    try:
        # In a thread: whoever holds the lock may live on this very event loop.
        with closing(await asyncio.to_thread(take_startup_lock)):
            await seed(engine)
        await asyncio.to_thread(catalogue_file)
        yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()


def get_sessions(request: Request) -> Sessions:
    """Where sessions come from, for responses that outlive the request's own session."""
    sessions: Sessions = request.app.state.sessions
    return sessions


async def get_database(sessions: Annotated[Sessions, Depends(get_sessions)]) -> AsyncIterator[AsyncSession]:
    """A session that is closed when the request ends; what was not committed is rolled back."""
    async with sessions() as session:
        yield session


Database: TypeAlias = Annotated[AsyncSession, Depends(get_database)]


def _create_engine() -> AsyncEngine:
    engine = create_async_engine(database_url())
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and one writer at the same time, over several workers
    cursor.close()
