"""`rate_limit` as a decorator of Django's views, and of those of Django REST framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import iscoroutinefunction, sync_to_async

from perfkit._csp_views import Found
from perfkit._rate_limit_views import LimitedView, rate_limit_for
from perfkit.django._exchange import DjangoExchange, response_of
from perfkit.django._precondition import is_request
from perfkit.exchange import Reply

if TYPE_CHECKING:
    from django.http import HttpResponse

    from perfkit.rate_limit import Usage

__all__ = ["rate_limit"]


class LimitedDjangoView(LimitedView):
    """A view of Django's: a function, or a method of a class."""

    def is_async(self, function: Callable[..., Any]) -> bool:
        return iscoroutinefunction(function)

    def request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return next((each for each in (*args, *kwargs.values()) if is_request(each)), None)

    def shared(self, request: Any) -> Found:
        shared = getattr(request, "perfkit", None)
        return shared if isinstance(shared, dict) else None

    def taken(self, usage: Usage | None, request: Any) -> Reply | None:
        exchange = None if usage is None else usage.exchange
        if not isinstance(exchange, DjangoExchange):
            return super().taken(usage, request)
        with exchange.viewed_by(request):
            return super().taken(usage, request)

    async def taken_async(self, usage: Usage | None, request: Any) -> Reply | None:
        if self.rule.by_user:
            # Finding the user may ask the database, which Django allows on a thread only.
            return await sync_to_async(self.taken)(usage, request)
        return await super().taken_async(usage, request)

    def refuse(self, request: Any, reply: Reply) -> HttpResponse:
        return response_of(reply)


rate_limit: Final = rate_limit_for(LimitedDjangoView)
