"""Security headers in Starlette and FastAPI: the decorators `csp`, and `csp_nonce` for templates.

The features run in `perfkit.asgi.PerfkitMiddleware`. ::

    from perfkit.starlette import csp, csp_nonce

    templates = Jinja2Templates("templates", context_processors=[csp_nonce])


    @app.get("/map")
    @csp.extend({"img-src": ["https://tiles.example"]})
    async def map_page(): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, get_args

from starlette.requests import HTTPConnection, Request

from perfkit._csp_views import CspDecorators, Found, View, applying, nonce_in
from perfkit.csp import Nonce, Override

__all__ = ["csp", "csp_nonce"]

# The parameter that makes FastAPI hand over the request. It is not a Request, of which FastAPI fills in only one: the
# view's own would be left out.
PARAMETER: Final = inspect.Parameter("_perfkit_connection", inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)


def csp_nonce(request: Request) -> dict[str, Nonce | str]:
    """A context processor for ``Jinja2Templates(context_processors=[csp_nonce])``.

    ``{{ csp_nonce }}`` is the nonce of the response, made when a template prints it; empty where perfkit's security
    headers are not on.
    """
    return nonce_in(request.scope.get("perfkit"))


def _decorate(view: View, override: Override) -> View:
    signature = _signature(view)
    if any(_is_connection(parameter.annotation) for parameter in signature.parameters.values()):
        return applying(view, override, _shared)
    wrapper = applying(view, override, _shared_once)
    wrapper.__signature__ = _with_connection(signature)  # type: ignore[attr-defined]
    return wrapper


def _shared(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Found:
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, HTTPConnection):
            return argument.scope.get("perfkit")
    return None


def _shared_once(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Found:
    """The same where the view does not know our parameter."""
    return _shared((kwargs.pop(PARAMETER.name, None), *args), kwargs)


def _signature(view: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(view, eval_str=True)
    except NameError:  # imported for type checkers only, or defined further down
        return inspect.signature(view)


def _is_connection(annotation: Any) -> bool:
    """Whether FastAPI puts the connection there: HTTPConnection itself, plain or in Annotated."""
    if isinstance(annotation, str):  # cannot be read yet
        return HTTPConnection.__name__ in annotation
    return annotation is HTTPConnection or HTTPConnection in get_args(annotation)[:1]


def _with_connection(signature: inspect.Signature) -> inspect.Signature:
    parameters = list(signature.parameters.values())
    has_rest = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    parameters.insert(len(parameters) - has_rest, PARAMETER)
    return signature.replace(parameters=parameters)


csp: Final = CspDecorators(_decorate)
