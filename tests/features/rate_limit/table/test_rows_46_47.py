"""Rows 46 and 47 of the table: mistakes are said at the start, and pages can read refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.middleware.cors import CORSMiddleware

from perfkit import ConfigurationError, RateLimit
from tests.doors import Door
from tests.features.rate_limit.table.site import (
    Site,
    rule,
)

PREFLIGHT = (("Origin", "https://shop.example"), ("Access-Control-Request-Method", "PUT"))


# 46: mistakes are said at the start


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rules": [rule("10/fortnight")]}, "rules[0].limits: '10/fortnight' is not a rate; write for example"),
        ({"rules": [rule("10/month")]}, "rules[0].limits: "),
        ({"rules": [rule("10")]}, "rules[0].limits: '10' is not a rate"),
        ({"rules": [rule("-1/minute")]}, "rules[0].limits: "),
        ({"rules": [rule("1/second, 60/60 seconds, 5/minute")]}, "two limits for 60 seconds"),
        ({"rules": [rule(name="a"), rule(name="b"), rule(name="a")]}, "rules[2].name: 'a' is there 2 times"),
        ({"rules": [rule("1/second, 5/minute", "a"), rule("1/second", "a-60s")]}, "'a-60s'"),
        ({"rules": [rule(mach={"path": "/"})]}, "rules[0].mach: unknown option; did you mean 'match'?"),
        ({"rules": [rule(match={"pth": "/"})]}, "rules[0].match.pth: unknown option; did you mean 'path'?"),
        ({"rules": [rule(match={"path": "login"})]}, "rules[0].match.path: 'login' is not a path; begin it with '/'"),
        ({"rules": [rule(match={"regex": "("})]}, "rules[0].match.regex: '(' is no regular expression"),
        ({"rules": [rule(cost=3)]}, "rules[0].cost: 3 is more than 2, the most ever allowed at once"),
        ({"rules": [rule(key="header")]}, "rules[0].key: 'header' is not a key; "),
        ({"rules": [rule(ban={"after": 0, "for": 60})]}, "rules[0].ban.after"),
        ({"rules": [rule(ban={"after": 1})]}, "rules[0].ban.for"),
        ({"rules": [rule(count_when="often")]}, "rules[0].count_when: 'often' says nothing of statuses"),
        ({"rules": [rule(on_error="shrug")]}, "rules[0].on_error"),
        ({"exempt": [{}]}, "exempt[0]"),
        ({"exempt": [{"client": "10.0.0.1/8"}]}, "write '10.0.0.0/8'"),
        ({"store": "redis"}, "store: this is not a URI; write for example 'redis://localhost:6379/0'"),
        ({"store": "async+memory://"}, "store: memory:// is no shared store; write 'memory://'"),
        ({"store": "nosuch://x"}, "store: "),
        ({"store_timeout": 0}, "store_timeout"),
        ({"headers": "sometimes"}, "headers"),
        ({"status": 200}, "status"),
        ({"ipv6_prefix": 129}, "ipv6_prefix: 129 is not the length of a prefix; write 1 to 128"),
        ({"max_key": 5}, "max_key: unknown option; did you mean 'max_keys'?"),
        ({"body": "html"}, "body: 'html' is not known"),
    ],
    ids=str,
)
def test_46_a_mistake_names_the_setting_and_the_mend(door: Door, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Site(door, **options).get() if "rules" not in options else Site(door, *options["rules"]).get()
    assert str(error.value).startswith("rate_limit.")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WEB_CONCURRENCY", "4"), ("GUNICORN_CMD_ARGS", "-w 4"), ("GUNICORN_CMD_ARGS", "--workers=4")],
)
def test_46_workers_that_count_apart_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    RateLimit(rules=[rule()])
    assert "there are 4 worker processes, and each counts for itself" in caplog.text


def test_46_a_forwarding_header_that_nobody_trusts_is_warned_of(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(door, rule("9/hour"))
    for _ in range(3):
        site.get("/", ("X-Forwarded-For", "203.0.113.1"))
    assert caplog.text.count("client.trusted_proxies") == 1


def test_46_clients_without_an_address_are_warned_of(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(door, rule("9/hour"))
    site.statuses(3)
    assert "no address" not in caplog.text
    site.statuses(3, peer=None)
    assert caplog.text.count("no address") == 1
    assert "client.trusted_proxies" in caplog.text


# 47: CORS


def cors(door: Door) -> Callable[[Any], Any]:
    """A middleware around perfkit, as the documentation has it."""
    if door.protocol == "asgi":
        return lambda app: CORSMiddleware(app, allow_origins=["https://shop.example"])

    def around(app: Any) -> Any:
        def answering(environ: Any, start_response: Any) -> Any:
            def start(status: str, headers: Any, *exc_info: Any) -> Any:
                return start_response(status, [*headers, ("Access-Control-Allow-Origin", "*")], *exc_info)

            return app(environ, start)

        return answering

    return around


def test_47_a_refusal_has_the_headers_that_let_a_page_read_it(door: Door) -> None:
    site = Site(door, rule("1/hour"), outer=cors(door))
    for status in (200, 429):
        response = site.get("/", PREFLIGHT[0])
        assert response.status == status
        assert response.header("Access-Control-Allow-Origin") in ("*", "https://shop.example")


def test_47_a_preflight_does_not_count(door: Door) -> None:
    site = Site(door, rule("1/hour"))
    assert site.statuses(3, "/", *PREFLIGHT, method="OPTIONS") == [200] * 3
    assert site.get().status == 200
    assert site.statuses(2, "/", *PREFLIGHT, method="OPTIONS") == [200] * 2


@pytest.mark.parametrize(
    ("method", "headers"),
    [("OPTIONS", ()), ("OPTIONS", PREFLIGHT[:1]), ("OPTIONS", PREFLIGHT[1:]), ("GET", PREFLIGHT), ("POST", PREFLIGHT)],
)
def test_47_what_is_no_preflight_counts(door: Door, method: str, headers: Any) -> None:
    assert Site(door, rule("1/hour")).statuses(2, "/", *headers, method=method) == [200, 429]


def test_47_preflights_count_where_that_is_asked_for(door: Door) -> None:
    site = Site(door, rule("1/hour"), count_preflight=True)
    assert site.statuses(2, "/", *PREFLIGHT, method="OPTIONS") == [200, 429]
