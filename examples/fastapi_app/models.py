"""The shop's tables."""

from datetime import date

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The declarative base."""


book_author = Table(
    "book_author",
    Base.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("author_id", ForeignKey("author.id"), primary_key=True),
)

book_tag = Table(
    "book_tag",
    Base.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Publisher(Base):
    __tablename__ = "publisher"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    city: Mapped[str] = mapped_column(String(60))
    founded: Mapped[int]


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)


# lazy="raise" throughout: a relation that a query forgot to load is an error with a name, and not a query in secret,
# which an async session could not run anyway.
class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    publisher_id: Mapped[int] = mapped_column(ForeignKey("publisher.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str] = mapped_column(String(13), unique=True)
    price_cents: Mapped[int]  # whole cents: exact in every database
    published: Mapped[date] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(Text)

    publisher: Mapped[Publisher] = relationship(lazy="raise")
    authors: Mapped[list[Author]] = relationship(secondary=book_author, order_by=Author.id, lazy="raise")
    tags: Mapped[list[Tag]] = relationship(secondary=book_tag, order_by=Tag.id, lazy="raise")
    reviews: Mapped[list["Review"]] = relationship(
        back_populates="book", order_by="(Review.posted_on.desc(), Review.id.desc())", lazy="raise"
    )

    @property
    def price(self) -> str:
        """The price as a customer reads it."""
        return f"€{self.price_cents / 100:.2f}"


class Review(Base):
    __tablename__ = "review"
    __table_args__ = (Index("ix_review_latest", "posted_on", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), index=True)
    rating: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(String(100))
    posted_on: Mapped[date]
    version: Mapped[int] = mapped_column(default=1)  # one more with each change

    book: Mapped[Book] = relationship(back_populates="reviews", lazy="raise")

    @property
    def etag(self) -> str:
        """The entity tag: strong, as it has to be to protect a change."""
        return f'"v{self.version}"'


class User(Base):
    __tablename__ = "reader"  # "user" is a reserved word in PostgreSQL

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
