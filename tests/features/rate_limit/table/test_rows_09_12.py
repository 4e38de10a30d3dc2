"""Rows 9 to 12 of the table: who is counted, by which address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors import Door
from tests.features.rate_limit.table.site import Site, admitted, rule


def who(site: Site, *peers: str | None) -> list[bool]:
    """Which of these clients is admitted, one after the other."""
    return admitted(site, [{"peer": peer} for peer in peers])


# 9, 10: IPv6


def test_09_all_addresses_of_a_site_are_one_client(door: Door) -> None:
    site = Site(door, rule("1/hour"))
    assert who(site, "2001:db8::1", "2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1") == [
        True,
        False,
        False,
        True,
    ]


def test_09_the_prefix_can_be_chosen(door: Door) -> None:
    site = Site(door, rule("1/hour"), ipv6_prefix=48, ipv4_prefix=24)
    assert who(site, "2001:db8::1", "2001:db8:0:9::1", "2001:db8:1::1") == [True, False, True]
    assert who(site, "192.0.2.1", "192.0.2.200", "192.0.3.1") == [True, False, True]


@pytest.mark.parametrize(
    "written", ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:c000:0201"]
)
def test_10_ipv4_written_as_ipv6_is_the_ipv4_client(door: Door, written: str) -> None:
    site = Site(door, rule("1/hour"))
    assert who(site, "192.0.2.1", written) == [True, False]


def test_10_ipv4_clients_written_as_ipv6_are_no_one_client(door: Door) -> None:
    site = Site(door, rule("1/hour"))
    assert who(site, "::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:198.51.100.1") == [True, True, True]


@pytest.mark.parametrize("zone", ["eth0", "1", "x" * 60, "%", ""])
def test_10_a_zone_makes_no_other_client(door: Door, zone: str) -> None:
    """The zone names an interface of this machine (RFC 4007); a client is on one."""
    site = Site(door, rule("1/hour"))
    assert who(site, "fe80::1%eth7", f"fe80::1%{zone}") == [True, False]


# 11, 12: proxies


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-Forwarded-Host",
        "Client-IP",
        "Via",
    ],
)
def test_11_no_header_says_who_the_client_is_unless_a_proxy_is_trusted(door: Door, name: str) -> None:
    site = Site(door, rule("1/hour"))
    values = ["6.6.6.6", "7.7.7.7", "for=8.8.8.8", ""]
    assert [site.get("/", (name, value)).status for value in values] == [200, 429, 429, 429]


def behind(door: Door, header: str = "x-forwarded-for", **options: Any) -> Site:
    client = {"trusted_proxies": ["10.0.0.0/8", "2001:db8:ff::/48"], "header": header}
    return Site(door, rule("1/hour"), sections={"client": client}, **options)


def test_11_a_trusted_proxy_says_who_the_client_is(door: Door) -> None:
    site = behind(door)
    for peer in ("10.0.0.1", "2001:db8:ff::1"):
        for client in ("203.0.113.1", "203.0.113.2"):
            assert site.get("/", ("X-Forwarded-For", client), peer=peer).status == (200 if peer == "10.0.0.1" else 429)


@pytest.mark.parametrize("forged", ["6.6.6.6", "10.0.0.9", "unknown", "", "x" * 3000, ", ".join(["6.6.6.6"] * 50)])
def test_11_what_the_client_wrote_itself_is_ignored(door: Door, forged: str) -> None:
    site = behind(door)
    told = [("X-Forwarded-For", f"{start}203.0.113.1, 10.0.0.3") for start in ("", f"{forged}, ")]
    assert [site.get("/", line, peer="10.0.0.1").status for line in told] == [200, 429]
    assert site.get("/", ("X-Forwarded-For", "203.0.113.2"), peer="10.0.0.1").status == 200


def test_11_whoever_is_no_trusted_proxy_is_not_believed(door: Door) -> None:
    site = behind(door)
    assert [site.get("/", ("X-Forwarded-For", f"203.0.113.{last}")).status for last in (1, 2)] == [200, 429]


@pytest.mark.parametrize("written", ["203.0.113.1:4711", "::ffff:203.0.113.1", "[::ffff:203.0.113.1]:80"])
def test_11_ports_and_brackets_make_no_other_client(door: Door, written: str) -> None:
    site = behind(door)
    told = [("X-Forwarded-For", each) for each in ("203.0.113.1", written)]
    assert [site.get("/", line, peer="10.0.0.1").status for line in told] == [200, 429]


def test_11_addresses_behind_a_proxy_are_networks_too(door: Door) -> None:
    site = behind(door)
    told = [("X-Forwarded-For", each) for each in ("2001:db8::1", "[2001:db8::2]:443", "2001:db8:0:1::1")]
    assert [site.get("/", line, peer="10.0.0.1").status for line in told] == [200, 429, 200]


def test_12_forwarded_is_read_where_it_is_chosen(door: Door) -> None:
    site = behind(door, "forwarded")
    told = [
        'for="[2001:db8::1]:4711";proto=https',
        "for=6.6.6.6, For=203.0.113.1;by=10.0.0.1",
        'for=7.7.7.7, for="203.0.113.1:80", for=10.0.0.2',
        "for=203.0.113.2",
    ]
    assert [site.get("/", ("Forwarded", each), peer="10.0.0.1").status for each in told] == [200, 200, 429, 200]


@pytest.mark.parametrize(
    ("chosen", "other"),
    [("forwarded", ("X-Forwarded-For", "6.6.6.6")), ("x-forwarded-for", ("Forwarded", "for=6.6.6.6"))],
)
def test_12_the_other_header_smuggles_nobody_in(door: Door, chosen: str, other: tuple[str, str]) -> None:
    """A fallback from one to the other would (uvicorn#2928)."""
    site = behind(door, chosen)
    assert [site.get("/", *lines, peer="10.0.0.1").status for lines in ((), (other,))] == [200, 429]
