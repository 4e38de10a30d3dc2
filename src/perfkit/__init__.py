"""perfkit makes a web application fast, safe and observable with one line.

The hosts stand in `perfkit.asgi`, `perfkit.wsgi` and `perfkit.django`; this module imports no framework.
"""

from perfkit.errors import ConfigurationError
from perfkit.exchange import Exchange, HeaderName, Reply
from perfkit.feature import Feature, Pending, Position
from perfkit.features.cache_control import CacheControl
from perfkit.features.compression import Compression
from perfkit.features.conditional_get import ConditionalGet
from perfkit.features.rate_limit import RateLimit
from perfkit.features.security_headers import SecurityHeaders
from perfkit.features.timing import Timing, span
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
    "Pending",
    "Position",
    "RateLimit",
    "Reply",
    "SecurityHeaders",
    "Settings",
    "Stack",
    "Timing",
    "span",
]
