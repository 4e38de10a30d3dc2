"""Rate limits on views, whatever the framework: the decorator `rate_limit`."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from perfkit.exchange import Reply
from perfkit.feature import Pending

if TYPE_CHECKING:
    from perfkit.rate_limit import Usage, ViewRule

logger = logging.getLogger("perfkit")

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """What takes a view and gives one of the same kind."""

    def __call__(self, view: View, /) -> View: ...


class LimitedView(ABC):
    """A view that runs only if its limit allows it; one subclass for each framework."""

    def __init__(self, view: Callable[..., Any], rule: ViewRule) -> None:
        self.view = view
        self.rule = rule
        self._warned = False

    def decorated(self) -> Callable[..., Any]:
        """What stands in the place of the view, of the same kind."""
        if self.is_async(self.view):

            @wraps(self.view)
            async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                request = self.request(args, kwargs)
                reply = await self.taken_async(self._usage(request), request)
                if reply is not None:
                    return await self.refuse_async(request, reply)
                return await self.view(*args, **self.own(kwargs))

            return async_wrapper

        @wraps(self.view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request = self.request(args, kwargs)
            reply = self.taken(self._usage(request), request)
            return self.view(*args, **self.own(kwargs)) if reply is None else self.refuse(request, reply)

        return wrapper

    def taken(self, usage: Usage | None, request: Any) -> Reply | None:
        """Count the request, on this thread; gives the answer where it is refused."""
        reply = None if usage is None else usage.take(self.rule, request)
        return reply.run() if isinstance(reply, Pending) else reply

    async def taken_async(self, usage: Usage | None, request: Any) -> Reply | None:
        """Count the request, on an event loop."""
        reply = None if usage is None else usage.take(self.rule, request)
        return await reply.run_async() if isinstance(reply, Pending) else reply

    def _usage(self, request: Any) -> Usage | None:
        shared = None if request is None else self.shared(request)
        usage: Usage | None = None if shared is None else shared.get("rate_limit")
        if usage is None and not self._warned:
            self._warned = True
            logger.warning(
                "%s has a rate limit that does not count: no RateLimit has seen its request. Add perfkit's middleware,"
                " with rate_limit = True in its settings.",
                self.rule.rule.name,
            )
        return usage

    # What a framework has to say

    def is_async(self, function: Callable[..., Any]) -> bool:
        """Whether it has to be awaited."""
        return inspect.iscoroutinefunction(function)

    def own(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """What of these is for the view."""
        return kwargs

    @abstractmethod
    def request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The framework's request that the view is called with; None where there is none."""

    @abstractmethod
    def shared(self, request: Any) -> dict[str, Any] | None:
        """What is shared with the application there."""

    @abstractmethod
    def refuse(self, request: Any, reply: Reply) -> Any:
        """The answer as the framework's response."""

    async def refuse_async(self, request: Any, reply: Reply) -> Any:
        """The same on an event loop."""
        return self.refuse(request, reply)


class RateLimitDecorator(Protocol):
    """The decorator; see `rate_limit_for`."""

    def __call__(self, limits: Any, *, name: str | None = None, **options: Any) -> Decorator: ...


def rate_limit_for(kind: type[LimitedView]) -> RateLimitDecorator:
    """The decorator of one framework."""

    def rate_limit(limits: Any, *, name: str | None = None, **options: Any) -> Decorator:
        """Limit how often a view is called.

        Counted by the `RateLimit` of perfkit's middleware, with its store and its answers; ``rate_limit = True`` in the
        settings is enough. As many as you like can be put on a view.

        Args:
            limits: as in ``"10/minute"``, or a function that is given the framework's request.
            name: in headers, messages and metrics; by default module and name of the view. A decorator with a name
                counts all views together that it is put on.
            options: those of a rule: ``key``, ``cost``, ``algorithm``, ``burst``, ``unit``, ``count_when``, ``ban``,
                ``shadow``, ``on_error``, ``exempt``, ``match`` (for its ``methods``). The functions of ``key`` and
                ``cost`` are given the framework's request.

        Raises:
            ConfigurationError: an option that is unknown or cannot be used.
            TypeError: what is decorated is a class.
        """
        from perfkit.rate_limit import ViewRule  # here, since most applications limit no view

        # By the name, as Django's method_decorator decorates anew with each call.
        rules: dict[str, ViewRule] = {}
        if name is not None:
            rules[name] = ViewRule(name, limits, options)

        def decorator(view: View, /) -> View:
            if isinstance(view, type):
                raise TypeError(f"{view.__qualname__} is a class: decorate its methods")
            called = name or _name_of(view)
            rule = rules.get(called) or rules.setdefault(called, ViewRule(called, limits, options))
            return cast("View", kind(view, rule).decorated())

        return decorator

    return rate_limit


def _name_of(view: Callable[..., Any]) -> str:
    full = f"{view.__module__}.{view.__qualname__}"
    return full.encode("ascii", "backslashreplace").decode("ascii")
