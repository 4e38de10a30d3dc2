"""In place of ``django.middleware.gzip`` and ``django.middleware.http``: Django's names, for ``MIDDLEWARE``.

Native under ASGI, as the originals are not, unless a subclass writes `process_response`, which then runs on a thread.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from asgiref.sync import sync_to_async

from perfkit.compat._gzip import AllBut, Gzip
from perfkit.compat._tags import HashedBody, WeakTags
from perfkit.django._exchange import DjangoExchange
from perfkit.django.middleware import PerfkitMiddleware
from perfkit.feature import Feature, Pending
from perfkit.features.compression._whole import Bodies
from perfkit.settings import Settings
from perfkit.stack import Stack

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

__all__ = ["ConditionalGetMiddleware", "GZipMiddleware"]

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


class _Middleware(PerfkitMiddleware):
    """perfkit's middleware with the two methods that subclasses and ``decorator_from_middleware`` expect."""

    by_settings = False

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        if get_response is None:  # Django's own check
            raise ValueError("get_response must be provided.")
        super().__init__(get_response)

    def build_stack(self, settings: Settings | Mapping[str, Any] | None, features: Iterable[Feature] | None) -> Stack:
        return Stack(self._features())

    def _features(self) -> Iterable[Feature]:
        raise NotImplementedError

    def __call__(self, request: HttpRequest) -> Any:
        mine = type(self)
        if mine.process_request is _Middleware.process_request and (
            mine.process_response is _Middleware.process_response
        ):
            return super().__call__(request)
        return self._async_steps(request) if self._is_async else self._steps(request)

    def _steps(self, request: HttpRequest) -> Any:
        response = self.process_request(request) or self.get_response(request)
        return self.process_response(request, response)

    async def _async_steps(self, request: HttpRequest) -> Any:
        # On a thread, as in Django: who wrote them may have counted on that.
        response = await sync_to_async(self.process_request)(request) or await self.get_response(request)
        return await sync_to_async(self.process_response)(request, response)

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Look at the request before the view does."""
        self._meet(request)
        return None

    def _meet(self, request: HttpRequest) -> DjangoExchange:
        exchange = self._begin(request)
        self.stack.request(exchange)  # these features let every request pass, at once
        return exchange

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response as it is to be sent."""
        # There is none where a subclass answers early, or has its own process_request.
        exchange: DjangoExchange = getattr(request, self._slot, None) or self._meet(request)
        pending = exchange.accept(response)
        if isinstance(pending, Pending):
            pending.run()
        return exchange.deliver(response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Nothing: these features do not ask what a view raised."""


class GZipMiddleware(_Middleware):
    """Compresses responses with gzip.

    Class attributes:
        max_random_bytes: below so many bytes without meaning are added to each response, to slow attacks that measure
            its length (BREACH); 0 for none.
    """

    max_random_bytes: ClassVar[int | None] = 100

    def _features(self) -> Iterable[Feature]:
        bodies = _NamedAtRandom(0, self.max_random_bytes or 0)
        return Gzip(kinds=AllBut(), bodies=bodies, minimum_size=200, etag="weak"), WeakTags()


class _NamedAtRandom(Bodies):
    def drawn_padding(self) -> int:
        return secrets.randbelow(self._padding) if self._padding else 0


class ConditionalGetMiddleware(_Middleware):
    """Answers with 304 what the client has already, and makes an ETag for GET responses that have none."""

    def _features(self) -> Iterable[Feature]:
        return (HashedBody(),)

    def needs_etag(self, response: HttpResponseBase) -> bool:
        """Whether to make an ETag for this response, if it has none: unless Cache-Control forbids to store it."""
        directives = _QUOTED.sub("", response.headers.get("Cache-Control", "")).lower().split(",")
        return all(directive.partition("=")[0].strip() != "no-store" for directive in directives)

    def _begin(self, request: HttpRequest) -> DjangoExchange:
        exchange = _Asking(request, self.stack, self.needs_etag)
        setattr(request, self._slot, exchange)
        return exchange


class _Asking(DjangoExchange):
    """An exchange whose middleware says by the response whether there is to be an ETag."""

    def __init__(self, request: HttpRequest, stack: Stack, needs_etag: Callable[[HttpResponseBase], bool]) -> None:
        super().__init__(request, stack)
        self._needs_etag = needs_etag

    def accept(self, response: HttpResponseBase) -> Pending[None] | None:
        self.unique = not self._needs_etag(response)
        return super().accept(response)
