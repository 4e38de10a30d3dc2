"""Rows 8 to 11 of the table: whatever clients ask for, there are few series, and each request is in one of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance.client import Request
from tests.doors import Door, Page
from tests.features.metrics.table.bulk import random_methods, random_paths, send_all
from tests.features.metrics.table.frameworks import Framework
from tests.features.metrics.table.site import (
    ACTIVE,
    DURATION,
    FIRST_BYTE,
    REQUESTS,
    SENT,
    Scrape,
    Served,
    Site,
)

MANY = 10_000
MANY_OF_DJANGO = 1_000  # which takes ten times as long for each
METHODS = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split()


def series(scrape: Scrape) -> Counter[str]:
    """How many series each metric has."""
    names = (name for name, _ in scrape.all if not name.endswith(("_bucket", "_sum")))
    return Counter(names)


def assert_few_more(before: Scrape, after: Scrape, requests: int) -> None:
    """At most three more of each metric, and all of the requests in them."""
    assert all(count <= 3 for count in (series(after) - series(before)).values()), series(after)
    for name in (REQUESTS, f"{DURATION}_count"):
        assert sum(after[name].values()) == sum(before[name].values()) + requests
    assert all(value == 0 for value in after[ACTIVE].values())


@pytest.mark.usefixtures("unvalidated")
def test_08_11_ten_thousand_paths_and_methods_make_three_series(framework: Framework) -> None:
    count = MANY_OF_DJANGO if framework.django else MANY
    served = framework.serve()
    book = next(iter(framework.templates))
    served.get(book)
    before = served.scrape()
    send_all(served, (Request("GET", path) for path in random_paths(count)))
    between = served.settled()
    assert_few_more(before, between, count)
    send_all(served, (Request(method, book) for method in random_methods(count)))
    assert_few_more(between, served.settled(), count)


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("status", [200, 404])
def test_08_11_nor_do_they_where_there_are_no_routes_or_one_for_all(door: Door, status: int) -> None:
    site = Site(door, Page(status=status, body=b"hello", headers=[("Content-Type", "text/plain")]))
    site.get()
    before = site.scrape()
    pairs = zip(random_methods(500), random_paths(500), strict=True)
    send_all(site, (Request(method, path) for method, path in pairs))
    assert_few_more(before, site.settled(), 500)


def ask_for_nothing(served: Served) -> None:
    for path in ("/wp-login.php", "/.env", "/books", "/books/7/8/9", "/%ff%fe", "/a?b=c", "//", "/sub"):
        served.get(path)


def test_08_no_path_is_in_any_label(framework: Framework) -> None:
    served = framework.serve()
    ask_for_nothing(served)
    known = {"", *framework.templates.values(), framework.missing[1]}
    assert {dict(labels)["http_route"] for name, labels in served.scrape().all if name == REQUESTS} <= known


def test_09_what_is_not_found_is_counted(framework: Framework) -> None:
    served = framework.serve()
    for _ in range(3):
        assert served.get("/nothing").status == 404
    scrape = served.scrape()
    assert scrape[REQUESTS] == {("", "GET", "404", ""): 3}
    assert scrape[f"{DURATION}_count"] == {("GET", "4xx", ""): 3}
    assert scrape[f"{FIRST_BYTE}_count"] == {("GET", "4xx", ""): 3}
    assert scrape[f"{SENT}_count"] == {("GET", ""): 3}


def test_10_a_method_that_a_route_does_not_take_is_of_that_route(framework: Framework) -> None:
    served = framework.serve()
    for path in framework.templates:
        assert served.get(path, method="DELETE").status == 405
    templates = framework.templates.values() if framework.tells_405 else [""] * len(framework.templates)
    expected = Counter(("", "DELETE", "405", template) for template in templates)
    assert served.scrape()[REQUESTS] == expected


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("method", METHODS)
def test_11_methods_that_have_a_name_are_told(door: Door, method: str) -> None:
    site = Site(door)
    site.get(method=method)
    counted = site.scrape()[REQUESTS]
    assert [labels[1] for labels in counted] == [method]


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("method", ["get", "Post", "GE T", "GÉT", "PROPFIND", "_OTHER", "__overflow__", "", '"', "\\"])
def test_11_all_others_are_one(door: Door, method: str) -> None:
    site = Site(door)
    for _ in range(2):
        site.get(method=method)
    counted = site.scrape()[REQUESTS]
    if door.django:  # which writes methods in capitals, and takes none for GET
        method = method.upper() or "GET"
    assert {labels[1]: value for labels, value in counted.items()} == {method if method in METHODS else "_OTHER": 2}
