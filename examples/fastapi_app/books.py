"""Books as JSON: the list, one book, and the streamed export."""

from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload

from perfkit import span

from .database import Database, Sessions, get_sessions
from .models import Book
from .schemas import BookDetail, BookList, BookSummary

EXPORT_BATCH = 100  # books, some 22 KB: enough for one good network write, little to hold in memory

router = APIRouter(prefix="/api/books", tags=["books"])

# The bound is that of the column; a larger number would be an error in the database and not an unknown book.
Id: TypeAlias = Annotated[int, Path(ge=1, le=2**31 - 1)]


def books_with_relations() -> Select[Book]:
    """Books with what every view of them shows, in a fixed number of queries."""
    return select(Book).options(joinedload(Book.publisher), selectinload(Book.authors), selectinload(Book.tags))


async def find_book(database: Database, book_id: Id) -> Book | None:
    """The book of the path with its reviews, if there is one."""
    query = books_with_relations().options(selectinload(Book.reviews)).where(Book.id == book_id)
    book: Book | None = await database.scalar(query)
    return book


MaybeBook: TypeAlias = Annotated[Book | None, Depends(find_book)]


async def require_book(book: MaybeBook, book_id: Id) -> Book:
    """The book of the path, or a 404."""
    if book is None:
        raise HTTPException(404, f"there is no book {book_id}")
    return book


FoundBook: TypeAlias = Annotated[Book, Depends(require_book)]


@router.get("")
async def list_books(
    database: Database,
    limit: Annotated[int, Query(ge=1, le=2_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> BookList:
    with span("database"):
        total = await database.scalar(select(func.count()).select_from(Book))
        books = await database.scalars(books_with_relations().order_by(Book.id).limit(limit).offset(offset))
    with span("shape"):
        summaries = [BookSummary.of(book) for book in books]
    return BookList(total=total or 0, limit=limit, offset=offset, books=summaries)


# Above /{book_id}, which would otherwise take "export.ndjson" for a number.
@router.get("/export.ndjson", response_class=StreamingResponse)
async def export_books(sessions: Annotated[Sessions, Depends(get_sessions)]) -> StreamingResponse:
    return StreamingResponse(_book_lines(sessions), media_type="application/x-ndjson")


@router.get("/{book_id}")
async def show_book(book: FoundBook) -> BookDetail:
    return BookDetail.of(book)


async def _book_lines(sessions: Sessions) -> AsyncIterator[str]:
    async with sessions() as session:
        query = books_with_relations().order_by(Book.id).execution_options(yield_per=EXPORT_BATCH)
        books = await session.stream_scalars(query)
        async for batch in books.partitions():
            yield "".join(f"{BookSummary.of(book).model_dump_json()}\n" for book in batch)
