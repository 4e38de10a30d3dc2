"""`perfkit.django.csp`: the decorators of views, and the nonce in templates."""

import asyncio
from typing import Any

import django
import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template import engines
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

from perfkit import ConfigurationError
from perfkit.csp import extend
from perfkit.django import csp

CSP = "Content-Security-Policy"
MINE = {"default-src": ["'self'"], "img-src": ["'self'"]}
BASE = "default-src 'self'; img-src 'self'; frame-ancestors 'none'"
WITH_A = "default-src 'self'; img-src 'self' https://a.example; frame-ancestors 'none'"
A = csp.extend({"img-src": ["https://a.example"]})
SETTINGS = {"security_headers": {"csp": {"html": MINE}}}
NONCED = {"security_headers": {"csp": {"html": "nonce"}}}
PERFKIT = ("perfkit.django.PerfkitMiddleware",)


def through_wsgi(url: str) -> Any:
    return Client().get(url)


def through_asgi(url: str) -> Any:
    return asyncio.run(AsyncClient().get(url))


BOTH = pytest.mark.parametrize("through", [through_wsgi, through_asgi])


def get(
    view: Any, through: Any = through_wsgi, perfkit: Any = SETTINGS, middleware: Any = PERFKIT, **options: Any
) -> Any:
    urls = (path("<int:book>", view),)
    with override_settings(MIDDLEWARE=middleware, PERFKIT=perfkit, ROOT_URLCONF=urls, **options):
        return through("/3")


def plain(request, book):
    return HttpResponse("page")


async def asynchronous(request, book):
    return HttpResponse("page")


# What a decorator does


@BOTH
@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_view_sends_what_its_decorator_says(view, through):
    assert get(view, through).headers[CSP] == BASE
    assert get(A(view), through).headers[CSP] == WITH_A


def test_there_is_one_for_each_function_of_perfkit_csp():
    assert CSP not in get(csp.off()(plain)).headers
    replaced = get(csp.replace({"default-src": ["'none'"]}, report_only=MINE)(plain))
    assert replaced.headers[CSP] == "default-src 'none'; frame-ancestors 'none'"
    assert replaced.headers[f"{CSP}-Report-Only"] == "default-src 'self'; img-src 'self'"
    assert get(csp.override(frame="sameorigin")(plain)).headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mistake_is_named_when_the_view_is_decorated():
    with pytest.raises(ConfigurationError, match=r"img-src\[0\]"):
        csp.extend({"img-src": ["self"]})


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="Page is a class: decorate its methods"):

        @csp.off()
        class Page(View):
            pass


def test_the_decorator_nearest_to_the_view_counts_last():
    extended = csp.replace(MINE)(A(plain))
    assert get(extended, perfkit={}).headers[CSP] == WITH_A
    assert CSP not in get(A(csp.off()(plain))).headers


def test_what_the_view_applies_counts_after_its_decorators():
    @csp.replace({"img-src": ["'none'"]})
    def view(request, book):
        extend({"img-src": ["https://b.example"]}).apply(request.perfkit)
        return HttpResponse("page")

    assert get(view).headers[CSP] == "img-src https://b.example; frame-ancestors 'none'"


@BOTH
def test_the_answer_of_an_exception_handler_has_it_too(through):
    @A
    def view(request, book):
        raise Http404

    response = get(view, through)
    assert (response.status_code, response.headers[CSP]) == (404, WITH_A)


def test_a_view_that_another_calls_by_keyword():
    assert get(lambda request, book: A(plain)(book=book, request=request)).headers[CSP] == WITH_A


def test_a_view_that_streams():
    @A
    def view(request, book):
        return StreamingHttpResponse(iter(["one ", "two"]))

    response = get(view)
    assert (response.getvalue(), response.headers[CSP]) == (b"one two", WITH_A)


# Classes


class Page(View):
    @A
    def get(self, request, book):
        return HttpResponse("page")


class AsyncPage(View):
    @A
    async def get(self, request, book):
        return HttpResponse("page")


@method_decorator(A, name="dispatch")
class ByName(View):
    def get(self, request, book):
        return HttpResponse("page")


class ByMethodDecorator(View):
    @method_decorator(A)
    def get(self, request, book):
        return HttpResponse("page")


@BOTH
@pytest.mark.parametrize("page", [Page, AsyncPage, ByName, ByMethodDecorator])
def test_the_methods_of_a_class(page, through):
    assert get(page.as_view(), through).headers[CSP] == WITH_A


@BOTH
@pytest.mark.parametrize("page", [Page, AsyncPage])
def test_a_class_where_it_is_routed(page, through):
    view = csp.override(frame="sameorigin")(page.as_view())
    response = get(view, through)
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "img-src 'self' https://a.example" in response.headers[CSP]
    assert view.view_class is page


@override_settings(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None})
def test_the_methods_of_a_view_of_rest_framework():
    from rest_framework.decorators import api_view, renderer_classes
    from rest_framework.renderers import StaticHTMLRenderer
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Book(APIView):  # type: ignore[misc]
        renderer_classes = [StaticHTMLRenderer]  # noqa: RUF012

        @A
        def get(self, request, book):
            return Response("page")

    class Gone(Book):
        @A
        def get(self, request, book):
            raise Http404

    @A
    @api_view(["GET"])
    @renderer_classes([StaticHTMLRenderer])
    @csp.override(frame="sameorigin")
    def by_function(request, book):
        return Response("page")

    assert get(Book.as_view()).headers[CSP] == WITH_A
    gone = get(Gone.as_view())
    assert (gone.status_code, gone.headers[CSP]) == (404, WITH_A)
    both = get(by_function).headers
    assert both["X-Frame-Options"] == "SAMEORIGIN"
    assert both[CSP] == WITH_A.replace("'none'", "'self'")


