"""What checks give, and the end of a process: beside the settings, what `Health` needs of an application.

A check gives None or True where all is well, False or a text where it is not, or a `Result`. `begin_shutdown` has
readiness fail; `hold_sigterm` does that on SIGTERM and hands the signal to the server some seconds later.
"""

from perfkit.features.health import (
    CheckOptions,
    HealthOptions,
    Result,
    begin_shutdown,
    hold_sigterm,
    is_shutting_down,
)

__all__ = ["CheckOptions", "HealthOptions", "Result", "begin_shutdown", "hold_sigterm", "is_shutting_down"]
