"""The template of the mounts that a request went through, in applications of Starlette and of those built on it.

What they leave in the scope is a piece of the path as the client sent it. Only the routes tell which of it are
parameters: one may look as if it were written there, such as ``007`` for a number, or be named as one of the route's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from weakref import ref

MAX_LITERAL: Final = 1000
# Of applications one in the other; more than anybody wraps around one that is mounted.
MAX_WRAPPED: Final = 20

# Classes of routes that have no others below them: most routes, and to ask each of them would take long.
_plain: Final[set[type]] = set()
MAX_PLAIN: Final = 100
# Prefixes without parameters, by the router whose they are: their routes need not be looked at again.
_literal: Final[dict[tuple[int, str], ref[Any]]] = {}


def mount_template(router: Any, prefix: str) -> str | None:
    """The template of a prefix; None where the routes do not explain it.

    Args:
        router: the outermost one, as ``scope["router"]`` has it.
        prefix: what the mounts took of the path, with a leading slash; or nothing.
    """
    known = _literal.get((id(router), prefix))
    if known is not None and known() is router:
        return prefix
    template = _explained(getattr(router, "routes", ()), prefix)
    if template == prefix and len(_literal) < MAX_LITERAL:
        _literal[id(router), prefix] = ref(router)
    return template


def _explained(routes: Iterable[Any], prefix: str) -> str | None:
    if not prefix:
        return ""
    for mount in _mounts(routes):
        found = mount.path_regex.match(f"{prefix}/")
        if found is not None:
            rest = found["path"][:-1]
            below = _explained(_routes_below(mount.app), f"/{rest}" if rest else "")
            if below is not None:
                return f"{mount.path}{below}"
    return None


def _mounts(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        kind = type(route)
        if kind in _plain:
            continue
        included = getattr(route, "effective_route_contexts", None)
        if included is not None:  # a router in a router of FastAPI's, which knows the prefixes
            yield from _mounts(context.starlette_route for context in included())
        elif hasattr(route, "routes"):
            yield from (route,) if hasattr(route, "path_regex") else _mounts(route.routes)  # the other is a host
        elif len(_plain) < MAX_PLAIN:
            _plain.add(kind)


def _routes_below(app: Any) -> Iterable[Any]:
    """The routes of an application that is mounted, whatever middlewares are around it."""
    for _ in range(MAX_WRAPPED):
        routes: Iterable[Any] | None = getattr(app, "routes", None)
        if routes is not None:
            return routes
        app = getattr(app, "app", None)
    return ()
