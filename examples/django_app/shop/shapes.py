"""The JSON that goes out. The FastAPI example serves the same shapes, byte for byte."""

from typing import Any

from .models import Book, Review


def book_summary(book: Book) -> dict[str, Any]:
    """A book as it stands in a list."""
    return {
        "id": book.id,
        "title": book.title,
        "isbn": book.isbn,
        "price_cents": book.price_cents,
        "published": book.published.isoformat(),
        "publisher": book.publisher.name,
        "authors": [author.name for author in book.authors.all()],
        "tags": [tag.name for tag in book.tags.all()],
    }


def book_detail(book: Book) -> dict[str, Any]:
    """A book with all that is known about it."""
    return {
        **book_summary(book),
        "description": book.description,
        "reviews": [review_under_book(review) for review in book.reviews.all()],
    }


def review_under_book(review: Review) -> dict[str, Any]:
    """A review under its book."""
    return {
        "id": review.id,
        "rating": review.rating,
        "text": review.text,
        "author_name": review.author_name,
        "posted_on": review.posted_on.isoformat(),
    }


def review_alone(review: Review) -> dict[str, Any]:
    """A review that stands alone, and so says what it is about."""
    book = review.book
    return {
        **review_under_book(review),
        "book": book.title,
        "publisher": book.publisher.name,
        "authors": [author.name for author in book.authors.all()],
    }
