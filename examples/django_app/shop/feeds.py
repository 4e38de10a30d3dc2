"""Responses that take their time: the event stream and the slow query."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from django import forms
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from bookshop.reports import SLOW_QUERY
from bookshop.sales import DEFAULT_COUNT, DEFAULT_INTERVAL, MAX_COUNT, MAX_INTERVAL, STREAM_HEADERS, sale_event
from perfkit import span

from .api import ApiResponse, QueryForm, refuse_form
from .streaming import is_async


class EventsForm(QueryForm):
    count = forms.IntegerField(min_value=1, max_value=MAX_COUNT, initial=DEFAULT_COUNT)
    interval = forms.FloatField(min_value=0, max_value=MAX_INTERVAL, initial=DEFAULT_INTERVAL)


@require_safe
async def stream_sales(request: HttpRequest) -> HttpResponseBase:
    form = EventsForm(request)
    if not form.is_valid():
        return refuse_form(form)
    # Under ASGI a waiting stream costs a coroutine; under WSGI it costs a thread of the server for as long as it lasts.
    events = _sales_async(**form.cleaned_data) if is_async(request) else _sales(**form.cleaned_data)
    return StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8", headers=STREAM_HEADERS)


@require_safe
@span("report", "one slow query")
def report_sales(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(SLOW_QUERY)
        sales, checksum = cursor.fetchone()
    return ApiResponse({"sales": sales, "checksum": checksum})


def _sales(count: int, interval: float) -> Iterator[str]:
    for number in range(1, count + 1):
        yield sale_event(number)
        if number < count:
            time.sleep(interval)


async def _sales_async(count: int, interval: float) -> AsyncIterator[str]:
    for number in range(1, count + 1):
        yield sale_event(number)
        if number < count:
            await asyncio.sleep(interval)
