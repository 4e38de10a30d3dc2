"""Books as JSON: the list, one book, and the streamed export."""

import json
from collections.abc import Generator
from itertools import islice

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from perfkit import span

from .api import COMPACT, ApiResponse, QueryForm, refuse, refuse_form
from .models import Book
from .shapes import book_detail, book_summary
from .streaming import streamed

EXPORT_BATCH = 100  # books, some 22 KB: enough for one good network write, little to hold in memory


class PageForm(QueryForm):
    limit = forms.IntegerField(min_value=1, max_value=2_000, initial=100)
    offset = forms.IntegerField(min_value=0, max_value=1_000_000, initial=0)


@require_safe
def list_books(request: HttpRequest) -> HttpResponse:
    form = PageForm(request)
    if not form.is_valid():
        return refuse_form(form)
    limit, offset = form.cleaned_data["limit"], form.cleaned_data["offset"]
    with span("database"):
        total = Book.objects.count()
        books = list(Book.objects.with_relations().order_by("id")[offset : offset + limit])
    with span("shape"):
        summaries = [book_summary(book) for book in books]
    return ApiResponse({"total": total, "limit": limit, "offset": offset, "books": summaries})


@require_safe
async def show_book(request: HttpRequest, book_id: int) -> HttpResponse:
    book = await Book.objects.with_relations().prefetch_related("reviews").filter(pk=book_id).afirst()
    return ApiResponse(book_detail(book)) if book else refuse(404, f"there is no book {book_id}")


@require_safe
def export_books(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(streamed(request, _lines()), content_type="application/x-ndjson")


def _lines() -> Generator[str, None, None]:
    books = Book.objects.with_relations().order_by("id").iterator(chunk_size=EXPORT_BATCH)
    while batch := list(islice(books, EXPORT_BATCH)):
        yield "".join(f"{json.dumps(book_summary(book), **COMPACT)}\n" for book in batch)
