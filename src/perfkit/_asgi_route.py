"""The template of the route an ASGI framework has found, read from what it left in the scope.

Starlette leaves the route, and at mounts lets ``root_path`` grow. FastAPI leaves the router's prefixes apart from the
route, since its routers nest (0.137). Litestar leaves the template itself. Who knows it better says so by
``scope["perfkit.route"]``, as `perfkit.django.RouteMiddleware` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What says it outright.
TEMPLATES = ("perfkit.route", "path_template")


def route_template(scope: Mapping[str, Any]) -> str | None:
    """The template with a leading slash; None where nothing matched, or where the framework does not tell."""
    for name in TEMPLATES:
        template = scope.get(name)
        if isinstance(template, str):
            return template
    if "app_root_path" in scope:
        return _mounted(scope)
    return _own(scope)


def _own(scope: Mapping[str, Any]) -> str | None:
    """The template as the innermost router has it."""
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    route = scope.get("route")
    if context is not None:
        route = context
    elif route is None and scope.get("endpoint") is not None:
        # FastAPI's router does not leave routes that are Starlette's: its /docs, and what add_route adds.
        route = _route_of(scope["endpoint"], scope.get("router"))
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _mounted(scope: Mapping[str, Any]) -> str:
    """The template of a route in an application that is mounted in another, with that of the mount before it."""
    prefix = str(scope.get("root_path", ""))[len(scope["app_root_path"]) :]
    route = scope.get("route")
    own = None if hasattr(route, "routes") else _own(scope)  # the mount itself, where nothing below it matched
    own = own or ""
    params = scope.get("path_params") or {}
    # A mount's own parameters: the names are the template's, and the values anybody's.
    names = {str(value): name for name, value in params.items() if f"{{{name}" not in own}
    if names:
        prefix = "/".join(f"{{{names[part]}}}" if part in names else part for part in prefix.split("/"))
    return prefix + own


def _route_of(endpoint: object, router: Any) -> object:
    """The route of this endpoint, if it is one without parameters in this very router."""
    for route in getattr(router, "routes", ()):
        if getattr(route, "endpoint", None) is endpoint:
            return route
    return None
