"""Who the client is: addresses, schemes and `internal` through trusted proxies, and never through others."""

import ipaddress
import logging
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import ConfigurationError, Exchange, HeaderName
from perfkit._address import CACHED_ADDRESSES, _parse, parse
from perfkit.client import ClientOptions, ClientTrust, InternalOptions
from perfkit.exchange import Trust, join
from perfkit.options import BadOption, convert

PROXY = "10.0.0.1"
CLIENT = "203.0.113.9"
LOOPBACK = "127.0.0.1"
TOKEN = "correct-horse-battery"

XFF = "X-Forwarded-For"
PROTO = "X-Forwarded-Proto"


class Request(Exchange):
    """A request, as far as trust looks at it. Remembers which headers were looked at."""

    def __init__(self, trust: Trust, peer: str | None, scheme: str, headers: Iterable[tuple[str, str]]) -> None:
        super().__init__(trust)
        self.peer = peer
        self.peer_scheme = scheme
        self._headers = [(name.lower(), value) for name, value in headers]
        self.looked_at: list[str] = []

    def request_header(self, name: HeaderName) -> str | None:
        self.looked_at.append(name.lower)
        return join(value for key, value in self._headers if key == name.lower)


def request(
    *headers: tuple[str, str],
    peer: str | None = PROXY,
    scheme: str = "http",
    proxies: Iterable[str] = ("10.0.0.0/8",),
    header: str = "x-forwarded-for",
    internal: InternalOptions | None = None,
) -> Request:
    trust = ClientTrust(ClientOptions(trusted_proxies=tuple(proxies), header=header), internal)
    return Request(trust, peer, scheme, headers)


def unproxied(*headers: tuple[str, str], peer: str | None = CLIENT, **more: Any) -> Request:
    return request(*headers, peer=peer, proxies=(), **more)


class TestAddressOfPeer:
    def test_is_the_peer(self):
        assert unproxied(peer=CLIENT).client == CLIENT

    def test_is_none_on_a_unix_socket(self):
        assert unproxied(peer=None).client is None

    @pytest.mark.parametrize("peer", ["", "localhost"])
    def test_is_none_where_a_server_has_its_own_word_for_a_unix_socket(self, peer):
        assert unproxied(peer=peer).client is None

    @pytest.mark.parametrize("peer", ["testclient", "unknown", "1.2.3", "x" * 10_000, "\ud800"])
    def test_is_given_as_it_is_where_it_is_no_address(self, peer):
        assert unproxied(peer=peer).client == peer

    @pytest.mark.parametrize(
        ("peer", "canonical"),
        [
            ("::ffff:203.0.113.9", CLIENT),
            ("::ffff:cb00:7109", CLIENT),
            ("0:0:0:0:0:FFFF:CB00:7109", CLIENT),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:203.0.113.9%eth0", CLIENT),
        ],
    )
    def test_is_canonical(self, peer, canonical):
        assert unproxied(peer=peer).client == canonical

    @pytest.mark.parametrize("header", [XFF, "Forwarded", "X-Real-IP"])
    def test_is_not_moved_by_a_header_while_no_proxy_is_trusted(self, header):
        assert unproxied((header, "for=6.6.6.6" if header == "Forwarded" else "6.6.6.6")).client == CLIENT

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_is_not_moved_by_any_header_of_an_untrusted_peer(self, forwarded_for, forwarded):
        headers = ((XFF, forwarded_for), ("Forwarded", forwarded))
        for header in ("x-forwarded-for", "forwarded"):
            assert request(*headers, peer=CLIENT, header=header).client == CLIENT


class TestXForwardedFor:
    def test_names_the_client_of_a_trusted_proxy(self):
        assert request((XFF, CLIENT)).client == CLIENT

    def test_is_read_from_the_right_up_to_the_first_untrusted_hop(self):
        assert request((XFF, f"6.6.6.6, {CLIENT}, 10.0.0.3, 10.0.0.2")).client == CLIENT

    def test_gives_the_leftmost_where_all_hops_are_trusted(self):
        assert request((XFF, "10.9.9.9, 10.0.0.2")).client == "10.9.9.9"

    def test_of_several_field_lines_is_one_list(self):
        assert request((XFF, "6.6.6.6"), (XFF, CLIENT)).client == CLIENT

    @pytest.mark.parametrize("value", ["", " ", ",", " , ,"])
    def test_without_an_entry_leaves_the_proxy(self, value):
        assert request((XFF, value)).client == PROXY

    def test_that_is_missing_leaves_the_proxy(self):
        assert request().client == PROXY

    def test_skips_empty_entries(self):
        assert request((XFF, f"6.6.6.6, {CLIENT}, , 10.0.0.2,")).client == CLIENT

    @pytest.mark.parametrize(
        "entry",
        [
            f"{CLIENT}:5678",
            f"[{CLIENT}]:5678",
            f"\t{CLIENT} ",
            f"::ffff:{CLIENT}",
            f"[::ffff:{CLIENT}]",
            "[::ffff:cb00:7109]:80",
        ],
    )
    def test_takes_any_way_to_write_an_ipv4_address(self, entry):
        assert request((XFF, entry)).client == CLIENT

    @pytest.mark.parametrize(
        "entry", ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "2001:DB8::0001", "2001:db8::1%eth0"]
    )
    def test_takes_any_way_to_write_an_ipv6_address(self, entry):
        assert request((XFF, entry)).client == "2001:db8::1"

    @pytest.mark.parametrize(
        "garbage",
        [
            "unknown",
            "_hidden",
            "proxy.example",
            "010.0.0.1",
            "1.2.3.4.5",
            "2130706433",
            "1.2.3.4:http",
            "[2001:db8::1",
            "2001:db8::1]:80",
            "::ffff:1.2.3.4:80",
            "1.2.3.4 5.6.7.8",
            '"1.2.3.4"',
            "\u0661.2.3.4",
            "-",
            "1.2.3.4" + "0" * 200,
        ],
    )
    def test_ends_at_garbage_with_the_nearest_trusted_hop(self, garbage):
        assert request((XFF, f"6.6.6.6, {garbage}, 10.0.0.2")).client == "10.0.0.2"
        assert request((XFF, f"6.6.6.6, {garbage}")).client == PROXY

    def test_counts_a_hop_in_any_notation_as_trusted(self):
        assert request((XFF, f"{CLIENT}, ::ffff:10.0.0.2, [::ffff:a00:3]:80")).client == CLIENT

    def test_is_read_no_further_than_twenty_hops(self):
        trusted = [f"10.1.0.{number}" for number in range(20)]
        assert request((XFF, ", ".join([CLIENT, *trusted[1:]]))).client == CLIENT
        assert request((XFF, ", ".join([CLIENT, *trusted]))).client == trusted[0]

    def test_is_read_no_further_than_two_kilobytes(self):
        # What the cut leaves of the address, ".9", "13.9", "113.9", ..., must not pass for one either.
        for padding in range(2030, 2048):
            hop = "10.0.0.2".rjust(padding)
            assert request((XFF, f"{CLIENT},{hop}")).client in (CLIENT, "10.0.0.2")
        assert request((XFF, f"{CLIENT},{'10.0.0.2'.rjust(2040)}")).client == "10.0.0.2"

    def test_of_exactly_two_kilobytes_is_read(self):
        assert request((XFF, CLIENT.rjust(2048))).client == CLIENT
        assert request((XFF, CLIENT.rjust(2049))).client == PROXY
        assert request((XFF, f"{CLIENT},{'10.0.0.2'.rjust(2048 - len(CLIENT) - 1)}")).client == CLIENT

    def test_does_not_look_at_forwarded(self):
        it = request(("Forwarded", "for=6.6.6.6;proto=https"))
        assert (it.client, it.scheme) == (PROXY, "http")
        assert "forwarded" not in it.looked_at


class TestTrustedProxies:
    def test_may_be_single_addresses_and_networks_of_both_versions(self):
        proxies = ("192.0.2.1", "2001:db8:1::/48")
        assert request((XFF, CLIENT), peer="192.0.2.1", proxies=proxies).client == CLIENT
        assert request((XFF, CLIENT), peer="192.0.2.2", proxies=proxies).client == "192.0.2.2"
        assert request((XFF, CLIENT), peer="2001:db8:1::5", proxies=proxies).client == CLIENT
        assert request((XFF, CLIENT), peer="2001:db8:2::5", proxies=proxies).client == "2001:db8:2::5"

    def test_of_ipv4_match_a_peer_of_a_dual_stack_socket(self):
        assert request((XFF, CLIENT), peer=f"::ffff:{PROXY}").client == CLIENT

    def test_written_as_mapped_ipv6_match_ipv4(self):
        assert request((XFF, CLIENT), proxies=("::ffff:10.0.0.0/104",)).client == CLIENT
        assert request((XFF, CLIENT), proxies=("::ffff:10.0.0.1",)).client == CLIENT
        assert request((XFF, CLIENT), proxies=("::ffff:11.0.0.0/104",)).client == PROXY

    @pytest.mark.parametrize("peer", [None, "", "localhost"])
    def test_may_be_on_a_unix_socket(self, peer):
        assert request((XFF, CLIENT), peer=peer, proxies=("unix",)).client == CLIENT
        assert request((XFF, CLIENT), peer=peer).client is None

    @pytest.mark.parametrize("peer", ["testclient", "unknown", CLIENT])
    def test_on_a_unix_socket_trust_no_other_peer(self, peer):
        assert request((XFF, "6.6.6.6"), peer=peer, proxies=("unix",)).client == peer

    def test_on_a_unix_socket_are_no_hop_of_the_header(self):
        assert request((XFF, "6.6.6.6, localhost"), peer=None, proxies=("unix",)).client is None


class TestForwarded:
    """RFC 7239."""

    def forwarded(self, value: str, **more: Any) -> Request:
        return request(("Forwarded", value), header="forwarded", **more)

    @pytest.mark.parametrize(
        "value",
        [
            f"for={CLIENT}",
            f"For={CLIENT}",
            f'for="{CLIENT}:4711"',
            f"for={CLIENT}:4711",
            f'for="{CLIENT}:_port"',
            f"by={PROXY};for={CLIENT};host=example.com;proto=https",
            f"for=6.6.6.6, for={CLIENT}",
            f"for=6.6.6.6,for={CLIENT};proto=http,for=10.0.0.2",
            f"for=6.6.6.6 , for={CLIENT} ; proto=http , , for=10.0.0.2",
            f";;for={CLIENT};;",
            f'for="{CLIENT[:3]}\\{CLIENT[3:]}"',
            f'for={CLIENT};host="a,b;for=6.6.6.6"',
            f'for={CLIENT};host="a\\", for=6.6.6.6;x=\\"b", for=10.0.0.2',
        ],
    )
    def test_names_the_client(self, value):
        assert self.forwarded(value).client == CLIENT

    @pytest.mark.parametrize("value", ['"[2001:db8::1]:4711"', '"[2001:db8::1]"', "[2001:db8::1]", '"2001:db8::1"'])
    def test_takes_ipv6(self, value):
        assert self.forwarded(f"for={value}").client == "2001:db8::1"

    @pytest.mark.parametrize("value", ["unknown", "_hidden", '"_a.b-c"', '""', '"'])
    def test_ends_at_a_hidden_client_with_the_nearest_trusted_hop(self, value):
        assert self.forwarded(f"for=6.6.6.6, for={value}, for=10.0.0.2").client == "10.0.0.2"

    @pytest.mark.parametrize("element", ["by=10.0.0.2", "proto=https", "for", "for=a b", "for=1.2.3.4 x", "=1.2.3.4"])
    def test_ends_at_an_element_without_a_client(self, element):
        assert self.forwarded(f"for=6.6.6.6, {element}").client == PROXY

    @pytest.mark.parametrize("opened", ['for="', 'for=1.1.1.1;x="', 'for="1.1.1.1\\', "for=1.1.1.1;"])
    def test_that_a_client_leaves_open_does_not_swallow_what_the_proxy_appends(self, opened):
        assert self.forwarded(f"{opened}, for={CLIENT}").client == CLIENT
        assert self.forwarded(f'{opened}, for={CLIENT};host="a,b"').client == CLIENT

    @given(st.text(st.characters(max_codepoint=255)), st.sampled_from([f"for={CLIENT}", f'for="{CLIENT}";host="a,b"']))
    def test_gives_what_the_proxy_appends_whatever_comes_before(self, made_up, appended):
        assert self.forwarded(f"{made_up}, {appended}").client == CLIENT
        assert request((XFF, f"{made_up}, {CLIENT}")).client == CLIENT

    @given(
        st.lists(st.sampled_from(["for=10.0.0.2", 'for="10.0.0.3"', f"for={CLIENT}", "for=unknown"]), max_size=6),
        st.lists(st.text(st.sampled_from('a,;="\\ '), max_size=8), min_size=6, max_size=6),
    )
    def test_is_split_at_the_commas_outside_of_quotes(self, hops, hosts):
        def quoted(text: str) -> str:
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

        value = ", ".join(f"{hop};host={quoted(host)}" for hop, host in zip(hops, hosts, strict=False))
        plain = ", ".join(hop.removeprefix("for=").strip('"') for hop in hops)
        assert self.forwarded(value).client == request((XFF, plain)).client

    def test_is_read_no_further_than_twenty_hops(self):
        trusted = [f"for=10.1.0.{number}" for number in range(20)]
        assert self.forwarded(", ".join([f"for={CLIENT}", *trusted[1:]])).client == CLIENT
        assert self.forwarded(", ".join([f"for={CLIENT}", *trusted])).client == "10.1.0.0"

    def test_is_read_no_further_than_two_kilobytes(self):
        assert self.forwarded(f"for=6.6.6.6;x={'a' * 2100}").client == PROXY
        assert self.forwarded(f"for={CLIENT}, for=10.0.0.2;x={'a' * 2020}").client == "10.0.0.2"

    def test_that_is_cut_is_not_read_from_the_cut_on(self):
        element = f"for={CLIENT};x="
        cut = element + "a" * (2048 - len(element))
        assert self.forwarded(cut).client == CLIENT
        assert self.forwarded(f'x="{cut}').client == PROXY
        assert self.forwarded(f"for=6.6.6.6,{cut[:-1]}").client == CLIENT
        assert self.forwarded(f"for=10.0.0.2;{cut}").client == PROXY

    def test_does_not_look_at_x_forwarded(self):
        it = request((XFF, "6.6.6.6"), (PROTO, "https"), header="forwarded")
        assert (it.client, it.scheme) == (PROXY, "http")
        assert not {"x-forwarded-for", "x-forwarded-proto"} & set(it.looked_at)


class TestHeaderOfOneAddress:
    def named(self, *headers: tuple[str, str], **more: Any) -> Request:
        return request(*headers, header="CF-Connecting-IP", **more)

    def test_names_the_client(self):
        it = self.named(("cf-connecting-ip", CLIENT), (XFF, "6.6.6.6"))
        assert it.client == CLIENT
        assert "x-forwarded-for" not in it.looked_at

    def test_names_the_client_even_in_a_trusted_network(self):
        assert self.named(("cf-connecting-ip", "10.9.9.9")).client == "10.9.9.9"

    def test_that_comes_twice_counts_as_the_nearest_proxy_wrote_it(self):
        assert self.named(("cf-connecting-ip", "10.6.6.6"), ("cf-connecting-ip", "10.0.0.8")).client == "10.0.0.8"

    @pytest.mark.parametrize("headers", [[], [("cf-connecting-ip", "garbage")]])
    def test_without_an_address_leaves_the_proxy(self, headers):
        assert self.named(*headers).client == PROXY

    def test_takes_the_scheme_from_x_forwarded_proto(self):
        assert self.named(("cf-connecting-ip", CLIENT), (PROTO, "https")).scheme == "https"


