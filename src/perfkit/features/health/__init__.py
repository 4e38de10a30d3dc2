"""Health endpoints: whether the process lives, whether it is ready for requests, and what it depends on."""

from perfkit.features.health._feature import Health
from perfkit.features.health._options import CheckOptions, HealthOptions
from perfkit.features.health._result import Result, Status
from perfkit.features.health._shutdown import begin_shutdown, hold_sigterm, is_shutting_down

__all__ = [
    "CheckOptions",
    "Health",
    "HealthOptions",
    "Result",
    "Status",
    "begin_shutdown",
    "hold_sigterm",
    "is_shutting_down",
]
