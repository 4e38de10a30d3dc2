"""What both applications serve: shown on their home pages, and what the tests hold each of them to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the list; `path` has `{id}` where a book's number goes."""

    method: str
    path: str
    summary: str

    @property
    def link(self) -> str:
        """An address that answers, for a reader to follow."""
        return self.path.replace("{id}", "1")


ENDPOINTS = (
    Endpoint("GET", "/", "this page: the newest books, as HTML"),
    Endpoint("GET", "/books/{id}", "one book, as HTML"),
    Endpoint("GET", "/books/{id}/card", "one book in a few lines, for other sites to show in a frame"),
    Endpoint("GET", "/static/bookshop.css", "the style sheet"),
    Endpoint("GET", "/api/books?limit=100&offset=0", "a large JSON list; up to 2,000 books at once"),
    Endpoint("GET", "/api/books/{id}", "one book with its reviews, as JSON"),
    Endpoint("GET", "/api/books/export.ndjson", "every book, streamed as one JSON document a line"),
    Endpoint("GET", "/api/events?count=10&interval=0.2", "sales as they happen: server-sent events"),
    Endpoint("GET", "/files/catalogue.csv", "the catalogue as a file to download"),
    Endpoint("GET", "/api/reviews/naive", "the 50 latest reviews, with an N+1"),
    Endpoint("GET", "/api/reviews/eager", "the same reviews in a few queries"),
    Endpoint("GET", "/api/reviews/{id}", "one review, with an ETag of its own"),
    Endpoint("PUT", "/api/reviews/{id}", "change a review of yours, if it is still the one you read: If-Match"),
    Endpoint("GET", "/api/slow", "one slow query"),
    Endpoint("POST", "/api/login", 'log in with {"username": "reader", "password": "reader"}'),
    Endpoint("POST", "/api/logout", "log out"),
    Endpoint("GET", "/api/me", "who is logged in"),
    Endpoint("POST", "/api/books/{id}/reviews", 'review a book, once logged in: {"rating": 5, "text": "..."}'),
    Endpoint("POST", "/csp-reports/", "where browsers tell what the policy of a page has blocked"),
)
