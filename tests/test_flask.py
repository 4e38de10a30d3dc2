"""`perfkit.flask`: the decorators of views, and the nonce in templates."""

import inspect
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask, abort, render_template_string, stream_template_string
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from perfkit import ConfigurationError, Timing
from perfkit.csp import extend
from perfkit.flask import csp, csp_nonce
from perfkit.wsgi import PerfkitMiddleware

CSP = "Content-Security-Policy"
MINE = {"default-src": ["'self'"], "img-src": ["'self'"]}
BASE = "default-src 'self'; img-src 'self'; frame-ancestors 'none'"
WITH_A = "default-src 'self'; img-src 'self' https://a.example; frame-ancestors 'none'"
A = csp.extend({"img-src": ["https://a.example"]})
SETTINGS = {"security_headers": {"csp": {"html": MINE}}}
NONCED = {"security_headers": {"csp": {"html": "nonce"}}}


def get(app: Flask, path: str = "/", settings: Any = SETTINGS, **options: Any) -> Any:
    wsgi_app = app.wsgi_app
    app.wsgi_app = PerfkitMiddleware(wsgi_app, settings, **options)  # type: ignore[method-assign]
    try:
        return app.test_client().get(path)
    finally:
        app.wsgi_app = wsgi_app  # type: ignore[method-assign]


def flask(view: Any, rule: str = "/") -> Flask:
    app = Flask(__name__)
    app.add_url_rule(rule, view_func=view)
    app.context_processor(csp_nonce)
    return app


def plain():
    return "page"


async def asynchronous():
    return "page"


def template(source: str) -> Any:
    return lambda: render_template_string(source)


# What a decorator does


@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_view_sends_what_its_decorator_says(view):
    assert get(flask(view)).headers[CSP] == BASE
    assert get(flask(A(view))).headers[CSP] == WITH_A


def test_there_is_one_for_each_function_of_perfkit_csp():
    assert CSP not in get(flask(csp.off()(plain))).headers
    replaced = get(flask(csp.replace({"default-src": ["'none'"]}, report_only=MINE)(plain)))
    assert replaced.headers[CSP] == "default-src 'none'; frame-ancestors 'none'"
    assert replaced.headers[f"{CSP}-Report-Only"] == "default-src 'self'; img-src 'self'"
    assert get(flask(csp.override(frame="sameorigin")(plain))).headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mistake_is_named_when_the_view_is_decorated():
    with pytest.raises(ConfigurationError, match=r"img-src\[0\]"):
        csp.extend({"img-src": ["self"]})


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="Page is a class: decorate its methods"):

        @csp.off()
        class Page(MethodView):
            pass


def test_the_decorator_nearest_to_the_view_counts_last():
    @csp.replace(MINE)
    @A
    def view():
        return "page"

    assert get(flask(view), settings=None).headers[CSP] == WITH_A
    assert CSP not in get(flask(A(csp.off()(plain)))).headers


def test_other_views_of_a_blueprint_are_left_alone():
    shop = Blueprint("shop", __name__, url_prefix="/shop")

    @shop.get("/<int:book>")
    @A
    def page(book: int) -> ResponseReturnValue:
        return str(book)

    @shop.get("/")
    def other() -> ResponseReturnValue:
        return "shop"

    app = Flask(__name__)
    app.register_blueprint(shop)
    assert get(app, "/shop/3").headers[CSP] == WITH_A
    assert get(app, "/shop/").headers[CSP] == BASE


def test_the_methods_of_a_view():
    class Page(MethodView):
        @A
        def get(self) -> ResponseReturnValue:
            return "page"

    class AsyncPage(MethodView):
        @A
        async def get(self) -> ResponseReturnValue:
            return "page"

    assert get(flask(Page.as_view("page"))).headers[CSP] == WITH_A
    assert get(flask(AsyncPage.as_view("page"))).headers[CSP] == WITH_A


def test_all_methods_of_a_view_by_its_decorators():
    class Page(MethodView):
        decorators: ClassVar = [csp.replace(MINE)]

        @A
        def get(self) -> ResponseReturnValue:
            return "page"

    view: Any = Page.as_view("page")
    assert get(flask(view), settings=None).headers[CSP] == WITH_A
    assert view.methods == {"GET"}


def test_a_view_that_yields_its_response():
    @A
    def view():
        yield "one "
        yield "two"

    response = get(flask(view))
    assert (response.text, response.headers[CSP]) == ("one two", WITH_A)


def test_the_answer_of_an_error_handler_has_it_too():
    @A
    def view() -> ResponseReturnValue:
        abort(404)

    app = flask(view)
    app.register_error_handler(404, lambda error: ("gone", 404))
    response = get(app)
    assert (response.status_code, response.headers[CSP]) == (404, WITH_A)


def test_what_the_view_applies_counts_after_its_decorators():
    @csp.replace({"img-src": ["'none'"]})
    def view():
        from flask import request

        extend({"img-src": ["https://b.example"]}).apply(request.environ["perfkit"])
        return "page"

    assert get(flask(view)).headers[CSP] == "img-src https://b.example; frame-ancestors 'none'"


# What it leaves alone


@pytest.mark.parametrize("view", [plain, asynchronous])
def test_a_decorated_view_is_of_the_same_kind(view):
    decorated = A(view)
    assert decorated.__name__ == view.__name__
    assert inspect.iscoroutinefunction(decorated) == inspect.iscoroutinefunction(view)


def test_nothing_happens_where_there_are_no_security_headers():
    app = flask(A(plain))
    assert CSP not in app.test_client().get("/").headers
    assert get(app, settings=None, features=[Timing()]).text == "page"


def test_a_view_is_called_in_a_unit_test_as_without_a_decorator():
    assert A(plain)() == "page"
    with Flask(__name__).test_request_context("/"):
        assert A(plain)() == "page"


# The nonce


def test_a_template_prints_the_nonce_of_its_policy():
    response = get(flask(template("{% if csp_nonce %}{{ csp_nonce }} {{ csp_nonce }}{% endif %}")), settings=NONCED)
    first, second = response.text.split()
    assert first == second
    assert len(first) == 32
    assert f"script-src 'nonce-{first}'" in response.headers[CSP]


def test_a_template_that_does_not_print_it_makes_none():
    response = get(flask(template("{% if csp_nonce %}page{% endif %}")), settings=NONCED)
    assert response.text == "page"
    assert "nonce" not in response.headers[CSP]
    assert "Cache-Control" not in response.headers


def test_a_streamed_template_prints_the_nonce_that_was_read_before():
    def view():
        return stream_template_string("{{ csp_nonce }}", was_read=str(csp_nonce()["csp_nonce"]))

    response = get(flask(view), settings=NONCED)
    assert f"script-src 'nonce-{response.text}'" in response.headers[CSP]


class Sharing(Timing):
    shares = True


def test_it_is_empty_where_there_are_no_security_headers():
    app = flask(template("[{{ csp_nonce }}]"))
    assert get(app, settings=None, features=[Timing()]).text == "[]"
    assert get(app, settings=None, features=[Sharing()]).text == "[]"
    assert app.test_client().get("/").text == "[]"


def test_it_is_empty_outside_of_a_request():
    app = flask(plain)
    with app.app_context():
        assert render_template_string("[{{ csp_nonce }}]") == "[]"
