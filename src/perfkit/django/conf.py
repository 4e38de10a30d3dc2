"""perfkit's settings in a Django project."""

from __future__ import annotations

from django.conf import settings as django_settings

from perfkit.settings import Settings


def project_settings() -> Settings:
    """The settings of this project: its ``PERFKIT`` dictionary, overridden by the environment.

    Raises:
        ConfigurationError: a setting that cannot be used.
    """
    return Settings.load(getattr(django_settings, "PERFKIT", {}))
