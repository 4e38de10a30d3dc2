"""The features of perfkit, each in its own module, which is imported when something first asks for the feature."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from perfkit.options import ConfiguredFeature


class Entry(NamedTuple):
    """What is known of a feature before it is imported; its class says the same.

    Attributes:
        section: its section of the settings, and the name of its module here.
        name: the name of its class.
        enabled: whether it is part of the stack where its section is not set.
    """

    section: str
    name: str
    enabled: bool = True

    def load(self) -> type[ConfiguredFeature[Any]]:
        """The class, imported now at the latest."""
        feature: type[ConfiguredFeature[Any]] = getattr(import_module(f"{__name__}.{self.section}"), self.name)
        return feature


# Those the settings can name, outermost first. A new feature is added here, and its section is there.
FEATURES: Final = (
    Entry("health", "Health", enabled=False),
    # What it counts is of use only with prometheus-client, an extra.
    Entry("metrics", "Metrics", enabled=find_spec("prometheus_client") is not None),
    Entry("thresholds", "Thresholds", enabled=False),
    Entry("timing", "Timing"),
    Entry("security_headers", "SecurityHeaders"),
    Entry("rate_limit", "RateLimit", enabled=False),
    Entry("compression", "Compression"),
    Entry("cache_control", "CacheControl", enabled=False),
    Entry("conditional_get", "ConditionalGet"),
)
