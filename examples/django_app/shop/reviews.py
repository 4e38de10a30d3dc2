"""Reviews: the latest ones twice, with an N+1 and without; one to read or to change; and writing a new one."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from perfkit import span
from perfkit.django import precondition

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


def review_etag(request: HttpRequest, review: Review) -> str:
    return review.etag


@csrf_exempt  # a PUT is checked as all JSON here is; see accept_json
@require_http_methods(["GET", "HEAD", "PUT"])
def one_review(request: HttpRequest, review_id: int) -> HttpResponse:
    review = Review.objects.filter(pk=review_id).first()
    if review is None:
        return refuse(404, f"there is no review {review_id}")
    return change_review(request, review) if request.method == "PUT" else show_review(request, review)


@precondition(etag=review_etag)
def show_review(request: HttpRequest, review: Review) -> HttpResponse:
    return ApiResponse(review_under_book(review))


@accept_json(ReviewForm, login=True, method="PUT")
def change_review(request: HttpRequest, data: dict[str, Any], review: Review) -> HttpResponse:
    if review.author_name != request.user.get_username():
        return refuse(403, "this review is not yours")
    return save_review(request, review, data=data)


# Inside of all that can be refused, as conditions count for nothing there (RFC 9110 section 13.2.1).
@precondition(etag=review_etag, require=True)
def save_review(request: HttpRequest, review: Review, *, data: dict[str, Any]) -> HttpResponse:
    # Between the check of If-Match and here somebody else may have saved: the database has the last word.
    unchanged = Review.objects.filter(pk=review.pk, version=review.version)
    if not unchanged.update(**data, version=review.version + 1):
        return refuse(412, "this review has just been changed: read it again")
    review.refresh_from_db()
    response = ApiResponse(review_under_book(review))
    response["ETag"] = review.etag
    return response


@accept_json(ReviewForm, login=True)
def write_review(request: HttpRequest, data: dict[str, Any], book_id: int) -> HttpResponse:
    if not Book.objects.filter(pk=book_id).exists():
        return refuse(404, f"there is no book {book_id}")
    review = Review.objects.create(book_id=book_id, author_name=request.user.get_username(), **data)
    return ApiResponse(review_under_book(review), status=201)
