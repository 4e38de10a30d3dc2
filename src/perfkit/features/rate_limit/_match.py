"""Which requests a rule is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final, Literal

from perfkit._address import Networks, network, parse
from perfkit._paths import Paths
from perfkit.exchange import Exchange, HeaderName, is_token
from perfkit.options import BadOption, Options

ORIGIN: Final = HeaderName("Origin")
REQUEST_METHOD: Final = HeaderName("Access-Control-Request-Method")

_SLASHES: Final = re.compile(r"//+")

Fits = Callable[[Exchange], bool]


class Match(Options, frozen=True, kw_only=True):
    """Which requests. All that is given has to fit.

    Attributes:
        path: whole paths, with ``*`` for any characters: ``"/login"``, ``"/api/*"``. A slash at the end makes no
            difference, and neither do two in place of one.
        prefix: paths and all below them: ``"/api"`` is for ``/api`` and ``/api/books``, not for ``/apiary``.
        regex: a regular expression that has to match the whole path.
        route: the template of the route, where the host tells (Django): ``"books/<int:id>/"``.
        methods: the methods; GET stands for HEAD too.
        type: ``"http"`` or ``"websocket"``, whose handshake counts.
    """

    path: str | tuple[str, ...] | None = None
    prefix: str | tuple[str, ...] | None = None
    regex: str | None = None
    route: str | tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    type: Literal["http", "websocket"] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("path", "prefix", "regex", "route") if getattr(self, name) is not None]
        if len(given) > 1:
            raise BadOption(given[1], f"there is {given[0]} too", "write one of the two")
        for option in ("path", "prefix"):
            _check_paths(option, _tuple(getattr(self, option)))
        if self.route is not None and self.type == "websocket":
            raise BadOption("route", "the route of a WebSocket is not known in time", "write a path")
        if self.regex is not None:
            _compiled(self.regex)
        for index, method in enumerate(self.methods or ()):
            if not is_token(method):
                raise BadOption(f"methods[{index}]", f"{method!r} is not a method", "write for example 'POST'")
        if self.methods is not None and not self.methods:
            raise BadOption("methods", "there is none", "leave it out for all methods")


class Exempt(Match, frozen=True, kw_only=True):
    """Requests that do not count. All that is given has to fit.

    Attributes:
        client: addresses or networks of clients: ``"10.0.0.0/8"``.
        when: a function that is given the exchange.
    """

    client: str | tuple[str, ...] | None = None
    when: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.route is not None:
            raise BadOption("route", "what does not count is found before the route is known", "write a path")
        for entry in _tuple(self.client):
            try:
                network(entry)
            except ValueError:
                problem = f"{entry!r} is no address and no network"
                raise BadOption("client", problem, _meant(entry) or "write for example '10.0.0.0/8'") from None
        if self.when is not None and not callable(self.when):
            raise BadOption("when", f"{self.when!r} is not a function", "write one that is given the exchange")
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise BadOption("path", "nothing says what does not count", "write for example {'path': '/health*'}")


def _meant(entry: str) -> str | None:
    try:
        return f"write '{ip_network(entry, strict=False)}'"
    except ValueError:
        return None


def _check_paths(option: str, paths: tuple[str, ...]) -> None:
    for path in paths:
        if not path.startswith(("/", "*")):
            raise BadOption(option, f"{path!r} is not a path", f"begin it with '/', as in '/{path or 'api'}'")


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error as error:
        mend = "correct it, or write a path with '*'"
        raise BadOption("regex", f"{regex!r} is no regular expression: {error}", mend) from None


def _tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def is_preflight(exchange: Exchange) -> bool:
    """Whether a browser asks whether it may send a request (CORS; Fetch section 3.2.2)."""
    return (
        exchange.method == "OPTIONS"
        and exchange.request_header(REQUEST_METHOD) is not None
        and exchange.request_header(ORIGIN) is not None
    )


def conditions(match: Match) -> tuple[Fits, ...]:
    """The conditions that have to hold, the quickest first; without that of the route."""
    found: list[Fits] = []
    if match.type is not None:
        found.append(_of_type(match.type))
    if match.methods is not None:
        found.append(_of_methods(match.methods))
    path = _path_test(match)
    if path is not None:
        found.append(_of_path(path))
    if isinstance(match, Exempt) and match.client is not None:
        found.append(_of_client(_tuple(match.client)))
    return tuple(found)


def fits_route(match: Match) -> Fits | None:
    """Whether the route fits; None for all routes."""
    if match.route is None:
        return None
    routes = frozenset(route.lstrip("/") for route in _tuple(match.route))
    return lambda exchange: exchange.route is not None and exchange.route.lstrip("/") in routes


def _of_type(kind: str) -> Fits:
    websocket = kind == "websocket"
    return lambda exchange: exchange.websocket is websocket


def _of_methods(methods: tuple[str, ...]) -> Fits:
    wanted = {method.upper() for method in methods}
    if "GET" in wanted:
        wanted.add("HEAD")  # which runs the same view
    # In capitals, since Django and Werkzeug put those of the request in capitals too.
    return lambda exchange: exchange.method in wanted or exchange.method.upper() in wanted


def _path_test(match: Match) -> Callable[[str], object] | None:
    if match.regex is not None:
        return _compiled(match.regex).fullmatch
    patterns = [form for path in _tuple(match.path) for form in _forms(path)]
    patterns += [form for prefix in _tuple(match.prefix) for form in _and_below(prefix.rstrip("/"))]
    if not patterns or any(not pattern.strip("*/") and pattern.endswith("*") for pattern in patterns):
        return None  # all paths
    if all("*" not in pattern for pattern in patterns):
        return frozenset(patterns).__contains__
    find = Paths(patterns).find
    return lambda path: find(path) is not None


def _forms(path: str) -> tuple[str, ...]:
    """The path with a slash at its end and without, as frameworks answer both."""
    if path.endswith("*") or path == "/":
        return (path,)
    path = path.rstrip("/")
    return path, f"{path}/"


def _and_below(prefix: str) -> tuple[str, str]:
    return prefix or "/", f"{prefix}/*"


def _of_path(test: Callable[[str], object]) -> Fits:
    def fits(exchange: Exchange) -> bool:
        path = exchange.path
        return bool(test(_SLASHES.sub("/", path) if "//" in path else path))

    return fits


def _of_client(entries: tuple[str, ...]) -> Fits:
    networks = Networks(network(entry) for entry in entries)

    def fits(exchange: Exchange) -> bool:
        parsed = parse(exchange.client or "")
        return parsed is not None and parsed in networks

    return fits
