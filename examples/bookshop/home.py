"""Where a demo keeps its database, catalogue and key, and how several worker processes share that place."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from .stock import VERSION

_LOCK_TIMEOUT = 60  # seconds; another worker seeds in about one


def home() -> Path:
    """The demo's folder: `BOOKSHOP_HOME`, or one in the user's cache. It holds nothing that cannot be made again."""
    given = os.environ.get("BOOKSHOP_HOME")
    folder = Path(given) if given else _cache() / "perfkit-bookshop" / f"v{VERSION}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        error.add_note("The bookshop keeps its database there; set BOOKSHOP_HOME to a folder that can be written.")
        raise
    return folder


def take_startup_lock() -> sqlite3.Connection:
    """Wait until no other process starts up, and keep the next one waiting until the returned lock is closed.

    An SQLite transaction is the one lock that the standard library offers on every system and that a crash releases.
    """
    lock = sqlite3.connect(
        home() / "startup.lock",
        timeout=_LOCK_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,  # an event loop takes it in a thread and closes it outside
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock


def write_once(name: str, make: Callable[[], str]) -> Path:
    """The path of a file in `home()`, made by the first process that asks for it and never seen half-written."""
    path = home() / name
    if not path.exists():
        with closing(take_startup_lock()):
            if not path.exists():
                partial = path.with_suffix(".partial")
                partial.touch(mode=0o600)
                partial.write_text(make(), encoding="utf-8", newline="")
                partial.replace(path)
    return path


def secret_key() -> str:
    """The key that signs cookies: `BOOKSHOP_SECRET_KEY`, or a demo key kept in `home()`.

    Kept, and not made per process: a session must hold whichever worker answers, and over a restart.
    """
    given = os.environ.get("BOOKSHOP_SECRET_KEY")
    return given or write_once("demo-secret.key", lambda: secrets.token_urlsafe(48)).read_text(encoding="utf-8")


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path.home() / ".cache"
