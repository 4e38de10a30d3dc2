"""perfkit in views of Starlette and FastAPI: `csp`, `precondition` and `rate_limit`, and `csp_nonce` for templates.

The features run in `perfkit.asgi.PerfkitMiddleware`; `precondition` needs none of them. ::

    from perfkit.starlette import csp, csp_nonce, precondition

    templates = Jinja2Templates("templates", context_processors=[csp_nonce])


    @app.get("/map")
    @csp.extend({"img-src": ["https://tiles.example"]})
    async def map_page(): ...


    async def book_etag(book: int, session: Session) -> str | None: ...


    @app.put("/books/{book}")  # FastAPI
    @precondition(etag=book_etag, require=True)
    async def update(book: int, changes: Changes, session: Session): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from perfkit._csp_views import CspDecorators, Found, View, applying, nonce_in
from perfkit._precondition_guard import Call, Guard
from perfkit._precondition_views import GuardedView, Step, precondition_for
from perfkit._preconditions import IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, Conditions
from perfkit._rate_limit_views import LimitedView, rate_limit_for
from perfkit.csp import Nonce, Override
from perfkit.exchange import HeaderName, Reply, join

if TYPE_CHECKING:
    from perfkit.rate_limit import ViewRule

__all__ = ["csp", "csp_nonce", "precondition", "rate_limit"]

# The parameter that makes FastAPI hand over the request. It is not a Request, of which FastAPI fills in only one: the
# view's own would be left out.
PARAMETER: Final = inspect.Parameter("_perfkit_connection", inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
# The same for the response, whose headers FastAPI adds to what it makes of the view's result.
RESPONSE: Final = inspect.Parameter("_perfkit_response", inspect.Parameter.KEYWORD_ONLY, annotation=Response)
# The extension of servers that can answer the handshake of a WebSocket.
ANSWERING: Final = "websocket.http.response"


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
    return _with(signature, [PARAMETER])


def _with(signature: inspect.Signature, more: list[inspect.Parameter]) -> inspect.Signature:
    """The signature with more parameters, which can be given by name only."""
    parameters = list(signature.parameters.values())
    has_rest = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    end = len(parameters) - has_rest
    return signature.replace(parameters=[*parameters[:end], *more, *parameters[end:]])


csp: Final = CspDecorators(_decorate)


class _View(GuardedView):
    """A view of Starlette, which gets the request, or of FastAPI, which gets what its signature asks for.

    Attributes:
        _signature: the view's own, with what FastAPI has to give us beside: the connection, the response, and what
            `etag` and `last_modified` ask for and the view does not.
        _ours: the names of those.
        _response: the name of the response's parameter.
    """

    def __init__(self, view: Callable[..., Any], guard: Guard) -> None:
        super().__init__(view, guard)
        if inspect.isgeneratorfunction(view) or inspect.isasyncgenfunction(view):
            raise TypeError(
                f"{view.__qualname__} yields its response, too late for another: return a StreamingResponse"
            )
        signature = _signature(view)
        own = signature.parameters
        asked = [each for function in guard.validators for each in _parameters(function)]
        self._connections = {"request", *(each.name for each in asked if _is_of(each.annotation, HTTPConnection))}
        more = list({each.name: each for each in asked if each.name not in {*own, *self._connections}}.values())
        if not any(_is_connection(parameter.annotation) for parameter in own.values()):
            more.append(PARAMETER)
        named = [name for name, parameter in own.items() if _is_of(parameter.annotation, Response)]
        if not named:
            more.append(RESPONSE)
        self._response = named[0] if named else RESPONSE.name
        self._ours = frozenset(parameter.name for parameter in more)
        self._signature = _with(signature, more)

    def decorated(self) -> Callable[..., Any]:
        wrapper = super().decorated()
        wrapper.__signature__ = self._signature  # type: ignore[attr-defined]
        return wrapper

    def own(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in kwargs.items() if name not in self._ours}

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        for index, argument in enumerate(args):
            if isinstance(argument, HTTPConnection):  # Starlette; after the object whose method it is
                return _call_of(argument, args[index:], kwargs)
        connection = next((each for each in kwargs.values() if isinstance(each, HTTPConnection)), None)
        if connection is None:
            return None
        named = {**dict.fromkeys(self._connections, connection), **kwargs}
        response = kwargs.get(self._response)
        for injected in (PARAMETER, RESPONSE):
            named.pop(injected.name, None)
        return _call_of(connection, (), named, response)

    def refusal(self, call: Call, status: int, text: str) -> Any:
        raise HTTPException(status, text)

    def not_modified(self, call: Call, headers: Mapping[str, str]) -> Response:
        return Response(status_code=304, headers=headers)

    def with_headers(self, call: Call, response: Any, headers: Mapping[str, str]) -> Any:
        target = response if isinstance(response, Response) else call.response
        if isinstance(target, Response) and 200 <= (target.status_code or 200) < 300:
            for name, value in headers.items():
                target.headers.setdefault(name, value)
        return response

    def block(self, awaitable: Awaitable[Any]) -> Any:
        from anyio.from_thread import run

        async def wait() -> Any:
            return await awaitable

        return run(wait)  # views that are no coroutine functions run on a thread

    async def on_thread(self, step: Step) -> Any:
        return await run_in_threadpool(step.__call__)


def _call_of(
    connection: HTTPConnection, positional: tuple[Any, ...], named: Mapping[str, Any], response: Any = None
) -> Call | None:
    if connection.scope["type"] != "http":
        return None

    def header(name: HeaderName) -> str | None:
        return join(connection.headers.getlist(name.lower))

    conditions = Conditions(
        header(IF_MATCH), header(IF_UNMODIFIED_SINCE), header(IF_NONE_MATCH), header(IF_MODIFIED_SINCE)
    )
    return Call(connection.scope["method"], conditions, connection, positional, named, response)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """What FastAPI can give a function by name."""
    try:
        parameters = _signature(function).parameters.values()
    except ValueError:  # some functions written in C have no signature
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters if each.kind in by_name]


def _is_of(annotation: Any, kind: type) -> bool:
    """Whether FastAPI puts one of this kind there."""
    if isinstance(annotation, str):  # cannot be read yet
        return kind.__name__ in annotation
    base = next(iter(get_args(annotation)), annotation)
    return isinstance(base, type) and issubclass(base, kind)


precondition: Final = precondition_for(_View)


class _Limited(LimitedView):
    """A view of Starlette, which gets the request, or of FastAPI, which gets what its signature asks for."""

    def __init__(self, view: Callable[..., Any], rule: ViewRule) -> None:
        super().__init__(view, rule)
        signature = _signature(view)
        has_connection = any(_is_of(each.annotation, HTTPConnection) for each in signature.parameters.values())
        self._adds = not has_connection
        self._seen = _with_connection(signature) if self._adds else signature

    def decorated(self) -> Callable[..., Any]:
        wrapper = super().decorated()
        wrapper.__signature__ = self._seen  # type: ignore[attr-defined]
        return wrapper

    def own(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in kwargs.items() if not self._adds or name != PARAMETER.name}

    def request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection | None:
        return next((each for each in (*args, *kwargs.values()) if isinstance(each, HTTPConnection)), None)

    def shared(self, request: HTTPConnection) -> Found:
        return request.scope.get("perfkit")

    def refuse(self, request: HTTPConnection, reply: Reply) -> Response:
        headers = {name.title: value for name, value in reply.fields()}
        return Response(reply.body, reply.status, headers)

    async def refuse_async(self, request: HTTPConnection, reply: Reply) -> Response | None:
        if isinstance(request, WebSocket):
            if ANSWERING in (request.scope.get("extensions") or {}):
                await request.send_denial_response(self.refuse(request, reply))
            else:
                await request.close(1008, "Too many requests")
            return None
        return self.refuse(request, reply)


rate_limit: Final = rate_limit_for(_Limited)
