"""Django is configured once in a process: by the project of the conformance suite."""

import pytest
from django.conf import settings
from django.test import override_settings

from tests.conformance import django_project  # noqa: F401 - configures Django


@pytest.fixture
def settings_without_perfkit():
    with override_settings(MIDDLEWARE=["perfkit.django.PerfkitMiddleware"]), override_settings():
        if hasattr(settings, "PERFKIT"):
            del settings.PERFKIT
        yield
