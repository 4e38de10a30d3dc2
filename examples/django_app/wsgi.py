"""WSGI entry point: `gunicorn --pythonpath examples django_app.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from .startup import prepare

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

application = get_wsgi_application()
prepare()
