"""The options of the section ``health``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import force_setattr

from perfkit.errors import ConfigurationError
from perfkit.features.health._amounts import amount
from perfkit.options import BadOption, Options, convert

Endpoint: TypeAlias = Literal["live", "ready", "health"]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=60)]
Pause: TypeAlias = Annotated[float, Meta(ge=0, le=3600)]

# What each kind of check takes beside what all take, what it needs of that, and an example.
_OWN: Final = {
    "database": ("alias", "engine", "url"),
    "disk": ("free", "path"),
    "memory": ("available", "rss"),
    "redis": ("url",),
    "tcp": ("host", "port"),
}
_NEEDED: Final = {"disk": ("path",), "redis": ("url",), "tcp": ("host", "port")}
_EXAMPLES: Final = {
    "path": "'/var/lib/shop'",
    "url": "'redis://localhost:6379/0'",
    "host": "'mail.example'",
    "port": "25",
}
_NAME: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class CheckOptions(Options, frozen=True, kw_only=True):
    """One check: of a kind that perfkit has, or a function.

    Attributes:
        kind: ``"database"``, ``"disk"``, ``"memory"``, ``"redis"`` or ``"tcp"``.
        call: in its place a function or coroutine function without arguments, or where one is: ``"shop.health:mail"``.
        required: whether the process is ready only if it passes.
        timeout: seconds after which it counts as failed; by default as `HealthOptions.timeout` says.
        every: seconds for which a verdict holds; by default as `HealthOptions.every` says.
        alias: ``database``: one of Django's DATABASES; ``"default"`` where neither url nor engine is given.
        url: ``database``: as SQLAlchemy reads it. ``redis``: ``redis://``, ``rediss://``, ``unix://`` or ``valkey://``.
        engine: ``database``: an engine of SQLAlchemy, ``AsyncEngine`` too, whose pool is used; in code only.
        path: ``disk``: where.
        free: ``disk``: what has to be free there: bytes, ``"500 MB"``, ``"2 GiB"`` or ``"5%"``, the default.
        rss: ``memory``: the most that this process may have.
        available: ``memory``: what has to be available on this machine, or in this container; by default ``"5%"``
            where rss is not given.
        host: ``tcp``: what has to accept a connection.
        port: ``tcp``: where.
    """

    secrets = frozenset({"url"})

    kind: Literal["database", "disk", "memory", "redis", "tcp"] | None = None
    call: Any = None
    required: bool = True
    timeout: Seconds | None = None
    every: Pause | None = None
    alias: str | None = None
    url: str | None = None
    engine: Any = None
    path: str | None = None
    free: Annotated[int, Meta(ge=1)] | str | None = None
    rss: Annotated[int, Meta(ge=1)] | str | None = None
    available: Annotated[int, Meta(ge=1)] | str | None = None
    host: Annotated[str, Meta(min_length=1)] | None = None
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None

    def __post_init__(self) -> None:
        if self.kind is None and self.call is None:
            raise BadOption("kind", "nothing says what to check", f"write one of: {', '.join(_OWN)}; or call")
        if self.kind is not None and self.call is not None:
            raise BadOption("call", f"there is the kind {self.kind!r} too", "write one of the two")
        if self.call is not None:
            self._check_call()
        self._check_own()
        for option in ("free", "rss", "available"):
            if getattr(self, option) is not None:
                amount(option, getattr(self, option))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # Most are of other kinds.
        return [(name, value) for name, value in super().__rich_repr__() if value is not None]

    def _check_call(self) -> None:
        if callable(self.call) or (isinstance(self.call, str) and _NAME.fullmatch(self.call)):
            return
        mend = "write a function, or where it is, as in 'shop.health:mail'"
        raise BadOption("call", f"{self.call!r} is not a function", mend)

    def _check_own(self) -> None:
        own = _OWN.get(self.kind or "", ())
        given = sorted({name for names in _OWN.values() for name in names if getattr(self, name) is not None})
        for name in given:
            if name not in own:
                what = f"a check of kind {self.kind!r}" if self.kind else "a function"
                takes = f"it takes {', '.join(own)}" if own else "remove it"
                raise BadOption(name, f"{what} has no use for it", takes)
        for name in _NEEDED.get(self.kind or "", ()):
            if name not in given:
                raise BadOption(name, "is missing", f"write for example {_EXAMPLES[name]}")
        if self.kind == "database" and len(given) > 1:
            raise BadOption(given[1], f"there is {given[0]} too", "write one of the two")


class HealthOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``health``.

    Attributes:
        path: of the endpoint with all checks. ``/live`` and ``/ready`` are below it.
        live: more paths for liveness, such as ``"/livez"``.
        ready: more paths for readiness, such as ``"/readyz"``.
        checks: by name: a mapping as `CheckOptions` says, a function, or where one is, as in ``"shop.health:mail"``.
        timeout: seconds after which a check counts as failed, unless it says otherwise.
        every: seconds for which the verdict of a check holds before it is run again, unless it says otherwise.
        drain: seconds for which SIGTERM is held back, while readiness fails and all else works; 0 does not.
        details: who sees each check: clients that may see internals (see the ``internal`` section), everybody or
            nobody. The others see the status of the whole.
        messages: whether details have what an exception says too, not only its type. Passwords in URLs are masked, but
            what an exception says may have other secrets in it.
    """

    path: str = "/health"
    live: str | tuple[str, ...] = ()
    ready: str | tuple[str, ...] = ()
    checks: dict[str, CheckOptions | Any] = {}  # noqa: RUF012 - msgspec copies it
    timeout: Seconds = 2.0
    every: Pause = 1.0
    drain: Annotated[float, Meta(ge=0, le=600)] = 0.0
    details: Literal["internal", "always", "never"] = "internal"
    messages: bool = False

    def __post_init__(self) -> None:
        self.endpoints()
        # They may be functions, which msgspec has in no union with other types; so they are read here.
        force_setattr(self, "checks", {name: _check(name, value) for name, value in self.checks.items()})

    def endpoints(self) -> dict[str, Endpoint]:
        """What is answered at which path; a slash at the end makes no difference.

        Raises:
            BadOption: a path that is none, or is there twice.
        """
        found: dict[str, Endpoint] = {}
        for option, endpoint, path in self._paths():
            if not path.startswith("/") or re.search(r"[*?#\s]", path):
                raise BadOption(option, f"{path!r} is not a path", "begin it with '/', as in '/healthz'")
            base = path.rstrip("/")
            if found.setdefault(base or "/", endpoint) != endpoint:
                raise BadOption(option, f"{path!r} is the path of {found[base or '/']!r} too", "choose another")
            found[f"{base}/"] = endpoint
        return found

    def _paths(self) -> list[tuple[str, Endpoint, str]]:
        base = self.path.rstrip("/")
        paths: list[tuple[str, Endpoint, str]] = [("path", "health", self.path)]
        for name in ("live", "ready"):
            endpoint: Endpoint = "live" if name == "live" else "ready"
            paths.append(("path", endpoint, f"{base}/{name}"))
            given = getattr(self, name)
            if isinstance(given, str):  # with commas, as the environment has lists
                given = [each.strip() for each in given.split(",")]
            paths += [(name, endpoint, each) for each in given]
        return paths


def _check(name: str, value: Any) -> CheckOptions:
    if not name.strip():
        raise BadOption("checks", "a check has no name", "give it one, as in 'database'")
    try:
        if isinstance(value, Mapping | CheckOptions):
            return convert(value, CheckOptions, "")
        if callable(value) or isinstance(value, str):
            return CheckOptions(call=value)
    except ConfigurationError as error:
        raise BadOption(f"{_below(name)}{error.setting}", error.problem, error.mend) from None
    except BadOption as error:
        raise BadOption(_below(name), error.problem, error.mend) from None
    mend = "write a mapping, as in {'kind': 'disk', 'path': '/srv'}, a function, or where one is: 'shop.health:mail'"
    raise BadOption(_below(name), f"{value!r} is not a check", mend)


def _below(name: str) -> str:
    # Imported late: finding the words takes modules that a program with good settings never needs.
    from perfkit._problems import below

    return below("checks", name)
