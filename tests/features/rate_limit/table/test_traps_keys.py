"""What a client can send in place of a key: nothing it writes is an error, or gives it a second budget."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doors import Door
from tests.features.rate_limit.table.site import LINE_DOORS, Site, name_of, rule

Lines = Sequence[tuple[str, str]]

HOSTILE = [
    "a\r\nX-Injected: yes",
    "\x00",
    "\xff\xfe\xe4",
    "../../etc/passwd",
    "a/b",
    "a:b",
    "*",
    "{}",
    "%s%n",
    "x" * 1_000_000,
    "\t",
    "EVAL 'x'",
]


def test_a_header_may_hold_anything(door: Door) -> None:
    site = Site(door, rule("1/hour", key="header:X-Api-Key"))
    for value in HOSTILE:
        assert site.statuses(2, "/", ("X-Api-Key", value)) == [200, 429]


def test_and_so_may_a_cookie(door: Door) -> None:
    site = Site(door, rule("1/hour", key="cookie:session"))
    for value in HOSTILE:
        assert site.statuses(2, "/", ("Cookie", f"session={value}")) == [200, 429]


def test_whoever_sends_no_cookie_counts_by_address(door: Door) -> None:
    site = Site(door, rule("1/hour", key="cookie:session"))
    assert site.get().status == 200
    for line in ("", "=", ";;;", "session", "session=", "session=;", "a=b", "=session", "x" * 10**6, ";" * 10**5):
        assert site.get("/", ("Cookie", line)).status == 429


# One value, as frameworks read them: each spelling, and each line beside it, would be a budget of its own.


@pytest.mark.parametrize(
    "line",
    [
        'session="real"',
        'session="\\162eal"',
        'session="r\\eal"',
        "theme=dark; session=real",
        " session = real ;",
        "session=real; Session=other",
    ],
)
def test_a_cookie_is_what_frameworks_read(door: Door, line: str) -> None:
    """They take the quotes and escapes away (Python's http.cookies, Werkzeug)."""
    site = Site(door, rule("1/hour", key="cookie:session"))
    assert [site.get("/", ("Cookie", each)).status for each in ("session=real", line)] == [200, 429]


@pytest.mark.parametrize("order", ["session={0}; session={1}", "session={1}; session={0}"])
def test_a_cookie_that_comes_twice_gives_no_second_budget(door: Door, order: str) -> None:
    """Django and Starlette read the last, Flask the first; so one of them would be served with a key made up."""
    site = Site(door, rule("2/hour", key="cookie:session"))
    lines = [order.format("real", f"fake{number}") for number in range(4)]
    assert [site.get("/", ("Cookie", line)).status for line in lines] == [200, 200, 429, 429]


def test_a_cookie_that_comes_twice_alike_is_one(door: Door) -> None:
    site = Site(door, rule("1/hour", key="cookie:session"))
    assert [site.get("/", ("Cookie", line)).status for line in ("session=a; session=a", "session=a")] == [200, 429]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("door", LINE_DOORS, ids=name_of)
def test_a_header_that_comes_twice_gives_no_second_budget(door: Door, first: bool) -> None:
    site = Site(door, rule("2/hour", key="header:X-Api-Key"))
    lines = [[("X-Api-Key", "real"), ("X-Api-Key", f"fake{number}")] for number in range(4)]
    assert [site.get("/", *(pair if first else pair[::-1])).status for pair in lines] == [200, 200, 429, 429]


# Parts that run into each other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "bc"), ("ab", "c")),
        (("", "a"), ("a", "")),
        (("a", "b/c"), ("a/b", "c")),
        (("a", "b:c"), ("a:b", "c")),
        (("a", "bsc"), ("asb", "c")),
        (("a", "s1:b"), ("as1:", "b")),
        (("a", "b\x00c"), ("a\x00b", "c")),
    ],
)
def test_parts_of_a_key_do_not_run_into_each_other(door: Door, one: tuple[str, str], other: tuple[str, str]) -> None:
    site = Site(door, rule("1/hour", key=["header:A", "header:B"]))
    assert [site.get("/", ("A", a), ("B", b)).status for a, b in (one, other, one)] == [200, 200, 429]


