"""What the demo asks the two servers, and what it notes of their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import httpx

ROUNDS = 3
# What Chrome and Firefox send. Bytes are counted as they come over the wire. What is read of them comes in gzip, which
# events do for every browser and the rest when asked to: no decoder of brotli or zstd is needed.
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
EVENTS = "/api/events?count=10&interval=0.05"
REVIEW = "/api/reviews/1"
CHANGE = {"rating": 4, "text": "The map is right after all. (Changed by perfkit demo.)"}
CREDENTIALS = {"username": "reader", "password": "reader"}
# More than anybody may send.
GUESSES = 20


class Request(NamedTuple):
    """A request of the comparison."""

    path: str
    what: str


REQUESTS = (
    Request("/", "an HTML page with a nonce"),
    Request("/books/1", "an HTML page"),
    Request("/static/bookshop.css", "a style sheet"),
    Request("/api/books?limit=100", "a JSON list"),
    Request("/api/books/1", "a JSON document"),
    Request(REVIEW, "a review, versioned"),
    Request("/api/books/export.ndjson", "a streamed export"),
    Request("/api/reviews/naive", "a list with an N+1"),
    Request("/api/slow", "a slow query"),
    Request("/nowhere", "no such page"),
)


class Answer(NamedTuple):
    """What a client sees of one response."""

    url: str
    status: int
    milliseconds: float
    size: int
    headers: httpx.Headers


class Guess(NamedTuple):
    """What becomes of one wrong password; `retry_after` is in seconds, 0 where nothing is refused."""

    status: int
    rate_limit: str
    retry_after: int


class Watched(NamedTuple):
    """What a client sees of an event stream; `moments` has when each event could be read, in milliseconds."""

    size: int
    coding: str
    moments: list[float]

    @property
    def arrivals(self) -> int:
        """How often something came; events that came together count once."""
        return len(set(self.moments))


class Change(NamedTuple):
    """A request for one version of a resource, and its answer."""

    method: str
    if_match: str
    status: int
    etag: str


def ask_both(client: httpx.Client, path: str, plain: str, fast: str) -> tuple[Answer, Answer]:
    """The quickest of a few answers of each, asked by turns, so that what else the machine does counts little."""
    rounds = [(ask(client, plain + path), ask(client, fast + path)) for _ in range(ROUNDS)]
    plain_answers, fast_answers = zip(*rounds, strict=True)
    return min(plain_answers, key=quickness), min(fast_answers, key=quickness)


def ask_again(client: httpx.Client, answer: Answer) -> Answer | None:
    """The quickest of a few answers to a client that has this one; None where there is nothing to ask with."""
    etag = answer.headers.get("etag")
    if etag is None:
        return None
    return min((ask(client, answer.url, {"If-None-Match": etag}) for _ in range(ROUNDS)), key=quickness)


def quickness(answer: Answer) -> float:
    """How long the answer took."""
    return answer.milliseconds


def ask(client: httpx.Client, url: str, headers: dict[str, str] | None = None) -> Answer:
    """One real request, timed up to its last byte."""
    started = time.perf_counter()
    with client.stream("GET", url, headers=headers) as response:
        size = sum(len(chunk) for chunk in response.iter_raw())
    return Answer(url, response.status_code, (time.perf_counter() - started) * 1e3, size, response.headers)


def watch(client: httpx.Client, base: str) -> Watched:
    """A live event stream, and when its events could be read."""
    started = time.perf_counter()
    read, moments = b"", list[float]()
    with client.stream("GET", base + EVENTS) as response:
        for chunk in response.iter_bytes():
            read += chunk
            arrived = read.count(b"\n\n") - len(moments)
            moments += [(time.perf_counter() - started) * 1e3] * arrived
    return Watched(response.num_bytes_downloaded, response.headers.get("content-encoding", ""), moments)


def change_twice(client: httpx.Client, base: str) -> list[Change]:
    """Read a review, change it, and change it once more for the version that was read, then for none."""
    client.post(f"{base}/api/login", json=CREDENTIALS).raise_for_status()
    read = _change(client, base, "GET", "")
    return [read, *(_change(client, base, "PUT", if_match) for if_match in (read.etag, read.etag, ""))]


def guess_passwords(client: httpx.Client, base: str) -> list[Guess]:
    """Guess a password until that is refused, and once more after the time that the answer names."""
    guesses = [_guess(client, base)]
    while not guesses[-1].retry_after and len(guesses) < GUESSES:
        guesses.append(_guess(client, base))
    time.sleep(guesses[-1].retry_after)
    return [*guesses, _guess(client, base)]


def _guess(client: httpx.Client, base: str) -> Guess:
    response = client.post(f"{base}/api/login", json={**CREDENTIALS, "password": "guess"})
    return Guess(
        response.status_code, response.headers.get("ratelimit", ""), int(response.headers.get("retry-after", 0))
    )


def _change(client: httpx.Client, base: str, method: str, if_match: str) -> Change:
    headers = {"If-Match": if_match} if if_match else {}
    json = CHANGE if method == "PUT" else None
    response = client.request(method, base + REVIEW, headers=headers, json=json)
    return Change(method, if_match, response.status_code, response.headers.get("etag", ""))
