"""Context processors, for ``TEMPLATES``: ``"perfkit.django.context_processors.csp_nonce"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfkit._csp_views import nonce_in

if TYPE_CHECKING:
    from django.http import HttpRequest

    from perfkit.csp import Nonce


def csp_nonce(request: HttpRequest) -> dict[str, Nonce | str]:
    """Give templates the nonce of the response.

    ``{{ csp_nonce }}`` is made when a template prints it; empty where perfkit's security headers are not on.
    """
    return nonce_in(getattr(request, "perfkit", None))
