"""Which requests a rule is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from perfkit._paths import Paths
from perfkit.exchange import Exchange, is_token
from perfkit.options import BadOption, Options

_SLASHES: Final = re.compile(r"//+")

Fits = Callable[[Exchange], bool]


class Match(Options, frozen=True, kw_only=True):
    """Which requests. All that is given has to fit.

    Attributes:
        path: whole paths, with ``*`` for any characters: ``"/login"``, ``"/api/*"``. A slash at the end makes no
            difference, and neither do two in place of one.
        prefix: paths and all below them: ``"/api"`` is for ``/api`` and ``/api/books``, not for ``/apiary``.
        route: templates of routes, as the framework has them: ``"/books/{id}"``, ``"/books/<int:id>/"``.
        methods: the methods; GET stands for HEAD too.
    """

    path: str | tuple[str, ...] | None = None
    prefix: str | tuple[str, ...] | None = None
    route: str | tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("path", "prefix", "route") if getattr(self, name) is not None]
        if len(given) > 1:
            raise BadOption(given[1], f"there is {given[0]} too", "write one of the two")
        for name in given:
            _check(name, texts(getattr(self, name)))
        if self.methods is not None and not self.methods:
            raise BadOption("methods", "there is none", "leave it out for all methods")
        for index, method in enumerate(self.methods or ()):
            if not is_token(method):
                raise BadOption(f"methods[{index}]", f"{method!r} is not a method", "write for example 'POST'")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths with stars that `path` and `prefix` stand for; empty for all paths."""
        if self.path is not None:
            found = [form for path in texts(self.path) for form in _forms(path)]
        else:
            found = [form for prefix in texts(self.prefix) for form in _and_below(prefix.rstrip("/"))]
        everything = any(not pattern.strip("*/") and pattern.endswith("*") for pattern in found)
        return () if everything else tuple(found)

    @property
    def routes(self) -> tuple[str, ...]:
        """The templates, each with a slash in front; empty for all routes."""
        return tuple(f"/{route.lstrip('/')}" for route in texts(self.route))

    @property
    def all_methods(self) -> tuple[str, ...]:
        """The methods in capitals, with HEAD where there is GET, which runs the same view; empty for all."""
        wanted = dict.fromkeys(method.upper() for method in self.methods or ())
        if "GET" in wanted:
            wanted["HEAD"] = None
        return tuple(wanted)


def texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """One text or several, as several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def conditions(match: Match) -> tuple[Fits, ...]:
    """The conditions that have to hold, the quickest first."""
    found: list[Fits] = []
    if match.all_methods:
        found.append(_of_methods(frozenset(match.all_methods)))
    if match.routes:
        found.append(_of_routes(frozenset(match.routes)))
    if match.patterns:
        found.append(_of_paths(match.patterns))
    return tuple(found)


def _check(option: str, values: tuple[str, ...]) -> None:
    if not values:
        raise BadOption(option, "there is none", "leave it out for all requests")
    if option == "route":
        return
    for value in values:
        if not value.startswith(("/", "*")):
            raise BadOption(option, f"{value!r} is not a path", f"begin it with '/', as in '/{value or 'api'}'")


def _forms(path: str) -> tuple[str, ...]:
    """The path with a slash at its end and without, as frameworks answer both."""
    if path.endswith("*") or path == "/":
        return (path,)
    path = path.rstrip("/")
    return path, f"{path}/"


def _and_below(prefix: str) -> tuple[str, str]:
    return prefix or "/", f"{prefix}/*"


def _of_methods(wanted: frozenset[str]) -> Fits:
    # In capitals, since Django and Werkzeug put those of the request in capitals too.
    return lambda exchange: exchange.method in wanted or exchange.method.upper() in wanted


def _of_routes(wanted: frozenset[str]) -> Fits:
    return lambda exchange: exchange.route is not None and f"/{exchange.route.lstrip('/')}" in wanted


def _of_paths(patterns: tuple[str, ...]) -> Fits:
    find = Paths(patterns).find

    def fits(exchange: Exchange) -> bool:
        path = exchange.path
        return find(_SLASHES.sub("/", path) if "//" in path else path) is not None

    return fits
