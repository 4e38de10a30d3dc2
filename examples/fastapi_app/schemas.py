"""The JSON that goes out and comes in. The Django example serves the same shapes, byte for byte."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints

from .models import Author, Book, Publisher, Review


class BookSummary(BaseModel):
    """A book as it stands in a list."""

    id: int
    title: str
    isbn: str
    price_cents: int
    published: date
    publisher: str
    authors: list[str]
    tags: list[str]

    @classmethod
    def of(cls, book: Book) -> Self:
        return cls(**_summary(book))


class ReviewOut(BaseModel):
    """A review under its book."""

    id: int
    rating: int
    text: str
    author_name: str
    posted_on: date

    @classmethod
    def of(cls, review: Review) -> Self:
        return cls.model_validate(review, from_attributes=True)


class BookDetail(BookSummary):
    """A book with all that is known about it."""

    description: str
    reviews: list[ReviewOut]

    @classmethod
    def of(cls, book: Book) -> Self:
        reviews = [ReviewOut.of(review) for review in book.reviews]
        return cls(**_summary(book), description=book.description, reviews=reviews)


class BookList(BaseModel):
    """One page of the list of books."""

    total: int
    limit: int
    offset: int
    books: list[BookSummary]


class LatestReview(ReviewOut):
    """A review that stands alone, and so says what it is about."""

    book: str
    publisher: str
    authors: list[str]

    @classmethod
    def about(cls, review: Review, book: Book, publisher: Publisher, authors: list[Author]) -> Self:
        return cls(
            **ReviewOut.of(review).model_dump(),
            book=book.title,
            publisher=publisher.name,
            authors=[author.name for author in authors],
        )


class LatestReviews(BaseModel):
    reviews: list[LatestReview]


class SlowReport(BaseModel):
    sales: int
    checksum: int


class Credentials(BaseModel):
    username: Annotated[str, Field(max_length=150)]
    password: Annotated[str, Field(max_length=128)]


class NewReview(BaseModel):
    rating: Annotated[int, Field(ge=1, le=5)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


class Account(BaseModel):
    """Who is logged in; `null` for nobody."""

    username: str | None


def _summary(book: Book) -> dict[str, Any]:
    return {
        "id": book.id,
        "title": book.title,
        "isbn": book.isbn,
        "price_cents": book.price_cents,
        "published": book.published,
        "publisher": book.publisher.name,
        "authors": [author.name for author in book.authors],
        "tags": [tag.name for tag in book.tags],
    }
