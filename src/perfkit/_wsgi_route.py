"""The template of the route a WSGI framework has found, read from what it left in the environ.

Werkzeug's request knows the rule, while the application runs; Bottle leaves its route. Who knows it better says so by
``environ["perfkit.route"]``, as `perfkit.django.RouteMiddleware` does.
"""

from __future__ import annotations

from typing import Any

# Where frameworks leave an object, and the attribute of it that is the template.
ROUTES = (("werkzeug.request", "url_rule"), ("bottle.route", "rule"))


def route_template(environ: dict[str, Any], script_name: str) -> str | None:
    """The template with a leading slash; None where nothing matched, or where the framework does not tell.

    Args:
        environ: what the framework was given; to be read before it returns, since Flask clears up behind itself.
        script_name: where the stack itself is mounted. What a dispatcher between added stands before the template.
    """
    template = environ.get("perfkit.route")
    if isinstance(template, str):
        return template
    for key, attribute in ROUTES:
        rule = getattr(environ.get(key), attribute, None)
        if rule is not None:
            return str(environ.get("SCRIPT_NAME", ""))[len(script_name) :] + str(rule)
    return None
