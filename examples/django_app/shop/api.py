"""How this API takes input and answers: forms check the one, `ApiResponse` writes the other."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

Parameters = ParamSpec("Parameters")
View = Callable[Concatenate[HttpRequest, Parameters], HttpResponse]
JsonView = Callable[Concatenate[HttpRequest, dict[str, Any], Parameters], HttpResponse]

# JSON as the FastAPI example writes it: no padding, and letters beyond ASCII as themselves.
COMPACT: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}


class ApiResponse(JsonResponse):
    """Compact JSON."""

    def __init__(self, data: dict[str, Any], status: int = 200) -> None:
        super().__init__(data, status=status, json_dumps_params=COMPACT)


class QueryForm(forms.Form):
    """A form over the query string, where a field that is missing takes its `initial` value."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__({name: request.GET.get(name, field.initial) for name, field in self.base_fields.items()})


def refuse(status: int, detail: str) -> ApiResponse:
    """An error, in the one shape that all errors have here."""
    return ApiResponse({"detail": detail}, status=status)


def refuse_form(form: forms.BaseForm) -> ApiResponse:
    """Say in one sentence what is wrong with the input."""
    return refuse(422, "; ".join(f"{field}: {' '.join(map(str, errors))}" for field, errors in form.errors.items()))


def accept_json(
    form_class: type[forms.BaseForm], *, login: bool = False, method: str = "POST"
) -> Callable[[JsonView[Parameters]], View[Parameters]]:
    """Hand the view the checked body of a request; all else is refused, and with `login` strangers are too.

    Exempt from Django's CSRF token, which an API client does not have. What protects instead: the session cookie is
    SameSite=Lax, and a form on another site cannot send JSON.
    """

    def decorate(view: JsonView[Parameters]) -> View[Parameters]:
        @csrf_exempt
        @require_http_methods([method])
        @wraps(view)
        def wrapper(request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> HttpResponse:
            if request.content_type != "application/json":
                return refuse(415, "the content type must be application/json")
            if login and not request.user.is_authenticated:
                return refuse(401, "log in first")
            data = _json_object(request.body)
            if data is None:
                return refuse(422, "body: not a JSON object")
            form = form_class(data)
            return view(request, form.cleaned_data, *args, **kwargs) if form.is_valid() else refuse_form(form)

        return wrapper

    return decorate


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
