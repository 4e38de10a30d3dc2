"""What people look at: the HTML pages and the catalogue to download."""

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookshop.catalogue import FILENAME, catalogue_file
from bookshop.endpoints import ENDPOINTS
from perfkit.django import csp, precondition

from .models import Book
from .streaming import stream_file

NEWEST = 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    books = Book.objects.with_relations().order_by("-published", "-id")[:NEWEST]
    return render(request, "shop/home.html", {"books": books, "endpoints": ENDPOINTS})


@require_safe
def show_book(request: HttpRequest, book_id: int) -> HttpResponse:
    book = get_object_or_404(Book.objects.with_relations().prefetch_related("reviews"), pk=book_id)
    card_url = request.build_absolute_uri(reverse("card", args=[book_id]))
    return render(request, "shop/book.html", {"book": book, "card_url": card_url})


@require_safe
@csp.extend({"frame-ancestors": ["*"]})  # on a page about the book, wherever that is
def show_card(request: HttpRequest, book_id: int) -> HttpResponse:
    book = get_object_or_404(Book.objects.with_relations(), pk=book_id)
    return render(request, "shop/card.html", {"book": book})


def printed(request: HttpRequest) -> float:
    """When the catalogue was made."""
    return catalogue_file().stat().st_mtime


@require_safe
@precondition(last_modified=printed)
@stream_file
def download_catalogue(request: HttpRequest) -> HttpResponseBase:
    file = catalogue_file().open("rb")  # the response closes it
    return FileResponse(file, as_attachment=True, filename=FILENAME, content_type="text/csv; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "shop/404.html", status=404)
