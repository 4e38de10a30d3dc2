"""The template of the route an ASGI framework has found, read from what it left in the scope.

Starlette leaves the route, and at mounts lets ``root_path`` grow. FastAPI leaves the router's prefixes apart from the
route, since its routers nest (0.137). Litestar leaves the template itself. Who knows it better says so by
``scope["perfkit.route"]``, as `perfkit.django.RouteMiddleware` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfkit._asgi_mounts import mount_template

# What says it outright.
TEMPLATES = ("perfkit.route", "path_template")
# Where a scope has the copy of it that the application got, for stacks further out: frameworks write into that one.
PASSED_ON = "perfkit.passed_on"


def route_template(scope: Mapping[str, Any]) -> str | None:
    """The template with a leading slash; None where nothing matched, or where the framework does not tell."""
    while PASSED_ON in scope:
        scope = scope[PASSED_ON]
    for name in TEMPLATES:
        if name in scope and isinstance(template := scope[name], str):
            return template
    if "app_root_path" in scope:
        return _mounted(scope)
    return _own(scope)


def _own(scope: Mapping[str, Any]) -> str | None:
    """The template as the innermost router has it."""
    route = scope.get("route")
    if route is None or "fastapi" in scope:  # else the route is what it is
        route = _matched(scope)
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _matched(scope: Mapping[str, Any]) -> Any:
    """The route that the innermost router has found."""
    route = scope.get("route")
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    if context is not None and route in (None, getattr(context, "original_route", route)):
        # Else it is one of an application that is mounted in that router. Only routes of FastAPI's own kind are the
        # context themselves.
        return getattr(context, "starlette_route", None) or context
    if route is None and scope.get("endpoint") is not None:
        # FastAPI's router does not leave routes that are Starlette's: its /docs, and what add_route adds.
        return _route_of(scope["endpoint"], scope.get("router"))
    return route


def _mounted(scope: Mapping[str, Any]) -> str:
    """The template of a route in an application that is mounted in another, with that of the mount before it."""
    prefix = str(scope.get("root_path", ""))[len(scope["app_root_path"]) :]
    # The mount itself, where nothing below it matched, is in the prefix.
    own = None if hasattr(_matched(scope), "routes") else _own(scope)
    if scope.get("path_params"):  # else no mount has parameters, and what it took is what its template says
        prefix = mount_template(scope.get("router"), prefix) or ""
    return prefix + (own or "")


def _route_of(endpoint: object, router: Any) -> object:
    """The route of this endpoint, if it is one without parameters in this very router."""
    for route in getattr(router, "routes", ()):
        if getattr(route, "endpoint", None) is endpoint:
            return route
    return None
