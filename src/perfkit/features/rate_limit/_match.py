"""Which requests a rule is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from posixpath import normpath
from typing import Any, Final, Literal

from perfkit._address import Address, Networks, network, parse
from perfkit._paths import Paths
from perfkit.client import ADDED_BY_PROXIES, X_FORWARDED_FOR
from perfkit.exchange import Exchange, HeaderName, is_token
from perfkit.options import BadOption, Options

ORIGIN: Final = HeaderName("Origin")
REQUEST_METHOD: Final = HeaderName("Access-Control-Request-Method")

_SLASHES: Final = re.compile(r"//+")

Fits = Callable[[Exchange], bool]


class Match(Options, frozen=True, kw_only=True):
    """Which requests. All that is given has to fit.

    A slash at the end of a path makes no difference. Of a path with two slashes for one, or with dot segments, each
    reading counts: as it was sent, and as what serves files and what stands in front of applications resolve it.

    Attributes:
        path: whole paths, with ``*`` for any characters: ``"/login"``, ``"/api/*"``.
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
    """Requests that do not count. All that is given has to fit, and a path has to in each of its readings.

    Attributes:
        client: addresses or networks of clients: ``"10.0.0.0/8"``. That of a proxy which is not trusted is nobody's: a
            request that brings a header which proxies add counts.
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
        # Whoever may read a path differently shall find no way round a rule, and none through what is exempt.
        found.append(_of_path(path, all if isinstance(match, Exempt) else any))
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
        return _regex_test(_compiled(match.regex).fullmatch)
    patterns = [form for path in _tuple(match.path) for form in _forms(path)]
    patterns += [form for prefix in _tuple(match.prefix) for form in _and_below(prefix.rstrip("/"))]
    if not patterns or any(not pattern.strip("*/") and pattern.endswith("*") for pattern in patterns):
        return None  # all paths
    if all("*" not in pattern for pattern in patterns):
        return frozenset(patterns).__contains__
    find = Paths(patterns).find
    return lambda path: find(path) is not None


def _regex_test(fullmatch: Callable[[str], object]) -> Callable[[str], object]:
    """Whether the path fits with a slash at its end or without."""
    return lambda path: fullmatch(path) or fullmatch(path[:-1] if path.endswith("/") else f"{path}/")


def _forms(path: str) -> tuple[str, ...]:
    """The path with a slash at its end and without, as frameworks answer both."""
    if path.endswith("*") or path == "/":
        return (path,)
    path = path.rstrip("/")
    return path, f"{path}/"


def _and_below(prefix: str) -> tuple[str, str]:
    return prefix or "/", f"{prefix}/*"


def _of_path(test: Callable[[str], object], needed: Callable[[Iterable[object]], bool]) -> Fits:
    def fits(exchange: Exchange) -> bool:
        path = exchange.path
        if "//" not in path and "/." not in path:  # nearly always
            return bool(test(path))
        return needed(map(test, _readings(path)))

    return fits


def _readings(path: str) -> tuple[str, str, str]:
    """The path as it was sent, with one slash for each, and with its dot segments resolved (RFC 3986 section 5.2.4)."""
    merged = _SLASHES.sub("/", path)
    return path, merged, normpath(merged)


def _of_client(entries: tuple[str, ...]) -> Fits:
    networks = Networks(network(entry) for entry in entries)

    def fits(exchange: Exchange) -> bool:
        parsed = parse(exchange.client or "")
        return parsed is not None and parsed in networks and not _is_of_proxy(exchange, parsed)

    return fits


def _is_of_proxy(exchange: Exchange, client: Address) -> bool:
    """Whether the address is that of a proxy which is not trusted, so that each of its clients has it."""
    if parse(exchange.peer or "") != client:
        return False  # a trusted one has said who it is
    told = exchange.request_header(X_FORWARDED_FOR)
    if told and parse(told.rpartition(",")[2].strip()) == client:
        return False  # the server has read that itself (uvicorn --proxy-headers)
    return any(exchange.request_header(name) is not None for name in ADDED_BY_PROXIES)
