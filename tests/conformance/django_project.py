"""A Django project, configured on import: the only one in the process of the tests.

It has no models and no database; `tests/django` uses it too. Its middleware runs each case in a `PerfkitMiddleware` of
its own.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

    from perfkit.django import PerfkitMiddleware

if not settings.configured:
    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["perfkit.django"],
        MIDDLEWARE=["tests.conformance.django_project.Cases"],
        ROOT_URLCONF="tests.conformance.django_project",
        LOGGING_CONFIG=None,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        PERFKIT={},
    )
    django.setup()

# What stands below needs the settings.
from tests.conformance.apps_django import async_view, view
from tests.conformance.case import find

urlpatterns = [path("<str:case>", view), path("<str:case>/<path:rest>", view)]
async_urlpatterns = (path("<str:case>", async_view), path("<str:case>/<path:rest>", async_view))


def wsgi_application() -> WSGIHandler:
    return WSGIHandler()


def asgi_application() -> ASGIHandler:
    return TidyHandler()


class TidyHandler(ASGIHandler):
    """Closes what Django keeps of a request where a response fails, which Python would warn of."""

    async def read_body(self, receive: Any) -> Any:
        body = await super().read_body(receive)
        request: asyncio.Task[Any] | None = asyncio.current_task()
        assert request is not None
        request.add_done_callback(lambda _: body.close())
        return body


class Cases:
    """Hands a request to the middleware of its case, and to a view of its handler's kind."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        from perfkit.django import PerfkitMiddleware

        @cache
        def middleware(name: str) -> PerfkitMiddleware:
            case = find(name)
            return PerfkitMiddleware(get_response, case.settings, features=case.features)

        self.middleware = middleware
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            request.urlconf = async_urlpatterns  # type: ignore[assignment]
        return self.middleware_of(request)(request)

    def middleware_of(self, request: HttpRequest) -> PerfkitMiddleware:
        return self.middleware(request.path_info.split("/")[1])

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        process_view = getattr(self.middleware_of(request), "process_view", None)
        return None if process_view is None else process_view(request, *view)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        self.middleware_of(request).process_exception(request, exception)
