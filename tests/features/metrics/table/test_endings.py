"""Whatever the end of a request: it is counted once, as what the client saw of it, and nothing runs any longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conformance.client import Response
from tests.doors import Door, Page, Seen, View
from tests.features.metrics.table.site import (
    ACTIVE,
    DURATION,
    EVENTS,
    FIRST_BYTE,
    HELLO,
    REQUESTS,
    SENT,
    STREAM_DURATION,
    TEXT,
    Site,
)
from tests.features.rate_limit.table.site import rule

LONG = b"x" * 9000
BINARY = ("Content-Type", "application/octet-stream")


class Ending(NamedTuple):
    """A way a request may end.

    Attributes:
        name: as in the ids of tests.
        view: what the application does.
        error_type: what is told of an error that reaches perfkit.
        headers: of the request.
        streams: whether it is an event stream.
    """

    name: str
    view: View | Page
    error_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    streams: bool = False


def answers(status: int, **given: Any) -> Page:
    return Page(**{"status": status, "body": b"hello", "headers": [TEXT], **given})


def stream(*items: bytes | Exception, kind: tuple[str, str] = TEXT) -> Page:
    def made() -> Any:
        for item in items:
            if isinstance(item, Exception):
                raise item
            yield item

    return Page(stream=made, headers=[kind])


def raises(_: Seen) -> Page:
    raise LookupError


TAG = ("ETag", '"v1"')
BROWSER = ("Accept-Encoding", "gzip")
ENDINGS = [
    Ending("200", HELLO),
    *(Ending(str(status), answers(status)) for status in (201, 301, 400, 403, 404, 405, 410, 429, 500, 503, 511)),
    Ending("204", Page(status=204)),
    Ending("304", Page(status=304)),
    Ending("empty", Page(headers=[TEXT])),
    Ending("not modified", answers(200, headers=[TEXT, TAG]), headers=(("If-None-Match", '"v1"'),)),
    Ending("precondition failed", answers(200, headers=[TEXT, TAG]), headers=(("If-Match", '"v2"'),)),
    Ending("compressed", answers(200, body=b"hello " * 900), headers=(BROWSER,)),
    Ending("stream", stream(LONG, LONG)),
    Ending("short stream", stream(b"a", b"b")),
    Ending("empty stream", stream()),
    Ending("compressed stream", stream(LONG, LONG), headers=(BROWSER,)),
    Ending(
        "stream not modified",
        Page(stream=lambda: iter([LONG]), headers=[TEXT, TAG]),
        headers=(("If-None-Match", '"v1"'),),
    ),
    Ending("file", Page(file=Path(__file__), headers=[BINARY])),
    Ending("events", stream(b"data: 1\n\n", b"data: 2\n\n", kind=EVENTS), streams=True),
    Ending("no events", stream(kind=EVENTS), streams=True),
    Ending("event in one", Page(body=b"data: 1\n\n", headers=[EVENTS]), streams=True),  # or not, where it is known
    Ending("raises", raises, "LookupError"),
    Ending("stream raises at once", stream(LookupError()), "LookupError"),
    Ending("stream raises", stream(LONG, LookupError()), "LookupError"),
    Ending("compressed stream raises", stream(LONG, LookupError()), "LookupError", headers=(BROWSER,)),
    Ending("events raise at once", stream(LookupError(), kind=EVENTS), "LookupError", streams=True),
    Ending("events raise", stream(b"data: 1\n\n", LookupError(), kind=EVENTS), "LookupError", streams=True),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_each_ending_counts_once_as_what_the_client_saw(door: Door, ending: Ending, method: str) -> None:
    site = Site(door, ending.view)
    response = site.get("/x", *ending.headers, method=method)
    scrape = site.settled()
    ((labels, count),) = scrape[REQUESTS].items()
    assert (labels[1:], count) == ((method, str(response.status), site.route), 1)
    assert labels[0] == (ending.error_type if reaches_us(door, ending, method) else "")
    assert scrape[ACTIVE] == {(method,): 0}
    band = f"{response.status // 100}xx"
    durations, streams = scrape[f"{DURATION}_count"], scrape[f"{STREAM_DURATION}_count"]
    if durations:
        assert (durations, streams) == ({(method, band, site.route): 1}, {})
    else:
        assert ending.streams
        assert streams == {(site.route, "error" if labels[0] else "complete"): 1}
    check_bytes(scrape, response, method, site.route)


def reaches_us(door: Door, ending: Ending, method: str) -> bool:
    """Whether the framework lets an error out, or makes one where nothing is to be sent."""
    if door.name == "flask":  # which answers by itself, and never makes the stream of a HEAD
        return ending.view is not raises and method != "HEAD"
    return True


def check_bytes(scrape: Any, response: Response, method: str, route: str) -> None:
    """All that the client got is counted; of a HEAD, and of what the server answered in our place, nothing is."""
    counted = scrape[f"{SENT}_sum"].get((method, route))
    if method == "HEAD":
        assert counted in (0, None)
    else:
        assert counted == len(response.body) or (response.status == 500 and counted is None)
    assert sum(scrape[f"{FIRST_BYTE}_count"].values()) in ((1,) if counted is not None else (0, 1))


def test_event_streams_are_never_among_the_durations_of_requests(door: Door) -> None:
    site = Site(door, stream(b"data: 1\n\n", b"data: 2\n\n", kind=("Content-Type", "Text/Event-Stream; charset=utf-8")))
    site.get()
    site.open("/x").leave()
    scrape = site.settled()
    assert scrape[f"{DURATION}_count"] == {}
    assert sum(scrape[f"{STREAM_DURATION}_count"].values()) == 2


def test_an_event_stream_that_is_whole_is_a_request_like_others(door: Door) -> None:
    headers = [EVENTS, ("Content-Length", "9")]
    site = Site(door, Page(body=b"data: 1\n\n", headers=headers))
    site.get()
    scrape = site.settled()
    assert scrape[f"{DURATION}_count"] == {("GET", "2xx", site.route): 1}
    assert scrape[f"{STREAM_DURATION}_count"] == {}


def test_streams_of_other_types_can_be_told_apart_too(door: Door) -> None:
    lines = stream(b"{}\n", b"{}\n", kind=("Content-Type", "application/x-ndjson"))
    site = Site(door, lines, streams=["application/x-ndjson"])
    site.get()
    scrape = site.settled()
    assert scrape[f"{STREAM_DURATION}_count"] == {(site.route, "complete"): 1}


def test_an_answer_of_a_feature_counts_with_the_application_unasked(door: Door) -> None:
    site = Site(door, sections={"rate_limit": {"rules": [rule("1/hour")]}})
    statuses = [site.get().status for _ in range(3)]
    assert statuses == [200, 429, 429]
    scrape = site.settled()
    # Nobody has looked for a route.
    assert scrape[REQUESTS] == {site.label(): 1, ("", "GET", "429", ""): 2}
    assert scrape["perfkit_rate_limit_decisions_total"] == {("allowed", "rule"): 1, ("refused", "rule"): 2}
