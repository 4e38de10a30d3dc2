"""The shop with Django: `uvicorn tests.proofs.shop_django:asgi`, `gunicorn tests.proofs.shop_django:wsgi`."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

from perfkit.django import reports_view
from tests.proofs import shop

settings.configure(
    SECRET_KEY="of the tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    # Django's own sets headers of perfkit's too, and would stand in most projects.
    MIDDLEWARE=["perfkit.django.PerfkitMiddleware", "django.middleware.security.SecurityMiddleware"],
    ROOT_URLCONF="tests.proofs.shop_django",
    PERFKIT=shop.SETTINGS,
)
django.setup()


def page(request, name):
    nonce = request.perfkit["csp_nonce"]
    answer = shop.page(request.path, request.headers.get("If-None-Match"), nonce)
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


async def seen(request):
    return JsonResponse(shop.seen())


urlpatterns = [
    path("pages/<name>", page),
    path("seen", seen),
    path("reports/csp", reports_view(shop.receiver)),
]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
