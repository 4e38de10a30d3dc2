"""The Django host: one middleware class, native under WSGI and ASGI.

Django makes an instance for each handler and tells by `get_response` whether the chain is asynchronous. Settings come
from the ``PERFKIT`` dictionary of the project's settings, overridden by the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed

from perfkit.django._exchange import DjangoExchange, response_of
from perfkit.django.conf import project_settings
from perfkit.feature import Feature, Pending
from perfkit.settings import Settings
from perfkit.stack import Stack

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class PerfkitMiddleware:
    """perfkit as Django middleware: ``MIDDLEWARE = ["perfkit.django.PerfkitMiddleware", ...]``, first in the list.

    To add features of your own, list a subclass that passes them on::

        class Perfkit(PerfkitMiddleware):
            def __init__(self, get_response):
                super().__init__(get_response, features=[*project_settings().features(), MyFeature()])

    Args:
        get_response: the rest of the chain.
        settings: a mapping of sections, or `Settings`; by default the project's ``PERFKIT``.
        features: exactly these features instead of those the settings enable.

    Raises:
        ConfigurationError: a setting that cannot be used; ``manage.py check`` reports it too.
        MiddlewareNotUsed: no feature is on, so that Django leaves the middleware out.
    """

    sync_capable = True
    async_capable = True
    # Whether the settings say what it does, as the system checks take for granted.
    by_settings: ClassVar[bool] = True

    def __init__(
        self,
        get_response: Callable[[HttpRequest], Any],
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        features: Iterable[Feature] | None = None,
    ) -> None:
        self.get_response = get_response
        self.stack = self.build_stack(settings, features)
        if not self.stack:
            raise MiddlewareNotUsed("no feature of perfkit is on")
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        if self.stack.has_views:
            # Set only where it is needed: under ASGI Django calls it on a thread, which lets a hook load the user.
            self.process_view = self._process_view
        self._slot = f"_perfkit_{id(self):x}"  # several of our middlewares may be in one chain

    def build_stack(self, settings: Settings | Mapping[str, Any] | None, features: Iterable[Feature] | None) -> Stack:
        """The stack this middleware runs."""
        return Stack.from_settings(project_settings() if settings is None else settings, features)

    def __call__(self, request: HttpRequest) -> Any:
        return self._async(request) if self._is_async else self._sync(request)

    def _sync(self, request: HttpRequest) -> HttpResponseBase:
        exchange = self._begin(request)
        try:
            reply = self.stack.request(exchange)
            if isinstance(reply, Pending):
                reply = reply.run()
            response = self.get_response(request) if reply is None else exchange.reply(reply)
            exchange.learn(request)
            pending = exchange.accept(response)
            if pending is not None:
                pending.run()
            return exchange.deliver(response)
        except BaseException as error:
            exchange.abandon(request)
            exchange.finish(error)
            raise

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        exchange = self._begin(request)
        try:
            reply = self.stack.request(exchange)
            if isinstance(reply, Pending):
                reply = await reply.run_async()
            response = await self.get_response(request) if reply is None else exchange.reply(reply)
            exchange.learn(request)
            pending = exchange.accept(response)
            if pending is not None:
                await pending.run_async()
            return exchange.deliver(response)
        except BaseException as error:
            exchange.abandon(request)
            await exchange.finish_async(error)
            raise

    def _begin(self, request: HttpRequest) -> DjangoExchange:
        exchange = DjangoExchange(request, self.stack)
        setattr(request, self._slot, exchange)
        return exchange

    def _process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        exchange: DjangoExchange = getattr(request, self._slot)
        reply = exchange.view(request)
        return None if reply is None else response_of(reply)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remember what a view raised, which Django turns into a response before a middleware sees it."""
        getattr(request, self._slot).exception = exception


class RouteMiddleware:
    """Tells a stack around the whole of Django, in `perfkit.asgi` or `perfkit.wsgi`, which route it was.

    Not needed beside `PerfkitMiddleware`, which sees the route by itself. Stands anywhere in ``MIDDLEWARE``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self._async(request) if iscoroutinefunction(self) else self._tell(request, self.get_response(request))

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        return self._tell(request, await self.get_response(request))

    def _tell(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.resolver_match is not None:
            outside = getattr(request, "scope", None) or request.META  # of ASGI, or the environ of WSGI
            outside["perfkit.route"] = f"/{request.resolver_match.route}"
        return response


class FeatureMiddleware(PerfkitMiddleware):
    """The host with one feature, whose options are its section of ``PERFKIT``."""

    section: ClassVar[str]

    def build_stack(self, settings: Settings | Mapping[str, Any] | None, features: Iterable[Feature] | None) -> Stack:
        return Stack.only(self.section, project_settings() if settings is None else settings)


class CacheControlMiddleware(FeatureMiddleware):
    """`perfkit.CacheControl` alone."""

    section = "cache_control"


class CompressionMiddleware(FeatureMiddleware):
    """`perfkit.Compression` alone."""

    section = "compression"


class ConditionalGetMiddleware(FeatureMiddleware):
    """`perfkit.ConditionalGet` alone."""

    section = "conditional_get"


class HealthMiddleware(FeatureMiddleware):
    """`perfkit.Health` alone."""

    section = "health"


class MetricsMiddleware(FeatureMiddleware):
    """`perfkit.Metrics` alone."""

    section = "metrics"


class RateLimitMiddleware(FeatureMiddleware):
    """`perfkit.RateLimit` alone."""

    section = "rate_limit"


class SecurityHeadersMiddleware(FeatureMiddleware):
    """`perfkit.SecurityHeaders` alone."""

    section = "security_headers"


class ThresholdsMiddleware(FeatureMiddleware):
    """`perfkit.Thresholds` alone."""

    section = "thresholds"


class TimingMiddleware(FeatureMiddleware):
    """`perfkit.Timing` alone."""

    section = "timing"
