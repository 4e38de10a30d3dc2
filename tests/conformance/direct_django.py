"""A Django view behind chosen middlewares, on either of Django's handlers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.test import override_settings
from django.urls import path

from perfkit import Feature
from perfkit.django import PerfkitMiddleware
from tests.conformance.client import Host
from tests.conformance.django_project import asgi_application, wsgi_application
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.conformance.inprocess_wsgi import WsgiHost
from tests.conformance.trace import REQUEST_ID

Protocol = Literal["wsgi", "asgi"]


def perfkit(*features: Feature) -> type[PerfkitMiddleware]:
    """The middleware with exactly these features."""

    class Middleware(PerfkitMiddleware):
        def __init__(self, get_response: Any) -> None:
            super().__init__(get_response, {}, features=features)

    return Middleware


@contextmanager
def project(view: Callable[..., Any], *middlewares: Callable[..., Any]) -> Iterator[None]:
    """A project with this one view, at every path."""
    module = sys.modules[__name__]
    names = []
    for number, middleware in enumerate(middlewares):
        setattr(module, f"middleware_{number}", middleware)  # Django wants paths to import
        names.append(f"{__name__}.middleware_{number}")
    routes = (path("", view), path("<path:rest>", view))
    with override_settings(MIDDLEWARE=names, ROOT_URLCONF=routes):
        yield


@contextmanager
def served(protocol: Protocol, view: Callable[..., Any], *middlewares: Callable[..., Any]) -> Iterator[Host]:
    """The same, as a host to send requests to."""
    with project(view, *middlewares):
        if protocol == "wsgi":
            yield WsgiHost(Kind("django", "wsgi", django=True), wsgi_application())
        else:
            yield AsgiHost(Kind("django", "asgi", django=True), asgi_application())


def request_id_of(request: Any) -> str:
    request_id = request.META[REQUEST_ID.environ]
    assert isinstance(request_id, str)
    return request_id
