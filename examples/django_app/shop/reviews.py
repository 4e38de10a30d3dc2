"""Reviews: the latest ones twice, with an N+1 and without, and writing a new one."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from perfkit import span

from .api import ApiResponse, accept_json, refuse
from .models import Book, Review
from .shapes import review_alone, review_under_book

LATEST = 50


class ReviewForm(forms.ModelForm):
    class Meta:
        model = Review
        fields = ("rating", "text")


@require_safe
@span("reviews", "151 queries")
def latest_reviews_naive(request: HttpRequest) -> HttpResponse:
    """The N+1: each of the 50 reviews asks again for its book, its publisher and its authors."""
    reviews = Review.objects.all()[:LATEST]
    return ApiResponse({"reviews": [review_alone(review) for review in reviews]})


@require_safe
@span("reviews", "2 queries")
async def latest_reviews_eager(request: HttpRequest) -> HttpResponse:
    """The mend: two queries, however many reviews there are."""
    reviews = Review.objects.select_related("book__publisher").prefetch_related("book__authors")[:LATEST]
    return ApiResponse({"reviews": [review_alone(review) async for review in reviews]})


@accept_json(ReviewForm, login=True)
def write_review(request: HttpRequest, data: dict[str, Any], book_id: int) -> HttpResponse:
    if not Book.objects.filter(pk=book_id).exists():
        return refuse(404, f"there is no book {book_id}")
    review = Review.objects.create(book_id=book_id, author_name=request.user.get_username(), **data)
    return ApiResponse(review_under_book(review), status=201)
