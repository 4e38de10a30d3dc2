"""Reviews: the latest ones twice, with an N+1 and without; one to read or to change; and writing a new one."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Response
from sqlalchemy import Select, select, update
from sqlalchemy.orm import joinedload, selectinload

from perfkit import span
from perfkit.starlette import precondition

from .accounts import LoggedIn, require_json
from .books import FoundBook, Id
from .database import Database
from .models import Author, Book, Publisher, Review, book_author
from .schemas import LatestReview, LatestReviews, NewReview, ReviewOut

LATEST = 50

router = APIRouter(prefix="/api", tags=["reviews"])


async def find_review(database: Database, review_id: Id) -> Review:
    """The review of the path, or a 404."""
    review = await database.get(Review, review_id)
    if review is None:
        raise HTTPException(404, f"there is no review {review_id}")
    return review


FoundReview: TypeAlias = Annotated[Review, Depends(find_review)]


async def require_author(review: FoundReview, user: LoggedIn) -> Review:
    """The review of the path if the user wrote it, or a 403."""
    if review.author_name != user.username:
        raise HTTPException(403, "this review is not yours")
    return review


OwnReview: TypeAlias = Annotated[Review, Depends(require_author)]


async def review_etag(review: FoundReview) -> str:
    return review.etag


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


# Below /naive and /eager, which would otherwise be taken for numbers.
@router.get("/reviews/{review_id}")
@precondition(etag=review_etag)
async def show_review(review: FoundReview) -> ReviewOut:
    return ReviewOut.of(review)


@router.put("/reviews/{review_id}", dependencies=[Depends(require_json)])
@precondition(etag=review_etag, require=True)
async def change_review(review: OwnReview, new: NewReview, database: Database, response: Response) -> ReviewOut:
    # Between the check of If-Match and here somebody else may have saved: the database has the last word.
    unchanged = update(Review).where(Review.id == review.id, Review.version == review.version)
    changed = await database.scalar(
        unchanged.values(rating=new.rating, text=new.text, version=Review.version + 1).returning(Review)
    )
    if changed is None:
        raise HTTPException(412, "this review has just been changed: read it again")
    await database.commit()
    response.headers["ETag"] = changed.etag
    return ReviewOut.of(changed)


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