@pytest.mark.parametrize("value", ["192.0.2.1", "@\xc0\x00\x02\x01", "b5:@\xc0\x00\x02\x01", "-", "None"])
def test_no_value_is_taken_for_an_address(door: Door, value: str) -> None:
    site = Site(door, rule("1/hour", key="header:X-Api-Key"))
    assert [site.get().status, site.get("/", ("X-Api-Key", value)).status] == [200, 200]


def test_rules_with_one_key_count_apart(door: Door) -> None:
    site = Site(door, rule("1/hour", "a", match={"path": "/a"}), rule("1/hour", "b", match={"path": "/b"}))
    assert [site.get(target).status for target in ("/a", "/b", "/a", "/b")] == [200, 200, 429, 429]


# No address at all


def test_clients_on_a_unix_socket_are_one(door: Door) -> None:
    site = Site(door, rule("1/hour"))
    assert site.statuses(2, peer=None) == [200, 429]
    assert site.get(peer="127.0.0.1").status == 200


def test_a_proxy_on_a_unix_socket_says_who_they_are(door: Door) -> None:
    site = Site(door, rule("1/hour"), sections={"client": {"trusted_proxies": ["unix"]}})
    told = [("X-Forwarded-For", f"203.0.113.{last}") for last in (1, 2, 1)]
    assert [site.get("/", line, peer=None).status for line in told] == [200, 200, 429]
    assert site.get("/", told[1]).status == 200  # that one is no unix socket


@pytest.mark.parametrize("peer", ["testclient", "x" * 1000, "1.2.3.4.5", "::g", "\x00", "999.0.0.1"])
def test_what_is_no_address_is_a_client_nevertheless(door: Door, peer: str) -> None:
    site = Site(door, rule("1/hour"))
    assert site.statuses(2, peer=peer) == [200, 429]
    assert site.get(peer=f"{peer}x").status == 200


# What is exempt by its address


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"])
def test_nobody_is_exempt_for_the_address_of_a_proxy_that_is_not_trusted(door: Door, name: str) -> None:
    """Behind a proxy on the same machine each client comes from 127.0.0.1."""
    site = Site(door, rule("1/hour"), exempt=[{"client": ["127.0.0.0/8", "::1"]}])
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert site.statuses(3, peer=peer) == [200] * 3
    assert site.statuses(2, "/", (name, "203.0.113.1"), peer="127.0.0.1") == [200, 429]


def test_behind_a_trusted_one_the_client_is_exempt(door: Door) -> None:
    client = {"trusted_proxies": ["127.0.0.0/8"]}
    site = Site(door, rule("1/hour"), exempt=[{"client": "10.0.0.0/8"}], sections={"client": client})
    for address, statuses in (("10.1.2.3", [200] * 3), ("203.0.113.1", [200, 429, 429])):
        assert site.statuses(3, "/", ("X-Forwarded-For", address), peer="127.0.0.1") == statuses
    assert site.statuses(3, peer="10.1.2.3") == [200] * 3


def test_a_server_that_has_read_the_header_itself_is_believed(door: Door) -> None:
    """As uvicorn has by default: the connection then is the client's, and the header still there."""
    site = Site(door, rule("1/hour"), exempt=[{"client": "10.0.0.0/8"}])
    assert site.statuses(3, "/", ("X-Forwarded-For", "6.6.6.6, 10.1.2.3"), peer="10.1.2.3") == [200] * 3
    assert site.statuses(2, "/", ("X-Forwarded-For", "10.1.2.3, 6.6.6.6"), peer="10.1.2.3") == [200, 429]
