"""`perfkit.django.precondition`: decided before the view is run, in Django and Django REST framework."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from perfkit.django import precondition

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
PERFKIT = ("perfkit.django.PerfkitMiddleware",)
COMMON = (*PERFKIT, "django.middleware.common.CommonMiddleware")
VERSIONS = {1: 3}


def through_wsgi(method: str, url: str, headers: dict[str, str]) -> Any:
    return Client().generic(method, url, headers=headers)


def through_asgi(method: str, url: str, headers: dict[str, str]) -> Any:
    async def request() -> Any:
        return await AsyncClient().generic(method, url, headers=headers)

    return asyncio.run(request())


BOTH = pytest.mark.parametrize("through", [through_wsgi, through_asgi])


def ask(view: Any, method: str = "GET", pk: int = 1, through: Any = through_wsgi, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with override_settings(MIDDLEWARE=COMMON, PERFKIT={}, ROOT_URLCONF=(path("<int:pk>", view),)):
        return through(method, f"/{pk}", named)


def etag(request: HttpRequest, pk: int) -> str | None:
    return f"v{VERSIONS[pk]}" if pk in VERSIONS else None


async def async_etag(request: HttpRequest, pk: int) -> str | None:
    return etag(request, pk)


@pytest.fixture(params=["sync", "async"])
def view(request):
    calls: list[int] = []

    def plain(request, pk):
        calls.append(pk)
        return HttpResponse("page")

    async def coroutine(request, pk):
        return plain(request, pk)

    decorated: Any = precondition(etag=etag, last_modified=lambda request: MOMENT, require=True)(
        coroutine if request.param == "async" else plain
    )
    decorated.calls = calls
    return decorated


@BOTH
def test_a_change_of_an_older_version_does_not_happen(view, through):
    response = ask(view, "PUT", through=through, If_Match='"v2"')
    assert (response.status_code, view.calls) == (412, [])
    assert response.content.startswith(b"The resource is not what this request expects")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (ask(view, "PUT", through=through, If_Match='"v3"').status_code, view.calls) == (200, [1])


@BOTH
def test_a_change_without_a_condition_is_refused(view, through):
    response = ask(view, "PUT", through=through)
    assert (response.status_code, view.calls) == (428, [])
    assert b"send its ETag as If-Match" in response.content


@BOTH
def test_what_the_client_has_is_not_made_again(view, through):
    response = ask(view, through=through, If_None_Match='"v3"')
    assert (response.status_code, response.content, view.calls) == (304, b"", [])
    assert (response.headers["ETag"], response.headers["Last-Modified"]) == ('"v3"', SUNDAY)


@BOTH
def test_a_read_gets_the_validators(view, through):
    headers = ask(view, through=through).headers
    assert (headers["ETag"], headers["Last-Modified"]) == ('"v3"', SUNDAY)
    assert "ETag" not in ask(view, "PUT", through=through, If_Match='"v3"').headers


def test_a_decorated_view_is_of_the_same_kind(view):
    decorated = precondition(etag=etag)(csrf_exempt(view))
    assert decorated.csrf_exempt
    assert iscoroutinefunction(decorated) == iscoroutinefunction(view)


@BOTH
def test_a_function_marked_as_a_coroutine_function(through):
    async def later(request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse("page")

    def marked(request: HttpRequest, pk: int) -> Any:
        return later(request, pk)

    decorated = precondition(etag=etag)(markcoroutinefunction(marked))
    assert iscoroutinefunction(decorated)
    assert ask(decorated, through=through).headers["ETag"] == '"v3"'


@BOTH
@pytest.mark.parametrize("find", [async_etag, lambda request, pk: async_etag(request, pk=pk)])
def test_an_asynchronous_etag(find, through):
    async def coroutine(request, pk):
        return HttpResponse("page")

    for each in (coroutine, lambda request, pk: HttpResponse("page")):
        assert ask(precondition(etag=find)(each), through=through).headers["ETag"] == '"v3"'


def test_a_function_may_use_the_database_in_an_asynchronous_view():
    from django.utils.asyncio import async_unsafe

    @precondition(etag=async_unsafe("no")(etag))  # what guards the database against event loops
    async def view(request, pk):
        return HttpResponse("page")

    assert ask(view, through=through_asgi).headers["ETag"] == '"v3"'


def test_the_functions_of_djangos_own_decorator():
    def view(request, **kwargs):
        return HttpResponse("page")

    def find(request, *args, **kwargs):
        return f"{args}{kwargs['pk']}".replace(" ", "")

    assert ask(precondition(etag=find)(view)).headers["ETag"] == '"()1"'


def test_the_methods_of_a_view():
    class Book(View):
        @precondition(etag=etag)
        def get(self, request, pk):
            return HttpResponse("page")

        @precondition(etag=async_etag, require=True)
        def put(self, request, pk):
            return HttpResponse("page")

    @method_decorator(precondition(etag=etag), name="dispatch")
    class Guarded(View):
        def put(self, request, pk):
            return HttpResponse("page")

    assert ask(Book.as_view(), If_None_Match='"v3"').status_code == 304
    assert ask(Book.as_view(), "PUT").status_code == 428
    assert ask(Guarded.as_view(), "PUT", If_Match='"v2"').status_code == 412


def test_answers_that_are_no_success_get_none():
    def gone(request, pk):
        raise Http404

    assert ask(precondition(etag=etag)(gone)).status_code == 404
    assert "ETag" not in ask(precondition(etag=etag)(lambda request, pk: HttpResponse(status=410))).headers
    own = HttpResponse("page", headers={"ETag": '"own"'})
    assert ask(precondition(etag=etag)(lambda request, pk: own)).headers["ETag"] == '"own"'
    stream = StreamingHttpResponse(iter(["one ", "two"]))
    assert ask(precondition(etag=etag)(lambda request, pk: stream)).headers["ETag"] == '"v3"'


def test_create_only():
    view = precondition(etag=etag)(lambda request, pk: HttpResponse(status=201))
    assert ask(view, "PUT", 1, If_None_Match="*").status_code == 412
    assert ask(view, "PUT", 2, If_None_Match="*").status_code == 201
    assert ask(view, "PUT", 2, If_Match="*").status_code == 412


def test_a_view_that_another_calls_by_keyword():
    guarded = precondition(etag=etag)(lambda request, pk: HttpResponse("page"))
    assert ask(lambda request, pk: guarded(pk=pk, request=request)).headers["ETag"] == '"v3"'


def test_a_view_is_called_in_a_unit_test_as_any_other():
    view = precondition(etag=etag)(lambda request, pk: HttpResponse("page"))
    assert view(RequestFactory().get("/"), pk=1).headers["ETag"] == '"v3"'
    assert precondition(etag=etag)(lambda price: price + 1)(3) == 4


# Django REST framework


def test_the_views_of_django_rest_framework():
    from rest_framework.decorators import api_view
    from rest_framework.response import Response
    from rest_framework.viewsets import ViewSet

    class Books(ViewSet):  # type: ignore[misc]
        @precondition(etag=etag)
        def retrieve(self, request, pk):
            return Response({"id": pk})

        @precondition(etag=lambda request, pk: etag(request._request, pk), require=True)
        def update(self, request, pk):
            return Response({"id": pk})

    @api_view(["PUT"])
    @precondition(etag=etag)
    def by_function(request, pk):
        return Response({"id": pk})

    books = Books.as_view({"get": "retrieve", "put": "update"})
    with override_settings(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None}):
        assert ask(books, Accept="application/json").headers["ETag"] == '"v3"'
        assert ask(books, If_None_Match='"v3"').status_code == 304
        for view in (books, by_function):
            failed = ask(view, "PUT", If_Match='"v2"', Accept="application/json")
            assert (failed.status_code, failed.headers["Content-Type"]) == (412, "application/json")
            assert failed.json()["detail"].startswith("The resource is not what")
            assert ask(view, "PUT", If_Match='"v3"').status_code == 200
        required = ask(books, "PUT", Accept="application/json")
        assert (required.status_code, list(required.json())) == (428, ["detail"])


@BOTH
def test_a_304_has_no_length_which_would_be_that_of_what_the_client_has(through):
    @precondition(etag=lambda request, pk: "v1")
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse("book")

    response = ask(view, through=through, If_None_Match='"v1"')
    assert response.status_code == 304
    assert "Content-Length" not in response.headers
