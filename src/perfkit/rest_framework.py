"""perfkit in Django REST framework: a throttle that counts by perfkit's `RateLimit`.

As in::

from perfkit.rest_framework import RateLimitThrottle


class SearchThrottle(RateLimitThrottle):
    limits = "10/minute"


class SearchView(APIView):
    throttle_classes = [SearchThrottle]
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rest_framework.throttling import BaseThrottle

from perfkit.django._exchange import DjangoExchange
from perfkit.exchange import HeaderName
from perfkit.feature import Pending
from perfkit.rate_limit import Usage, ViewRule

__all__ = ["RateLimitThrottle"]

logger = logging.getLogger("perfkit")

RETRY_AFTER = HeaderName("Retry-After")


class RateLimitThrottle(BaseThrottle):  # type: ignore[misc]  # the framework has no types
    """A throttle that counts by the `RateLimit` of perfkit's middleware, with its store.

    Class attributes:
        limits: as in ``"10/minute"``, or a function that is given the request.
        name: in headers, messages and metrics; by default module and name of the class.
        options: those of a rule: ``{"key": ["user", "header:X-Device"], "cost": 2}``. The key is the user, or the
            address of who has not signed in, by default.
    """

    limits: ClassVar[Any]
    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request; gives whether it is admitted."""
        self._seconds: float | None = None
        shared = getattr(request, "perfkit", None)
        usage: Usage | None = shared.get("rate_limit") if isinstance(shared, dict) else None
        if usage is None or not isinstance(usage.exchange, DjangoExchange):
            _warn(type(self))
            return True
        with usage.exchange.viewed_by(request):
            reply = usage.take(_rule_of(type(self)), request)
            if isinstance(reply, Pending):
                reply = reply.run()
        if reply is None:
            return True
        seconds = reply.headers.get(RETRY_AFTER)
        self._seconds = None if seconds is None else float(seconds)
        return False

    def wait(self) -> float | None:
        """Seconds until the request would be admitted."""
        return self._seconds


def _rule_of(throttle: type[RateLimitThrottle]) -> ViewRule:
    rule = _RULES.get(throttle)
    if rule is None:
        name = throttle.name or f"{throttle.__module__}.{throttle.__qualname__}"
        rule = ViewRule(name, throttle.limits, {"key": "user", **throttle.options})
        rule = _RULES.setdefault(throttle, rule)
    return rule


def _warn(throttle: type[RateLimitThrottle]) -> None:
    if throttle not in _WARNED:
        _WARNED.add(throttle)
        logger.warning(
            "%s does not count: no RateLimit has seen the request. Add perfkit.django.PerfkitMiddleware, with"
            " PERFKIT['rate_limit'] = True.",
            throttle.__qualname__,
        )


_RULES: Final[dict[type, ViewRule]] = {}
_WARNED: Final[set[type]] = set()
