"""The template of the route a WSGI framework has found, read from what it left in the environ.

Werkzeug's request knows the rule, while the application runs; Bottle leaves its route. Who knows it better says so by
``environ["perfkit.route"]``, as `perfkit.django.RouteMiddleware` does.
"""

from __future__ import annotations

from typing import Any

# Where somebody who knows it says it.
TOLD = "perfkit.route"
# Where frameworks leave an object, and the attribute of it that is the template.
ROUTES = (("werkzeug.request", "url_rule"), ("bottle.route", "rule"))

# By this key a stack further out says that it wants the route, and where it is mounted itself.
WANTS_ROUTE = "perfkit.wants_route"


def told_route(environ: dict[str, Any], script_name: str | None) -> str | None:
    """What `route_template` gives, told to the stacks further out too.

    They see the response only when the application has returned, and by then Flask has cleared up.

    Args:
        environ: as there.
        script_name: as there; None for a stack that does not want the route itself.
    """
    outermost: str = environ[WANTS_ROUTE]
    inner = outermost if script_name is None else script_name
    template = route_template(environ, inner)
    if template is not None:
        environ.setdefault(TOLD, inner[len(outermost) :] + template)
    return template


def route_template(environ: dict[str, Any], script_name: str) -> str | None:
    """The template with a leading slash; None where nothing matched, or where the framework does not tell.

    Args:
        environ: what the framework was given; to be read before it returns, since Flask clears up behind itself.
        script_name: where the stack itself is mounted. What a dispatcher between added stands before the template.
    """
    template = environ.get(TOLD)
    if isinstance(template, str):
        return template
    for key, attribute in ROUTES:
        rule = getattr(environ.get(key), attribute, None)
        if rule is not None:
            return str(environ.get("SCRIPT_NAME", ""))[len(script_name) :] + str(rule)
    return None
