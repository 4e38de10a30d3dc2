"""perfkit in the views of Flask: `csp`, `precondition` and `rate_limit`, and `csp_nonce` for templates.

The features run in `perfkit.wsgi.PerfkitMiddleware`; `precondition` needs none of them. ::

    from perfkit.flask import csp, csp_nonce, precondition

    app.context_processor(csp_nonce)


    @app.get("/map")
    @csp.extend({"img-src": ["https://tiles.example"]})
    def map_page(): ...


    @app.put("/books/<int:book>")
    @precondition(etag=lambda book: load(book).version, require=True)
    def update(book): ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from flask import Response, current_app, has_request_context, request
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired

from perfkit._csp_views import CspDecorators, Found, View, applying, nonce_in
from perfkit._precondition_guard import Call
from perfkit._precondition_views import GuardedView, Step, precondition_for
from perfkit._preconditions import IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, Conditions
from perfkit._rate_limit_views import LimitedView, rate_limit_for
from perfkit.csp import Nonce, Override
from perfkit.exchange import Reply

__all__ = ["csp", "csp_nonce", "precondition", "rate_limit"]


def csp_nonce() -> dict[str, Nonce | str]:
    """A context processor for ``app.context_processor(csp_nonce)``.

    ``{{ csp_nonce }}`` is the nonce of the response, made when a template prints it; empty where perfkit's security
    headers are not on.
    """
    return nonce_in(_shared())


def _decorate(view: View, override: Override) -> View:
    return applying(view, override, lambda args, kwargs: _shared())


def _shared() -> Found:
    return request.environ.get("perfkit") if has_request_context() else None


csp: Final = CspDecorators(_decorate)


class _View(GuardedView):
    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        if not has_request_context():
            return None
        header = request.headers.get
        conditions = Conditions(
            header(IF_MATCH.title),
            header(IF_UNMODIFIED_SINCE.title),
            header(IF_NONE_MATCH.title),
            header(IF_MODIFIED_SINCE.title),
        )
        # Flask gives what the URL holds by name; by position there is only the object whose method it is.
        return Call(request.method, conditions, named=kwargs)

    def refusal(self, call: Call, status: int, text: str) -> Any:
        raise (PreconditionRequired if status == 428 else PreconditionFailed)(text)

    def not_modified(self, call: Call, headers: Mapping[str, str]) -> Response:
        return current_app.response_class(status=304, headers=headers)

    def with_headers(self, call: Call, response: Any, headers: Mapping[str, str]) -> Response:
        made: Response = current_app.make_response(response)
        if 200 <= made.status_code < 300:
            for name, value in headers.items():
                made.headers.setdefault(name, value)
        return made

    def block(self, awaitable: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await awaitable

        return current_app.ensure_sync(wait)()

    async def on_thread(self, step: Step) -> Any:
        return step()  # Flask runs each request, and the event loop of an asynchronous view, on a thread of its own


precondition: Final = precondition_for(_View)


class _Limited(LimitedView):
    def request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return request if has_request_context() else None

    def shared(self, request: Any) -> Found:
        return _shared()

    def refuse(self, request: Any, reply: Reply) -> Response:
        headers = {name.title: value for name, value in reply.fields()}
        return current_app.response_class(reply.body, reply.status, headers)


rate_limit: Final = rate_limit_for(_Limited)
