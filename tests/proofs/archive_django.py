"""The archive with Django: `uvicorn tests.proofs.archive_django:asgi`, `gunicorn tests.proofs.archive_django:wsgi`."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.static import serve

from tests.proofs import archive

settings.configure(
    SECRET_KEY="of the tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    # What a new project has, without what needs a database.
    MIDDLEWARE=[
        "perfkit.django.PerfkitMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF="tests.proofs.archive_django",
    PERFKIT=archive.SETTINGS,
)
django.setup()


def shelf(request):
    return JsonResponse(archive.SHELF, safe=False)


def tagged(request):
    return JsonResponse(archive.SHELF, safe=False, headers={"ETag": archive.ETAG})


def page(request):
    return HttpResponse(archive.PAGE)


def stream(request, kind, of_wsgi, of_asgi):
    chunks = of_asgi() if isinstance(request, ASGIRequest) else of_wsgi()
    return StreamingHttpResponse(chunks, content_type=archive.KINDS[kind])


def lines(request):
    return stream(request, "open", lambda: archive.LINES, archive.lines_async)


def live(request, kind, name):
    return stream(request, kind, lambda: archive.live(name), lambda: archive.live_async(name))


def endless(request, kind):
    return stream(request, kind, archive.endless, archive.endless_async)


async def gate(request, name):
    archive.open_gate(name)
    return HttpResponse("open")


def left(request):
    return JsonResponse(archive.left())


urlpatterns = [
    path("json", shelf),
    path("etag", tagged),
    path("static/<path>", serve, {"document_root": archive.STATIC}),
    path("lines", lines),
    path("page", page),
    path("live/<kind>/<name>", live),
    path("gate/<name>", gate),
    path("endless/<kind>", endless),
    path("left", left),
]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
