"""`precondition` as a decorator of Django's views, and of those of Django REST framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.http import HttpResponse, HttpResponseNotModified

from perfkit._precondition_guard import Call
from perfkit._precondition_views import GuardedView, Step, precondition_for
from perfkit._preconditions import IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, Conditions

__all__ = ["precondition"]


class _View(GuardedView):
    def is_async(self, function: Callable[..., Any]) -> bool:
        return iscoroutinefunction(function)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        for index, argument in enumerate(args):
            if is_request(argument):  # after the object whose method it is
                return _call_of(argument, args[index:], kwargs)
        request = kwargs.get("request")
        return _call_of(request, (), kwargs) if is_request(request) else None

    def refusal(self, call: Call, status: int, text: str) -> HttpResponse:
        if hasattr(call.request, "_request"):
            raise _rest_framework_error(status, text)
        return HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8", status=status)

    def not_modified(self, call: Call, headers: Mapping[str, str]) -> HttpResponse:
        return HttpResponseNotModified(headers=headers)

    def with_headers(self, call: Call, response: Any, headers: Mapping[str, str]) -> Any:
        if 200 <= response.status_code < 300:
            for name, value in headers.items():
                response.headers.setdefault(name, value)
        return response

    def block(self, awaitable: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await awaitable

        return async_to_sync(wait)()

    async def on_thread(self, step: Step) -> Any:
        return await sync_to_async(step.__call__)()  # on the one thread that may use the database's connection


def is_request(argument: object) -> bool:
    """Whether it is a request of Django's, or of Django REST framework's."""
    # Not by its class: Django REST framework's request is none of Django's, and hands out the attributes of one.
    return hasattr(argument, "META") and hasattr(argument, "method")


def _call_of(request: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Call:
    header = request.META.get
    return Call(
        method=request.method or "GET",
        conditions=Conditions(
            header(IF_MATCH.environ),
            header(IF_UNMODIFIED_SINCE.environ),
            header(IF_NONE_MATCH.environ),
            header(IF_MODIFIED_SINCE.environ),
        ),
        request=request,
        positional=positional,
        named=named,
    )


def _rest_framework_error(status: int, text: str) -> Exception:
    from rest_framework.exceptions import APIException

    error: Exception = APIException(text, "precondition_required" if status == 428 else "precondition_failed")
    error.status_code = status  # type: ignore[attr-defined]
    return error


precondition: Final = precondition_for(_View)
