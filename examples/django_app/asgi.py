"""ASGI entry point: `uvicorn --app-dir examples django_app.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

from .startup import prepare

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

application = get_asgi_application()
prepare()
