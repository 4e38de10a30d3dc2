"""The features of perfkit, each in its own module."""

from __future__ import annotations

from typing import Any, Final

from perfkit.features.cache_control import CacheControl
from perfkit.features.compression import Compression
from perfkit.features.conditional_get import ConditionalGet
from perfkit.features.rate_limit import RateLimit
from perfkit.features.security_headers import SecurityHeaders
from perfkit.features.timing import Timing
from perfkit.options import ConfiguredFeature

# Those the settings can name, outermost first. A new feature is added here, and its section is there.
FEATURES: Final[tuple[type[ConfiguredFeature[Any]], ...]] = (
    Timing,
    SecurityHeaders,
    RateLimit,
    Compression,
    CacheControl,
    ConditionalGet,
)
