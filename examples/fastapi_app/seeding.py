"""Creates and fills the tables on the first start. The caller holds the start-up lock."""

import asyncio

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bookshop.stock import DEMO_PASSWORD, DEMO_USERNAME, make_stock

from .models import Author, Base, Book, Publisher, Review, Tag, User, book_author, book_tag
from .passwords import hash_password


async def seed(engine: AsyncEngine) -> None:
    """Fill an empty database: all of it in one transaction, so that a crash leaves it empty and not half full."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        if await connection.scalar(select(func.count()).select_from(User)):
            return
        password_hash = await asyncio.to_thread(hash_password, DEMO_PASSWORD)
        await connection.run_sync(_fill, password_hash)


def _fill(connection: Connection, password_hash: str) -> None:
    stock = make_stock()
    for table, rows in (
        (Publisher, stock.publishers),
        (Author, stock.authors),
        (Tag, stock.tags),
        (Book, stock.books),
        (book_author, stock.book_authors),
        (book_tag, stock.book_tags),
        (Review, stock.reviews),
        (User, [{"id": 1, "username": DEMO_USERNAME, "password_hash": password_hash}]),
    ):
        connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql":
        _advance_sequences(connection)


def _advance_sequences(connection: Connection) -> None:
    """PostgreSQL does not count ids that were given: without this, the first new review would ask for number 1."""
    for table in Base.metadata.sorted_tables:
        if "id" in table.columns:
            highest = select(func.max(table.c.id)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(text(f"'{table.name}'"), text("'id'"))
            connection.execute(select(func.setval(sequence, highest)))
