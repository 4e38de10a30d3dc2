"""The settings, one module for each way to serve. A new row is a `Variant`, and a goal if it is held to something."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.model import Setting

# In the order they are shown. Those in process come first, so that they are interleaved with each other.
MODULES = (
    "asgi",
    "stream",
    "wsgi",
    "flask",
    "django",
    "stack",
    "conditional",
    "rate_limit",
    "rate_limit_hosts",
    "metrics",
    "metrics_hosts",
    "compression_wsgi",
    "compression",
    "rate_limit_keys",
    "metrics_apart",
    "memory",
    "server",
    "imports",
)


def peer(module: str) -> Any:
    """A module of a peer's package, which has no types or is not installed where only types are checked.

    Raises:
        ImportError: it is not installed, so that what needs it is skipped.
    """
    return import_module(module)


def settings(only: list[str]) -> list[Setting]:
    """All settings, or those whose names begin with one of these words.

    Raises:
        ValueError: a word that no setting begins with.
    """
    found = [setting for name in MODULES for setting in import_module(f"benchmarks.rows.{name}").SETTINGS]
    names = ", ".join(setting.name for setting in found)
    for word in only:
        if not any(setting.name.startswith(word) for setting in found):
            raise ValueError(f"there is no setting {word!r}: there are {names}")
    return [setting for setting in found if not only or setting.name.startswith(tuple(only))]