class TestScheme:
    @pytest.mark.parametrize(("peer_scheme", "scheme"), [("http", "http"), ("ws", "http"), ("wss", "https")])
    def test_is_that_of_the_peer(self, peer_scheme, scheme):
        assert unproxied(scheme=peer_scheme).scheme == scheme
        assert request(scheme=peer_scheme).scheme == scheme

    def test_is_that_of_the_peer_whatever_an_untrusted_one_says(self):
        assert unproxied((PROTO, "https")).scheme == "http"
        assert request((XFF, PROXY), (PROTO, "https"), peer=CLIENT).scheme == "http"

    def test_is_found_without_looking_at_headers_while_no_proxy_is_trusted(self):
        it = unproxied((PROTO, "https"))
        assert (it.scheme, it.looked_at) == ("http", [])

    @pytest.mark.parametrize("said", ["https", "HTTPS", " https ", "wss"])
    def test_is_what_a_trusted_proxy_says(self, said):
        assert request((XFF, CLIENT), (PROTO, said)).scheme == "https"
        assert request((XFF, CLIENT), (PROTO, "http"), scheme="https").scheme == "http"

    def test_is_what_a_trusted_proxy_says_without_an_address(self):
        assert request((PROTO, "https")).scheme == "https"
        assert request((XFF, "unknown"), (PROTO, "https")).scheme == "https"

    @pytest.mark.parametrize("said", ["", "ftp", "https;", "on", "\ud800", ","])
    def test_is_that_of_the_peer_where_the_proxy_says_none(self, said):
        assert request((XFF, CLIENT), (PROTO, said)).scheme == "http"
        assert request((XFF, CLIENT), (PROTO, said), scheme="https").scheme == "https"

    def test_belongs_to_the_hop_of_the_client_where_each_proxy_appends(self):
        chain = (XFF, f"6.6.6.6, {CLIENT}, 10.0.0.2")
        assert request(chain, (PROTO, "http, https, http")).scheme == "https"
        assert request(chain, (PROTO, "https, http, https")).scheme == "http"

    def test_is_what_the_nearest_proxy_says_where_the_lists_do_not_match(self):
        assert request((XFF, f"{CLIENT}, 10.0.0.2"), (PROTO, "https")).scheme == "https"
        assert request((XFF, CLIENT), (PROTO, "https, http")).scheme == "http"
        assert request((PROTO, "http, https")).scheme == "https"

    def test_stays_that_of_the_last_hop_that_could_be_read(self):
        assert request((XFF, "garbage, 10.0.0.2"), (PROTO, "http, https")).scheme == "https"

    @pytest.mark.parametrize(
        ("value", "scheme"),
        [
            (f"for={CLIENT};proto=https", "https"),
            (f'for={CLIENT};Proto="HTTPS"', "https"),
            (f"for={CLIENT};proto=https, for=10.0.0.2;proto=http", "https"),
            (f"for={CLIENT};proto=http, for=10.0.0.2;proto=https", "http"),
            (f"for={CLIENT}, for=10.0.0.2;proto=https", "http"),
            ("proto=https", "https"),
            ("for=unknown;proto=https", "https"),
            (f"for={CLIENT};proto=ftp", "http"),
        ],
    )
    def test_is_that_of_the_element_of_the_client_in_forwarded(self, value, scheme):
        assert request(("Forwarded", value), header="forwarded").scheme == scheme