# What it leaves alone


@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_decorated_view_is_of_the_same_kind(view):
    decorated = A(csrf_exempt(view))
    assert decorated.__name__ == view.__name__
    assert decorated.csrf_exempt
    assert iscoroutinefunction(decorated) == iscoroutinefunction(view)


@BOTH
def test_a_function_marked_as_a_coroutine_function(through):
    def marked(request, book):
        return asynchronous(request, book)

    view = A(markcoroutinefunction(marked))
    assert iscoroutinefunction(view)
    assert get(view, through).headers[CSP] == WITH_A


def test_nothing_happens_where_there_are_no_security_headers():
    assert CSP not in get(A(plain), middleware=()).headers
    assert CSP not in get(A(plain), perfkit={"security_headers": False}).headers


def test_a_view_is_called_in_a_unit_test_as_without_a_decorator():
    request = RequestFactory().get("/")
    assert A(plain)(request, book=3).content == b"page"
    assert Page.as_view()(request, book=3).status_code == 200


# The nonce

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"context_processors": ["perfkit.django.context_processors.csp_nonce"]},
    }
]


def template(source: str) -> Any:
    def view(request: HttpRequest, book: int) -> HttpResponse:
        return HttpResponse(engines["django"].from_string(source).render({}, request))

    return view


@BOTH
@pytest.mark.parametrize("escaping", ["{{ csp_nonce }}", "{% autoescape off %}{{ csp_nonce }}{% endautoescape %}"])
def test_a_template_prints_the_nonce_of_its_policy(escaping, through):
    view = template("{% if csp_nonce %}{{ csp_nonce }} " + escaping + "{% endif %}")
    response = get(view, through, NONCED, TEMPLATES=TEMPLATES)
    first, second = response.content.decode().split()
    assert first == second
    assert len(first) == 32
    assert f"script-src 'nonce-{first}'" in response.headers[CSP]


def test_a_template_that_does_not_print_it_makes_none():
    response = get(template("{% if csp_nonce %}page{% endif %}"), perfkit=NONCED, TEMPLATES=TEMPLATES)
    assert response.content == b"page"
    assert "nonce" not in response.headers[CSP]
    assert "Cache-Control" not in response.headers


@pytest.mark.parametrize("without", [{"middleware": ()}, {"perfkit": {"security_headers": False}}])
def test_it_is_empty_where_there_are_no_security_headers(without):
    assert get(template("[{{ csp_nonce }}]"), TEMPLATES=TEMPLATES, **without).content == b"[]"


def test_the_views_of_django_print_it_too():
    loaders = [("django.template.loaders.locmem.Loader", {"page.html": "[{{ csp_nonce }}]"})]
    settings = [{**TEMPLATES[0], "OPTIONS": {**TEMPLATES[0]["OPTIONS"], "loaders": loaders}}]  # type: ignore[dict-item]

    def rendered(request: HttpRequest, book: int) -> HttpResponse:
        return render(request, "page.html")

    for view in (TemplateView.as_view(template_name="page.html"), rendered):
        response = get(view, perfkit=NONCED, TEMPLATES=settings)
        assert f"script-src 'nonce-{response.content.decode()[1:-1]}'" in response.headers[CSP]


# The nonce that Django makes by itself


def django_nonce(get_response: Any) -> Any:
    """Does what ContentSecurityPolicyMiddleware of Django 6 does, but for the policy."""

    def middleware(request: Any) -> Any:
        request._csp_nonce = "YWJj"
        return get_response(request)

    return middleware


def test_the_nonce_of_django_is_that_of_the_policy_too():
    response = get(plain, perfkit=NONCED, middleware=(*PERFKIT, f"{__name__}.django_nonce"))
    assert "script-src 'nonce-YWJj' 'strict-dynamic'" in response.headers[CSP]
    assert response.headers["Cache-Control"] == "private"


@pytest.mark.skipif(django.VERSION < (6,), reason="Django has no policies of its own before 6.0")
@BOTH
def test_the_policy_of_django_stays(through):
    def page(request, book):
        return HttpResponse(f'<script nonce="{request._csp_nonce}"></script>')

    response = get(
        page,
        through,
        perfkit=NONCED,
        middleware=(*PERFKIT, "django.middleware.csp.ContentSecurityPolicyMiddleware"),
        SECURE_CSP={"script-src": ["<CSP_NONCE_SENTINEL>"]},
    )
    nonce = response.content.decode().split('"')[1]
    assert response.headers[CSP] == f"script-src 'nonce-{nonce}'"
    assert response.headers["Cache-Control"] == "private"


def test_pages_that_help_to_debug_have_no_policy():
    def broken(request, book):
        raise ValueError("oops")

    client = Client(raise_request_exception=False)

    def through(url: str) -> Any:
        return client.get(url)

    assert CSP in get(broken, through).headers
    assert CSP not in get(broken, through, DEBUG=True).headers
