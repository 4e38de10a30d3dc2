"""The Django app: list ``"perfkit.django"`` in INSTALLED_APPS for the system checks."""

from __future__ import annotations

from django.apps import AppConfig


class PerfkitConfig(AppConfig):
    """Registers perfkit's system checks."""

    name = "perfkit.django"
    label = "perfkit"
    verbose_name = "perfkit"

    def ready(self) -> None:
        import perfkit.django.checks  # noqa: F401 - registers on import
