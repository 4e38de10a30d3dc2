"""perfkit makes a web application fast, safe and observable with one line.

The hosts stand in `perfkit.asgi`, `perfkit.wsgi` and `perfkit.django`; this module imports no framework. Nor does it
import any part of perfkit before the first use of a name from there, so that nobody waits for what is not used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perfkit._timed import timed
    from perfkit.errors import ConfigurationError
    from perfkit.exchange import Exchange, HeaderName, Reply
    from perfkit.feature import Feature, Pending, Position
    from perfkit.features._spans import span
    from perfkit.features.cache_control import CacheControl
    from perfkit.features.compression import Compression
    from perfkit.features.conditional_get import ConditionalGet
    from perfkit.features.health import Health
    from perfkit.features.metrics import Metrics
    from perfkit.features.rate_limit import RateLimit
    from perfkit.features.security_headers import SecurityHeaders
    from perfkit.features.thresholds import Thresholds
    from perfkit.features.timing import Timing
    from perfkit.settings import Settings
    from perfkit.stack import Stack

__all__ = [
    "CacheControl",
    "Compression",
    "ConditionalGet",
    "ConfigurationError",
    "Exchange",
    "Feature",
    "HeaderName",
    "Health",
    "Metrics",
    "Pending",
    "Position",
    "RateLimit",
    "Reply",
    "SecurityHeaders",
    "Settings",
    "Stack",
    "Thresholds",
    "Timing",
    "span",
    "timed",
]

# Where each of them is. The imports above say the same to type checkers; a test holds the three against each other.
_MODULES = {
    "CacheControl": "features.cache_control",
    "Compression": "features.compression",
    "ConditionalGet": "features.conditional_get",
    "ConfigurationError": "errors",
    "Exchange": "exchange",
    "Feature": "feature",
    "HeaderName": "exchange",
    "Health": "features.health",
    "Metrics": "features.metrics",
    "Pending": "feature",
    "Position": "feature",
    "RateLimit": "features.rate_limit",
    "Reply": "exchange",
    "SecurityHeaders": "features.security_headers",
    "Settings": "settings",
    "Stack": "stack",
    "Thresholds": "features.thresholds",
    "Timing": "features.timing",
    "span": "features._spans",
    "timed": "_timed",
}

if not TYPE_CHECKING:  # with this, a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used (PEP 562). From then on it is a plain attribute."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
