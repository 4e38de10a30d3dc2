"""Cache-Control by path and content type, where the application sets none."""

from perfkit.features.cache_control._feature import CacheControl
from perfkit.features.cache_control._options import CacheControlOptions, CacheRule

__all__ = ["CacheControl", "CacheControlOptions", "CacheRule"]
