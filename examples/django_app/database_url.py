"""Reads `BOOKSHOP_DATABASE_URL`, in the form that the FastAPI example takes too."""

from typing import Any
from urllib.parse import unquote, urlsplit

from bookshop.home import home


def database(url: str | None) -> dict[str, Any]:
    """An entry of DATABASES for `postgres://user:password@host:port/name`; without a URL, an SQLite file of the demo.

    `postgresql+asyncpg://` and its like are taken for `postgres://`, and `sqlite:///relative` or `sqlite:////absolute`
    names another SQLite file.
    """
    if not url:
        return _sqlite(str(home() / "django.sqlite3"))
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    match parts.scheme.partition("+")[0]:
        case "sqlite":
            return _sqlite(name)
        case "postgres" | "postgresql":
            return {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "USER": unquote(parts.username or ""),
                "PASSWORD": unquote(parts.password or ""),
                "HOST": parts.hostname or "",
                "PORT": parts.port or "",
            }
        case scheme:
            raise ValueError(f"BOOKSHOP_DATABASE_URL: {scheme!r} is neither 'postgres' nor 'sqlite'")


def _sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            # Readers and one writer at the same time, over several workers; whoever will write waits at the start.
            "init_command": "PRAGMA journal_mode = WAL",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }
