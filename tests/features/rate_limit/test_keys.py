"""Keys: who is counted together, and that nothing a client sends can change it."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.features.rate_limit import AddressPrefixes, Keys
from perfkit.features.rate_limit._partitions import Partition
from perfkit.options import BadOption

keys = Keys("perfkit", "login", b"secret")
parts = st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5)


def test_keys_are_the_same_wherever_the_secret_is() -> None:
    same = Keys("perfkit", "login", b"secret")
    assert same.digest("a") == keys.digest("a")
    assert same.number_of(b"a") == keys.number_of(b"a")


@pytest.mark.parametrize(
    "other",
    [
        Keys("perfkit", "login", b"other"),
        Keys("perfkit", "logi", b"secret"),
        Keys("perfkitl", "ogin", b"secret"),
        Keys("perfkit", "login"),
    ],
)
def test_keys_differ_by_secret_namespace_and_policy(other: Keys) -> None:
    assert other.digest("a") != keys.digest("a")
    assert other.number_of(b"a") != keys.number_of(b"a")


@given(st.lists(parts, max_size=3), st.lists(parts, max_size=3))
@settings(deadline=None)
def test_different_parts_make_different_keys(one: list[str], other: list[str]) -> None:
    same = list(map(type, one)) == list(map(type, other)) and one == other
    assert (keys.digest(*one) == keys.digest(*other)) is same
    assert (keys.number_of(*one) == keys.number_of(*other)) is same


def test_parts_that_join_to_the_same_text_stay_apart() -> None:
    joined = [
        ("a", "b"),
        ("a/b",),
        ("a:", "b"),
        ("a", ":b"),
        ("a", "b", ""),
        (b"a", "b"),
        ("ab",),
        ("1", "b"),
        (1, "b"),
        (None,),
        ("",),
    ]
    assert len({keys.digest(*each) for each in joined}) == len(joined)  # fmt: skip


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: b", "\udcff\ud800", "\0", "x" * 1_000_000, "\U0001f600"])
def test_whatever_a_client_sends_is_a_key_of_a_fixed_size(text: str) -> None:
    assert len(keys.digest(text)) == 16
    assert 1 << 63 <= keys.number_of(text) < 1 << 64
    assert 1 << 63 <= keys.number_of(text.encode("utf-8", "surrogatepass")) < 1 << 64


def asked_by(address: str | None) -> Any:
    return SimpleNamespace(client=address)


def test_the_key_of_an_address_is_that_of_its_network() -> None:
    prefixes = AddressPrefixes()
    partition = Partition("ip", keys, prefixes)
    for address in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "testclient", None):
        assert partition.address_number(asked_by(address)) == keys.number_of(prefixes.partition(address))


def test_long_addresses_are_not_kept() -> None:
    prefixes = AddressPrefixes()
    partition = Partition("ip", keys, prefixes)
    for index in range(10):
        long = f"{index}" * 1000
        assert partition.address_number(asked_by(long)) == keys.number_of(prefixes.partition(long))
    assert partition._of_address.cache_info().currsize == 0


def test_what_is_kept_has_a_bound() -> None:
    partition = Partition("ip", keys, AddressPrefixes())
    for index in range(2000):
        partition.address_number(asked_by(f"10.0.{index // 256}.{index % 256}"))
    assert partition._of_address.cache_info().currsize == 1024


# Addresses

SAME = [
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("192.0.2.1", "::ffff:c000:201"),
    ("192.0.2.1", "0:0:0:0:0:FFFF:C000:0201"),
    ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff"),
    ("2001:db8::1", "2001:DB8::1"),
    ("fe80::1%eth0", "fe80::2%eth1"),
]
DIFFERENT = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "::c000:201", "testclient", "", "@", None]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_addresses_of_one_client(one: str, other: str) -> None:
    partition = AddressPrefixes().partition
    assert partition(one) == partition(other)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(DIFFERENT, 2)))
def test_addresses_of_different_clients(one: str | None, other: str | None) -> None:
    partition = AddressPrefixes().partition
    assert partition(one) != partition(other)


def test_mapped_addresses_are_not_one_client() -> None:
    # express-rate-limit#667: all of IPv4 fell into one ::/56.
    partition = AddressPrefixes(ipv6=56).partition
    assert partition("::ffff:192.0.2.1") != partition("::ffff:198.51.100.1")


def test_lengths_of_prefixes() -> None:
    partition = AddressPrefixes(ipv4=24, ipv6=48).partition
    assert partition("192.0.2.1") == partition("192.0.2.200") != partition("192.0.3.1")
    assert partition("2001:db8:1:2::1") == partition("2001:db8:1:ffff::1") != partition("2001:db8:2::1")


@pytest.mark.parametrize("prefixes", [{"ipv4": 0}, {"ipv4": 33}, {"ipv6": 0}, {"ipv6": 129}])
def test_lengths_that_are_none(prefixes: dict[str, int]) -> None:
    with pytest.raises(BadOption, match="is not the length of a prefix"):
        AddressPrefixes(**prefixes)


@pytest.mark.parametrize(
    "address", ["1.2.3", "1.2.3.4.5", "::g", "\0", "\udcff", "1.2.3.4\r\n", "%", "::1%" + "x" * 100]
)
def test_what_is_no_address_is_a_client_of_its_own(address: str) -> None:
    partition = AddressPrefixes().partition
    assert partition(address) == partition(address)
    assert partition(address) not in (partition(None), partition("192.0.2.1"))
