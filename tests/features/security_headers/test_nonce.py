"""Nonces: made when read, kept out of shared caches, never on a 304, and an error when read too late."""

import gc
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from perfkit import SecurityHeaders
from perfkit.exchange import Shared
from perfkit.features.security_headers import NONCE, Nonce
from tests.features.security_headers.policy_parser import parse
from tests.memory_exchange import MemoryExchange, serve

CSP = "Content-Security-Policy"
HTML = [("Content-Type", "text/html")]
POLICY = {"default-src": ["'self'"], "script-src": [NONCE, "'strict-dynamic'"], "style-src": ["'self'", NONCE]}


def nonce_of(exchange: MemoryExchange) -> Nonce:
    nonce = exchange.shared["csp_nonce"]
    assert isinstance(nonce, Nonce)
    return nonce


def read(exchange: MemoryExchange) -> None:
    str(nonce_of(exchange))


def page(view: Callable[[MemoryExchange], Any] | None = read, **options: Any) -> MemoryExchange:
    served: dict[str, Any] = {name: options.pop(name) for name in ("status", "headers", "scheme") if name in options}
    feature = SecurityHeaders(**({"csp": {"html": POLICY}} | options))
    return serve(feature, view=view, **({"headers": HTML} | served))


def test_a_page_that_reads_it_has_it_in_its_policy() -> None:
    exchange = page()
    (policy,) = parse(exchange.lines(CSP)[0])
    source = f"'nonce-{nonce_of(exchange)}'"
    assert policy["script-src"] == [source, "'strict-dynamic'"]
    assert policy["style-src"] == [source, "'self'"]


def test_a_page_that_does_not_read_it_has_none_and_may_be_cached() -> None:
    exchange = page(None)
    assert "nonce" not in exchange.lines(CSP)[0]
    assert exchange.lines("Cache-Control") == []
    assert not exchange.unique


def test_it_is_new_in_each_response_and_the_same_within_one() -> None:
    seen: list[str] = []
    feature = SecurityHeaders(csp={"html": POLICY})
    for _ in range(50):
        serve(feature, view=lambda exchange: seen.extend([str(nonce_of(exchange)), f"{nonce_of(exchange)}"]))
    assert seen[::2] == seen[1::2]
    assert len(set(seen)) == 50


def test_it_has_192_bits_and_needs_no_escaping() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", str(nonce_of(page())))


def test_threads_of_one_request_read_the_same() -> None:
    shared = Shared()
    nonce = Nonce(shared)
    barrier = threading.Barrier(8)
    seen: list[str] = []

    def reader() -> None:
        barrier.wait()
        seen.append(str(nonce))

    threads = [threading.Thread(target=reader) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1


@pytest.mark.parametrize("reading", [str, format, lambda nonce: nonce.__html__(), hash, lambda nonce: nonce == ""])
def test_reading_it_makes_the_response_unique(reading: Callable[[Nonce], object]) -> None:
    assert page(lambda exchange: reading(nonce_of(exchange))).unique


@pytest.mark.parametrize("looking", [bool, repr, lambda nonce: nonce is None])
def test_looking_at_it_does_not_read_it(looking: Callable[[Nonce], object]) -> None:
    exchange = page(lambda exchange: looking(nonce_of(exchange)))
    assert not exchange.unique
    assert "nonce-" not in exchange.lines(CSP)[0]


def test_it_is_text_to_those_who_compare_and_write_it() -> None:
    nonce = nonce_of(page())
    assert nonce == str(nonce)
    assert nonce != "other"
    assert nonce != 3
    assert {nonce: 1}[str(nonce)] == 1  # type: ignore[index]
    assert f"{nonce:>40}" == " " * 8 + str(nonce)
    assert str(nonce) not in repr(nonce)


def test_it_does_not_keep_the_exchange() -> None:
    gc.disable()
    try:
        exchange = MemoryExchange()
        exchange.shared = Shared({"csp_nonce": Nonce})
        nonce = exchange.shared["csp_nonce"]
        ended: list[bool] = []
        exchange.shared["witness"] = type("Witness", (), {"__del__": lambda self: ended.append(True)})()
        del exchange
        assert ended == [True]
        with pytest.raises(RuntimeError, match="read it before"):
            str(nonce)
    finally:
        gc.enable()


# Read late


def test_reading_it_first_after_the_headers_is_an_error_that_says_what_to_do() -> None:
    exchange = page(None)  # held: a nonce without its exchange cannot be read anyway
    nonce = nonce_of(exchange)
    assert not nonce
    with pytest.raises(RuntimeError, match=r"read it before the first byte of the body"):
        str(nonce)


def test_reading_it_again_after_the_headers_is_fine() -> None:
    exchange = page()
    nonce = nonce_of(exchange)
    assert nonce
    assert f"'nonce-{nonce}'" in exchange.lines(CSP)[0]


# Caches


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "private"),
        ("", "private"),
        ("no-store", "no-store"),
        ("No-Store, max-age=0", "No-Store, max-age=0"),
        ("private", "private"),
        ("private, max-age=60", "private, max-age=60"),
        ("max-age=60", "max-age=60, private"),
        ("no-cache", "no-cache, private"),
        ("public, max-age=60", "max-age=60, private"),
        ("PUBLIC", "private"),
        ("private, public", "private"),
        ("s-maxage=600, max-age=60", "max-age=60, private"),
        ('private="set-cookie, x", max-age=5', "max-age=5, private"),
        ('no-cache="a, private", max-age=5', 'no-cache="a, private", max-age=5, private'),
    ],
)
def test_a_page_that_read_it_is_kept_out_of_shared_caches(given: str | None, sent: str) -> None:
    exchange = page(headers=[*HTML, *([] if given is None else [("cache-control", given)])])
    assert exchange.lines("Cache-Control") == [sent]


