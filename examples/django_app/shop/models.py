"""The shop's tables."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone


class Publisher(models.Model):
    name = models.CharField(max_length=100, unique=True)
    city = models.CharField(max_length=60)
    founded = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return self.name


class Author(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=30, unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class BookQuerySet(models.QuerySet["Book"]):
    def with_relations(self) -> "BookQuerySet":
        """Books with what every view of them shows, in a fixed number of queries."""
        return self.select_related("publisher").prefetch_related("authors", "tags")


class Book(models.Model):
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="books")
    authors = models.ManyToManyField(Author, related_name="books")
    tags = models.ManyToManyField(Tag, related_name="books")
    title = models.CharField(max_length=200)
    isbn = models.CharField(max_length=13, unique=True)
    price_cents = models.PositiveIntegerField()  # whole cents: exact in every database
    published = models.DateField(db_index=True)
    description = models.TextField()

    objects = BookQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title

    @property
    def price(self) -> str:
        """The price as a customer reads it."""
        return f"€{self.price_cents / 100:.2f}"


class Review(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="reviews")
    rating = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    text = models.TextField(max_length=2_000)
    author_name = models.CharField(max_length=150)
    posted_on = models.DateField(default=timezone.localdate)
    version = models.PositiveIntegerField(default=1)  # one more with each change

    class Meta:
        ordering = ("-posted_on", "-id")
        indexes = (models.Index(fields=("posted_on", "id"), name="review_latest"),)

    def __str__(self) -> str:
        return f"{self.rating}/5 by {self.author_name}"

    @property
    def etag(self) -> str:
        """The entity tag: strong, as it has to be to protect a change."""
        return f'"v{self.version}"'

    @property
    def stars(self) -> str:
        return "★" * self.rating + "☆" * (5 - self.rating)
