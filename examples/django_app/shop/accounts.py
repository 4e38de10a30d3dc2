"""Logging in and out with Django's own sessions and users."""

from typing import Any

from django import forms
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from .api import ApiResponse, accept_json, refuse


class LoginForm(forms.Form):
    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=128, strip=False)


@accept_json(LoginForm)
def log_in(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    user = auth.authenticate(request, **data)
    if user is None:
        return refuse(401, "wrong username or password")
    auth.login(request, user)
    return ApiResponse({"username": user.get_username()})


@csrf_exempt  # the cookie is SameSite=Lax: another site's POST does not carry it
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return ApiResponse({"username": None})


@require_safe
async def show_me(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return ApiResponse({"username": user.get_username() or None})
