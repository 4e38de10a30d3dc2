"""Reviews: the latest ones twice, with an N+1 and without, and writing a new one."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from perfkit import span

from .accounts import LoggedIn, require_json
from .books import FoundBook
from .database import Database
from .models import Author, Book, Publisher, Review, book_author
from .schemas import LatestReview, LatestReviews, NewReview, ReviewOut

LATEST = 50

router = APIRouter(prefix="/api", tags=["reviews"])


@router.get("/reviews/naive")
@span("reviews", "151 queries")
async def latest_reviews_naive(database: Database) -> LatestReviews:
    """The N+1: each of the 50 reviews asks again for its book, its publisher and its authors."""
    reviews = []
    for review in await database.scalars(_latest()):
        book = await database.get_one(Book, review.book_id)
        publisher = await database.get_one(Publisher, book.publisher_id)
        by_book = select(Author).join(book_author).where(book_author.c.book_id == book.id).order_by(Author.id)
        authors = await database.scalars(by_book)
        reviews.append(LatestReview.about(review, book, publisher, list(authors)))
    return LatestReviews(reviews=reviews)


@router.get("/reviews/eager")
@span("reviews", "2 queries")
async def latest_reviews_eager(database: Database) -> LatestReviews:
    """The mend: two queries, however many reviews there are."""
    book = joinedload(Review.book)
    query = _latest().options(book.joinedload(Book.publisher), book.options(selectinload(Book.authors)))
    reviews = [
        LatestReview.about(review, review.book, review.book.publisher, review.book.authors)
        for review in await database.scalars(query)
    ]
    return LatestReviews(reviews=reviews)


@router.post("/books/{book_id}/reviews", status_code=201, dependencies=[Depends(require_json)])
async def write_review(user: LoggedIn, book: FoundBook, new: NewReview, database: Database) -> ReviewOut:
    review = Review(
        book_id=book.id,
        rating=new.rating,
        text=new.text,
        author_name=user.username,
        posted_on=datetime.now(UTC).date(),
    )
    database.add(review)
    await database.commit()
    return ReviewOut.of(review)


def _latest() -> Select[Review]:
    return select(Review).order_by(Review.posted_on.desc(), Review.id.desc()).limit(LATEST)
