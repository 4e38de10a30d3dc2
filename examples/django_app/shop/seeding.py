"""Fills the tables on the first start. The caller holds the start-up lock."""

from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection, models, transaction

from bookshop.stock import DEMO_PASSWORD, DEMO_USERNAME, make_stock

from .models import Author, Book, Publisher, Review, Tag

BATCH = 1_000


@transaction.atomic
def seed() -> None:
    """Fill an empty database: all of it in one transaction, so that a crash leaves it empty and not half full."""
    if User.objects.exists():
        return
    stock = make_stock()
    tables: tuple[tuple[type[models.Model], list[dict[str, object]]], ...] = (
        (Publisher, stock.publishers),
        (Author, stock.authors),
        (Tag, stock.tags),
        (Book, stock.books),
        (Book.authors.through, stock.book_authors),
        (Book.tags.through, stock.book_tags),
        (Review, stock.reviews),
    )
    for model, rows in tables:
        model._default_manager.bulk_create((model(**row) for row in rows), batch_size=BATCH)
    User.objects.create_user(DEMO_USERNAME, password=DEMO_PASSWORD)
    _advance_sequences([model for model, _ in tables])


def _advance_sequences(tables: list[type[models.Model]]) -> None:
    """PostgreSQL does not count ids that were given: without this, the first new review would ask for number 1."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
