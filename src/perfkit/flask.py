"""Security headers in Flask: the decorators `csp`, and `csp_nonce` for templates.

The features run in `perfkit.wsgi.PerfkitMiddleware`. ::

    from perfkit.flask import csp, csp_nonce

    app.context_processor(csp_nonce)


    @app.get("/map")
    @csp.extend({"img-src": ["https://tiles.example"]})
    def map_page(): ...
"""

from __future__ import annotations

from typing import Final

from flask import has_request_context, request

from perfkit._csp_views import CspDecorators, Found, View, applying, nonce_in
from perfkit.csp import Nonce, Override

__all__ = ["csp", "csp_nonce"]


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