class TestInternal:
    """Who may see internals."""

    @pytest.mark.parametrize("peer", [LOOPBACK, "127.9.9.9", "::1", "::ffff:127.0.0.1"])
    def test_is_a_peer_on_loopback(self, peer):
        assert unproxied(peer=peer).internal

    @pytest.mark.parametrize("peer", [CLIENT, "2001:db8::1", "128.0.0.1", "::2", None, "", "localhost", "testclient"])
    def test_is_no_other_peer(self, peer):
        assert not unproxied(peer=peer).internal

    @pytest.mark.parametrize(
        "header", [XFF, "Forwarded", "X-Real-IP", PROTO, "X-Forwarded-Host", "Via", "CF-Connecting-IP"]
    )
    def test_is_not_loopback_through_a_proxy_that_is_not_trusted(self, header):
        value = "for=127.0.0.1" if header == "Forwarded" else LOOPBACK
        trust = ClientTrust(ClientOptions(header="cf-connecting-ip"))
        assert not Request(trust, LOOPBACK, "http", [(header, value)]).internal

    def test_is_not_loopback_through_a_trusted_proxy_that_uses_another_header(self):
        assert not request(("X-Real-IP", CLIENT), peer=LOOPBACK, proxies=[LOOPBACK]).internal

    def test_is_loopback_past_the_proxy(self):
        assert request(peer=LOOPBACK, proxies=[LOOPBACK]).internal

    def test_is_what_trusted_proxies_say(self):
        assert request((XFF, LOOPBACK)).internal
        assert request((XFF, LOOPBACK), peer=None, proxies=["unix"]).internal
        assert not request((XFF, CLIENT), peer=LOOPBACK, proxies=[LOOPBACK]).internal
        assert not request((XFF, f"{LOOPBACK}, {CLIENT}"), peer=LOOPBACK, proxies=[LOOPBACK]).internal

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("x-forwarded-for", LOOPBACK),
            ("x-forwarded-for", f"{LOOPBACK}, 10.0.0.2"),
            ("x-forwarded-for", f", {LOOPBACK}, 10.0.0.2"),
            ("forwarded", f"for={LOOPBACK}"),
            ("forwarded", f"for={LOOPBACK}, for=10.0.0.2"),
            ("forwarded", f",for={LOOPBACK}, for=10.0.0.2"),
        ],
    )
    def test_is_what_trusted_proxies_say_all_along(self, header, value):
        proxies = ["10.0.0.0/8", LOOPBACK]
        assert request((header, value), proxies=proxies, header=header).internal
        assert not request((header, f"-, {value}"), proxies=proxies, header=header).internal

    @pytest.mark.parametrize("hidden", ["unknown", "_hidden", "garbage", ""])
    def test_is_not_a_client_that_the_proxy_hides(self, hidden):
        assert not request((XFF, hidden), peer=LOOPBACK, proxies=[LOOPBACK]).internal
        assert not request((XFF, f"{hidden or '-'}, {LOOPBACK}"), proxies=["10.0.0.0/8", LOOPBACK]).internal

    def test_is_not_a_client_further_away_than_is_read(self):
        assert not request((XFF, ", ".join([CLIENT, *[LOOPBACK] * 20])), peer=LOOPBACK, proxies=[LOOPBACK]).internal

    def test_networks_replace_loopback(self):
        networks = InternalOptions(networks=("192.0.2.0/24", "2001:db8::/32"))
        assert unproxied(peer="192.0.2.7", internal=networks).internal
        assert unproxied(peer="2001:db8::7", internal=networks).internal
        assert not unproxied(peer=LOOPBACK, internal=networks).internal
        assert not unproxied(peer=LOOPBACK, internal=InternalOptions(networks=())).internal

    @pytest.mark.parametrize("credentials", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "])
    def test_is_who_brings_the_token(self, credentials):
        internal = InternalOptions(token=TOKEN)
        assert unproxied(("Authorization", credentials), (XFF, "6.6.6.6"), internal=internal).internal
        assert unproxied(("Authorization", credentials), peer=None, internal=internal).internal

    @pytest.mark.parametrize(
        "credentials",
        [
            "",
            "Bearer",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            f"Basic {TOKEN}",
            TOKEN,
            "Bearer ä",
            "Bearer \ud800",
        ],
    )
    def test_is_not_who_brings_another_token(self, credentials):
        assert not unproxied(("Authorization", credentials), internal=InternalOptions(token=TOKEN)).internal

    @pytest.mark.parametrize("credentials", ["", "Bearer", "Bearer ", "Bearer None"])
    def test_is_not_who_brings_any_token_where_none_is_set(self, credentials):
        assert not unproxied(("Authorization", credentials)).internal


class TestCache:
    """Clients choose their addresses, and must not fill the memory with them."""

    def test_has_a_bound(self):
        for number in range(CACHED_ADDRESSES + 10):
            parse(f"2001:db8::{number:x}")
        assert _parse.cache_info().currsize == CACHED_ADDRESSES

    def test_takes_no_long_texts(self):
        before = _parse.cache_info()
        assert parse("x" * 81) is None
        assert _parse.cache_info() == before


class TestOneExchange:
    def test_is_looked_at_once(self):
        it = request((XFF, CLIENT), (PROTO, "https"))
        assert (it.client, it.scheme, it.internal, it.client) == (CLIENT, "https", False, CLIENT)
        assert it.looked_at == ["x-forwarded-for", "x-forwarded-proto"]


class TestWarning:
    """A proxy that is not trusted is said once."""

    @pytest.mark.parametrize("header", [XFF, "Forwarded"])
    def test_comes_once(self, header, caplog):
        trust = ClientTrust()
        for _ in range(3):
            assert Request(trust, CLIENT, "http", [(header, "6.6.6.6")]).client == CLIENT
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("perfkit", logging.WARNING)
        assert "client.trusted_proxies" in record.message
        assert "6.6.6.6" not in record.message

    def test_comes_for_each_stack(self, caplog):
        for _ in range(2):
            _ = unproxied((XFF, "6.6.6.6")).client
        assert len(caplog.records) == 2

    def test_does_not_come_without_such_a_header_or_with_trusted_proxies(self, caplog):
        _ = unproxied().client, request((XFF, CLIENT)).client, request((XFF, CLIENT), peer=CLIENT).client
        assert not caplog.records

    def test_does_not_come_where_the_server_has_read_the_header_itself(self, caplog):
        assert unproxied((XFF, f"6.6.6.6, {CLIENT}, 10.0.0.1")).client == CLIENT
        assert not caplog.records
        assert unproxied((XFF, "6.6.6.6"), peer=None).client is None
        assert caplog.records

    def test_is_looked_for_in_the_first_thousand_requests_only(self, caplog):
        trust = ClientTrust()
        requests = [Request(trust, CLIENT, "http", []) for _ in range(1001)]
        assert {each.client for each in requests} == {CLIENT}
        assert requests[999].looked_at
        assert not requests[1000].looked_at
        _ = Request(trust, CLIENT, "http", [(XFF, "6.6.6.6")]).client
        assert not caplog.records


class TestOptions:
    @pytest.mark.parametrize(
        ("entry", "problem", "mend"),
        [
            ("nginx", "no address and no network", "'10.0.0.0/8'"),
            ("*", "no address and no network", "'unix'"),
            ("", "no address and no network", "'10.0.0.0/8'"),
            ("10.0.0.0/33", "no address and no network", "'10.0.0.0/8'"),
            ("1.2.3.4:80", "no address and no network", "'10.0.0.0/8'"),
            ("10.0.0.1/8", "between an address and a network", "write '10.0.0.0/8' or '10.0.0.1'"),
            ("0.0.0.0/0", "any client can make up its own", "cf-connecting-ip"),
            ("::/0", "any client can make up its own", "cf-connecting-ip"),
        ],
    )
    def test_refuse_what_is_no_proxy(self, entry, problem, mend):
        with pytest.raises(BadOption) as caught:
            ClientOptions(trusted_proxies=("10.0.0.0/8", entry))
        assert caught.value.option == "trusted_proxies[1]"
        assert problem in caught.value.problem
        assert mend in caught.value.mend

    def test_allow_all_addresses_with_a_header_of_one_address(self):
        assert request(("X-Real-IP", CLIENT), proxies=["0.0.0.0/0", "::/0"], header="x-real-ip").client == CLIENT

    @pytest.mark.parametrize("header", ["x-forward-for", "X-Forwarded-Fr", "x-forwared-for", "forwaded", "x-realip"])
    def test_refuse_a_misspelt_header(self, header):
        with pytest.raises(BadOption, match=r"did you mean '(x-forwarded-for|forwarded|x-real-ip)'"):
            ClientOptions(header=header)

    @pytest.mark.parametrize("header", ["", "x forwarded for", "x:y", "ä"])
    def test_refuse_what_is_no_header(self, header):
        with pytest.raises(BadOption, match="not the name of a header"):
            ClientOptions(header=header)

    @pytest.mark.parametrize("header", ["X-Real-IP", "X-My-Proxys-Client", "x-appengine-user-ip", "Forwarded"])
    def test_take_any_other_header(self, header):
        assert ClientOptions(header=header).header == header

    def test_refuse_internal_networks_that_are_none(self):
        with pytest.raises(BadOption, match=r"networks\[0\]: 'localhost' is no address"):
            InternalOptions(networks=("localhost",))

    @pytest.mark.parametrize("header", ["Forwarded", "X-FORWARDED-FOR"])
    def test_refuse_all_addresses_however_the_header_is_written(self, header):
        with pytest.raises(BadOption, match="any client can make up its own"):
            ClientOptions(trusted_proxies=("::/0",), header=header)

    def test_take_a_token_of_sixteen_characters(self):
        assert convert({"token": "x" * 16}, InternalOptions, "internal").token == "x" * 16
        with pytest.raises(ConfigurationError, match="length 16 or more"):
            convert({"token": "x" * 15}, InternalOptions, "internal")

    @pytest.mark.parametrize("token", ["with a space in it", "ümläute-überall-hier", "line\nbreak-in-the-token"])
    def test_refuse_a_token_that_cannot_be_sent_without_showing_it(self, token):
        with pytest.raises(BadOption) as caught:
            InternalOptions(token=token)
        assert token not in str(caught.value)

    def test_do_not_show_the_token(self):
        options = InternalOptions(token=TOKEN)
        assert TOKEN not in repr(options)
        assert TOKEN not in repr(options.__rich_repr__())
        assert repr(InternalOptions()).endswith("token=None)")


# A slow model of who the client is, on plain lists of texts.

TRUSTED = ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")


def model(peer: str, entries: list[str]) -> str:
    def read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return mapped or address

    chain = [read(text) for text in (*entries, peer)]
    for index in range(len(chain) - 1, -1, -1):
        trusted = any(chain[index] in ipaddress.ip_network(each) for each in TRUSTED)
        if index == 0 or not trusted or chain[index - 1] is None:
            return str(chain[index])
    raise AssertionError


addresses = st.one_of(
    st.sampled_from(["10.0.0.1", "10.255.0.1", "192.0.2.7", "192.0.2.8", "2001:db8:1::1", "2001:db8:2::1", "::1"]),
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
)


@given(addresses, st.lists(st.one_of(addresses, st.sampled_from(["unknown", "_x", "1.2.3"])), max_size=8))
def test_client_is_the_one_of_the_model(peer, entries):
    expected = model(peer, entries)
    assert request((XFF, ", ".join(entries)), peer=peer, proxies=TRUSTED).client == expected
    elements = ", ".join(f'for="[{entry}]:80"' if ":" in entry else f"for={entry}" for entry in entries)
    assert request(("Forwarded", elements), peer=peer, proxies=TRUSTED, header="forwarded").client == expected


@given(st.one_of(st.none(), st.text()), st.text(), st.text(), st.sampled_from(["x-forwarded-for", "forwarded", "x-ip"]))
def test_nothing_that_is_sent_is_an_error(peer, value, proto, header):
    for proxies in ((), ("unix", "10.0.0.0/8")):
        for each in (peer, PROXY):
            it = request((header, value), (PROTO, proto), peer=each, proxies=proxies, header=header)
            assert it.scheme in ("http", "https")
            assert it.internal in (True, False)
            assert it.client is None or isinstance(it.client, str)
