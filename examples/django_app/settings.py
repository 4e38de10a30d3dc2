"""Settings of the example. What a deployment would change comes from the environment; README.md lists it."""

import os
from pathlib import Path
from typing import Any

import bookshop
from bookshop.home import home, secret_key

from .database_url import database

DEBUG = os.environ.get("BOOKSHOP_DEBUG", "off") == "on"
SECRET_KEY = secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver", *os.environ.get("BOOKSHOP_HOSTS", "").split()]

INSTALLED_APPS = [
    "perfkit.django",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_app.shop",
]

MIDDLEWARE = [
    # This line is all it takes. First in the list is outermost, so perfkit sees every response as it leaves.
    "perfkit.django.PerfkitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

# The defaults suit this shop. Which policy its pages can live with and how long they hold, only their author knows.
PERFKIT: dict[str, Any] = {
    "security_headers": {
        "csp": {"html": "nonce"},  # home.html has the nonce; the other pages need none
        "reporting": {"csp": "/csp-reports/"},
        "paths": [{"path": "/api/logout", "clear_site_data": True}],
    },
    "cache_control": {
        # No address here has a version in it, so nothing is used for long unasked. "no-cache" means: keep it, and ask.
        # The answer is a 304 for as long as it holds.
        "rules": [
            {"path": "/static/*", "value": "public, max-age=3600"},
            {"path": "/api/*", "value": "private, no-cache"},
            {"value": "no-cache"},
        ],
    },
    "rate_limit": {
        # Five wrong passwords at once, and one more every two seconds. A right one counts for nothing.
        "rules": [
            {
                "name": "wrong-logins",
                "match": {"path": "/api/login", "methods": ["POST"]},
                "limits": "30/minute",
                "algorithm": "gcra",
                "burst": 5,
                "count_when": "401",
            }
        ],
    },
    "health": {
        "checks": {
            "database": {"kind": "database"},
            "disk": {"kind": "disk", "path": str(home()), "free": "50 MB", "required": False},
        },
    },
    "thresholds": {
        # Told in the log once, and again when it is over. /api/slow and a naive list of reviews are there to break it.
        "rules": [{"name": "api", "match": {"prefix": "/api"}, "p95": "400ms", "error_rate": "2%"}],
    },
}

if os.environ.get("BOOKSHOP_PERFKIT", "on") == "off":  # to compare
    INSTALLED_APPS.remove("perfkit.django")
    MIDDLEWARE.remove("perfkit.django.PerfkitMiddleware")

ROOT_URLCONF = "django_app.urls"
ASGI_APPLICATION = "django_app.asgi.application"
WSGI_APPLICATION = "django_app.wsgi.application"

DATABASES = {"default": database(os.environ.get("BOOKSHOP_DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "perfkit.django.context_processors.csp_nonce",
            ]
        },
    }
]

STATIC_URL = "/static/"
STATIC_FOLDER = Path(bookshop.__file__).parent / "static"

TIME_ZONE = "UTC"
USE_I18N = False

# Django mails errors to the admins and is otherwise silent unless DEBUG is on; a demo has a terminal.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
