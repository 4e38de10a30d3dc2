"""Rows 24 to 26 of the table: the bytes of a response as they were really sent, and its status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance import direct_asgi, direct_wsgi
from tests.doors import Door, Page
from tests.features.metrics.table.site import (
    DURATION,
    EVENTS,
    FIRST_BYTE,
    HELLO,
    REQUESTS,
    SENT,
    TEXT,
    Served,
    Site,
    of_asgi,
    of_wsgi,
)

if TYPE_CHECKING:
    from pathlib import Path


GZIP = ("Accept-Encoding", "gzip")
PROSE = b"It is a truth universally acknowledged, that a single man in possession of a good fortune. " * 40


def bytes_sent(served: Served) -> tuple[float, float]:
    """How many bytes all bodies had, and how many bodies there were."""
    scrape = served.settled()
    return sum(scrape[f"{SENT}_sum"].values()), sum(scrape[f"{SENT}_count"].values())


# Row 24: bytes of responses, as they were sent


@pytest.mark.parametrize("chunks", [[], [b""], [b"a"], [b"a" * 5000] * 3, [b"a", b"", b"b" * 10_000]])
@pytest.mark.parametrize("kind", [TEXT, EVENTS], ids=["stream", "events"])
def test_24_streams_count_as_they_were_sent(door: Door, kind: tuple[str, str], chunks: list[bytes]) -> None:
    site = Site(door, Page(stream=lambda: iter(chunks), headers=[kind]))
    response = site.get()
    assert bytes_sent(site) == (len(response.body), 1)
    assert len(response.body) == sum(map(len, chunks))


@pytest.mark.parametrize(
    "page",
    [
        Page(body=PROSE, headers=[TEXT]),
        Page(stream=lambda: iter([PROSE, PROSE]), headers=[TEXT]),
        Page(stream=lambda: iter([PROSE, PROSE]), headers=[EVENTS]),
    ],
    ids=["whole", "stream", "events"],
)
def test_24_compressed_ones_count_as_they_were_sent(door: Door, page: Page) -> None:
    site = Site(door, page)
    response = site.get("/x", GZIP)
    assert response.header("Content-Encoding") == "gzip"
    assert 0 < len(response.body) < len(PROSE)
    assert bytes_sent(site) == (len(response.body), 1)
    scrape = site.scrape()
    before = len(PROSE) * (1 if page.body else 2)
    assert scrape["perfkit_compression_input_bytes_total"] == {("gzip",): before}
    assert scrape["perfkit_compression_output_bytes_total"] == {("gzip",): len(response.body)}


@pytest.mark.parametrize("page", [Page(status=204), Page(status=304)], ids=["204", "304"])
def test_24_what_has_no_content_has_no_bytes(door: Door, page: Page) -> None:
    site = Site(door, page)
    assert site.get().body == b""
    assert bytes_sent(site) == (0, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_24_a_304_in_place_of_a_body_has_none(door: Door, stream: bool) -> None:
    headers = [TEXT, ("ETag", '"v1"')]
    page = Page(stream=lambda: iter([PROSE] * 3), headers=headers) if stream else Page(body=PROSE, headers=headers)
    site = Site(door, page)
    assert site.get("/x", ("If-None-Match", '"v1"')).status == 304
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(status=304): 1}
    assert bytes_sent(site) == (0, 1)


@pytest.mark.parametrize("announced", [True, False], ids=["length", "no length"])
def test_24_files(door: Door, tmp_path: Path, announced: bool) -> None:
    path = tmp_path / "book.bin"
    path.write_bytes(b"x" * 54_321)
    length = [("Content-Length", "54321")] if announced else []
    site = Site(door, Page(file=path, headers=[("Content-Type", "application/octet-stream"), *length]))
    assert len(site.get().body) == 54_321
    assert bytes_sent(site) == (54_321, 1)


def test_24_nothing_is_left_of_the_request_before(door: Door) -> None:
    pages = [Page(body=b"x" * 100, headers=[TEXT]), Page(status=204), Page(stream=lambda: iter([b"y"]), headers=[TEXT])]
    turn = iter(pages * 3)
    site = Site(door, lambda _: next(turn))
    totals = []
    for _ in range(9):
        site.get()
        totals.append(bytes_sent(site)[0])
    assert totals == [100, 100, 101, 201, 201, 202, 302, 302, 303]


def test_24_requests_at_the_same_time_do_not_mix(door: Door) -> None:
    sizes = iter([9000, 20_000])

    def view(_: Any) -> Page:
        size = next(sizes)
        return Page(stream=lambda: iter([b"x" * size] * 2), headers=[TEXT])

    site = Site(door, view)
    with site.open("/x") as first:
        first.chunk()
        with site.open("/x", method="POST") as second:
            second.chunk()
            second.rest()
        first.rest()
    assert site.settled()[f"{SENT}_sum"] == {("GET", site.route): 18_000, ("POST", site.route): 40_000}


# Row 25: HEAD


@pytest.mark.parametrize(
    "page",
    [HELLO, Page(body=PROSE, headers=[TEXT]), Page(stream=lambda: iter([PROSE] * 3), headers=[TEXT])],
    ids=["small", "whole", "stream"],
)
@pytest.mark.parametrize("headers", [[], [GZIP]], ids=["plain", "gzip"])
def test_25_head_moves_no_bytes(door: Door, page: Page, headers: list[tuple[str, str]]) -> None:
    site = Site(door, page)
    site.get("/x", *headers, method="HEAD")
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label("HEAD"): 1}
    assert bytes_sent(site) == (0, 1)


# Row 26: the class of a status, or the exact one

STATUSES = [200, 201, 404, 418, 500, 503]


@pytest.mark.parametrize("status", ["class", "exact"])
def test_26_histograms_have_the_class_or_what_is_wanted(door: Door, status: str) -> None:
    turn = iter(STATUSES)
    site = Site(door, lambda _: Page(status=next(turn), body=b"hello", headers=[TEXT]), status=status)
    for _ in STATUSES:
        site.get()
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(status=code): 1 for code in STATUSES}
    exact = {("GET", str(code), site.route): 1 for code in STATUSES}
    classes = {("GET", "2xx", site.route): 2, ("GET", "4xx", site.route): 2, ("GET", "5xx", site.route): 2}
    for name in (DURATION, FIRST_BYTE):
        assert scrape[f"{name}_count"] == (exact if status == "exact" else classes)


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("line", ["OK", "2xx Fine"])
def test_26_a_status_that_is_no_number_is_never_a_200(line: str) -> None:
    served = of_wsgi(direct_wsgi.answers([b"hello"], status=line))
    direct_wsgi.call_host(served.host.app).items()  # type: ignore[attr-defined]
    assert served.settled()[REQUESTS] == {("", "GET", "500", ""): 1}


@pytest.mark.parametrize("status", [99, 600, 999])
def test_26_what_is_no_status_is_zero(status: int) -> None:
    messages = [direct_asgi.start(status=status), direct_asgi.body(b"hello")]
    served = of_asgi(direct_asgi.says(*messages))
    served.get()
    scrape = served.settled()
    assert scrape[REQUESTS] == {("", "GET", "0", ""): 1}
    assert scrape[f"{DURATION}_count"] == {("GET", "0", ""): 1}