def test_a_policy_of_the_application_with_our_nonce_is_kept_out_too() -> None:
    exchange = page(headers=[*HTML, (CSP, "script-src 'self'")])
    assert exchange.lines(CSP) == ["script-src 'self'"]
    assert exchange.lines("Cache-Control") == ["private"]


@pytest.mark.parametrize("view", [None, read])
@pytest.mark.parametrize("headers", [[], HTML])
def test_a_304_has_no_policy(view: Callable[[MemoryExchange], Any] | None, headers: Any) -> None:
    options = {"csp_report_only": POLICY, "paths": [{"path": "/", "csp": {"extend": {"img-src": ["https:"]}}}]}
    exchange = page(view, status=304, headers=headers, **options)
    assert exchange.lines(CSP) == exchange.lines(f"{CSP}-Report-Only") == []
    assert exchange.lines("Cross-Origin-Resource-Policy") == []
    assert exchange.lines("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("name", [CSP, f"{CSP}-Report-Only"])
@pytest.mark.parametrize("policy", ["script-src 'nonce-abc'", "script-src 'self'"])
def test_a_304_loses_the_policy_of_the_application_too(name: str, policy: str) -> None:
    # The page in the cache was sent with another, whose nonce its scripts have (rails#45859): Django 6 sends its own
    # policy with a 304, without a nonce.
    assert page(None, status=304, headers=[(name, policy)]).lines(name) == []


def test_a_page_with_a_nonce_of_the_applications_own_is_kept_private() -> None:
    headers = [*HTML, (CSP, "script-src 'nonce-YWJj'"), ("Cache-Control", "public, max-age=60")]
    exchange = page(None, headers=headers)
    assert exchange.lines("Cache-Control") == ["max-age=60, private"]
    assert exchange.lines(CSP) == ["script-src 'nonce-YWJj'"]


def test_both_kinds_of_policy_have_the_same_nonce() -> None:
    exchange = page(csp_report_only=[{"script-src": [NONCE]}, {"style-src": [NONCE]}])
    nonce = nonce_of(exchange)
    assert exchange.lines(f"{CSP}-Report-Only") == [f"script-src 'nonce-{nonce}', style-src 'nonce-{nonce}'"]
    assert str(nonce) in exchange.lines(CSP)[0]


def test_the_application_may_drop_it() -> None:
    assert page(lambda exchange: exchange.shared.clear()).status == 200


def test_the_application_may_bring_its_own() -> None:
    exchange = page(lambda exchange: exchange.shared.update(csp_nonce="YWJj"))
    assert "script-src 'nonce-YWJj' 'strict-dynamic'" in exchange.lines(CSP)[0]
    assert exchange.lines("Cache-Control") == ["private"]


@pytest.mark.parametrize("value", ["a'; script-src *", "a\r\nSet-Cookie: a=b", 3, object()])
def test_what_is_no_nonce_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be the CSP nonce"):
        page(lambda exchange: exchange.shared.update(csp_nonce=value))
