"""`perfkit.csp` as decorators of Django's views. Public as `perfkit.django.csp`."""

from __future__ import annotations

from typing import Any, Final

from perfkit._csp_views import CspDecorators, Found, View, applying
from perfkit.csp import Override

__all__ = ["csp"]


def _decorate(view: View, override: Override) -> View:
    return applying(view, override, _shared)


def _shared(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Found:
    for argument in (*args, *kwargs.values()):
        # Not by its class: Django REST framework's request is none of Django's, and hands out the attributes of one.
        shared = getattr(argument, "perfkit", None)
        if isinstance(shared, dict):
            return shared
    return None


csp: Final = CspDecorators(_decorate)
