"""The addresses, the same as in the FastAPI example."""

from django.conf import settings
from django.urls import URLPattern, path
from django.views.static import serve

from perfkit.django import reports_view

from .shop import accounts, books, feeds, pages, reviews
from .shop.streaming import stream_file

reports = reports_view()

urlpatterns: list[URLPattern] = [
    path("", pages.home, name="home"),
    path("books/<int:book_id>", pages.show_book, name="book"),
    path("books/<int:book_id>/card", pages.show_card, name="card"),
    path("files/catalogue.csv", pages.download_catalogue, name="catalogue"),
    path("api/books", books.list_books),
    path("api/books/<int:book_id>", books.show_book),
    path("api/books/export.ndjson", books.export_books),
    path("api/books/<int:book_id>/reviews", reviews.write_review),
    path("api/reviews/naive", reviews.latest_reviews_naive),
    path("api/reviews/eager", reviews.latest_reviews_eager),
    path("api/reviews/<int:review_id>", reviews.one_review),
    path("api/events", feeds.stream_sales),
    path("api/slow", feeds.report_sales),
    path("api/login", accounts.log_in),
    path("api/logout", accounts.log_out),
    path("api/me", accounts.show_me),
    path("csp-reports/", reports),
    # One style sheet needs no collectstatic; a real shop would leave its static files to WhiteNoise or to nginx.
    path("static/<path:path>", stream_file(serve), {"document_root": settings.STATIC_FOLDER}),
]

handler404 = "django_app.shop.pages.not_found"
