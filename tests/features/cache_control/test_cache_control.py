"""CacheControl: the first rule that fits a response that says nothing itself."""

import logging
from typing import Any

import pytest

from perfkit import CacheControl, ConditionalGet, ConfigurationError, Settings
from tests.memory_exchange import MemoryExchange

STATIC = "public, max-age=31536000, immutable"
PAGE = "private, max-age=60"
HTML = ("Content-Type", "text/html; charset=utf-8")
EXPIRES = ("Expires", "Sun, 06 Nov 1994 08:49:37 GMT")


def respond(
    *rules: dict[str, str],
    path: str = "/",
    method: str = "GET",
    status: int = 200,
    headers: Any = (HTML,),
    unique: bool = False,
    facts: Any = (),
) -> MemoryExchange:
    exchange = MemoryExchange(method=method, target=path)
    exchange.status, exchange.headers, exchange.unique = status, list(headers), unique
    exchange.facts.update(facts)
    CacheControl(rules=rules).on_response(exchange)
    return exchange


def sent(*rules: dict[str, str], **response: Any) -> str | None:
    lines = respond(*rules, **response).lines("Cache-Control")
    assert len(lines) <= 1
    return lines[0] if lines else None


# Which rule


def test_the_first_rule_that_fits_counts():
    rules = [
        {"path": "/static/*", "value": STATIC},
        {"path": "/static/*", "value": "no-store"},
        {"path": "/api/*", "value": "private, no-cache"},
        {"type": "text/html", "value": PAGE},
        {"value": "no-cache"},
    ]
    assert sent(*rules, path="/static/app.js") == STATIC
    assert sent(*rules, path="/api/books") == "private, no-cache"
    assert sent(*rules, path="/books") == PAGE
    assert sent(*rules, path="/books", headers=[("Content-Type", "text/csv")]) == "no-cache"
    assert sent(*rules[:3], path="/books") is None


def test_a_rule_may_name_path_and_type():
    rule = {"path": "/media/*", "type": "image/*", "value": STATIC}
    assert sent(rule, path="/media/a", headers=[("Content-Type", "Image/PNG")]) == STATIC
    assert sent(rule, path="/media/a") is None
    assert sent(rule, path="/a", headers=[("Content-Type", "image/png")]) is None


def test_a_response_without_a_content_type_fits_no_type():
    assert sent({"type": "text/html", "value": PAGE}, headers=[]) is None
    assert sent({"type": "text/html", "value": PAGE}, {"value": "no-cache"}, headers=[]) == "no-cache"
    assert sent({"type": "*/*", "value": PAGE}, headers=[]) == PAGE


# What stays alone


@pytest.mark.parametrize("own", [("cache-control", "max-age=1"), ("Cache-Control", ""), EXPIRES])
def test_what_the_application_says_stays(own):
    assert respond({"value": PAGE}, headers=[own]).headers == [own]


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 400, 401, 403, 404, 410, 412, 416, 429, 500, 503])
def test_a_mishap_is_not_kept(status):
    assert sent({"value": STATIC}, status=status) is None
    assert sent({"value": PAGE}, status=status) is None


@pytest.mark.parametrize("status", [200, 203, 204, 206, 301, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_about_the_resource_is(status, method):
    assert sent({"value": STATIC}, status=status, method=method) == STATIC


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "QUERY"])
def test_nor_is_the_answer_to_a_change(method):
    assert sent({"value": STATIC}, method=method) is None


@pytest.mark.parametrize("value", ["no-store", "private, no-cache", "max-age=0, No-Cache", "no-store, must-revalidate"])
@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("GET", 302), ("GET", 404), ("POST", 201), ("PUT", 500)])
def test_a_rule_that_restricts_goes_for_all_responses(value, method, status):
    cookie = [("Set-Cookie", "session=1")]
    assert sent({"value": value}, method=method, status=status, headers=cookie) == value


@pytest.mark.parametrize("response", [{"headers": [("Set-Cookie", "session=1")]}, {"unique": True}])
def test_no_shared_cache_gets_what_is_for_one_person(response):
    for value in ("public, max-age=60", "max-age=60", "s-maxage=60", 'private="x", max-age=60', 'no-cache="x"'):
        assert sent({"value": value}, **response) is None
    assert sent({"value": PAGE}, **response) == PAGE


# 304


def test_a_304_gets_what_the_200_has():
    rules = [{"type": "text/html", "value": PAGE}, {"value": "max-age=1"}]
    for headers in ([HTML], [("Content-Type", "text/css")], []):
        exchange = MemoryExchange(request_headers=[("If-None-Match", '"a"')])
        exchange.status, exchange.headers = 200, [("ETag", '"a"'), *headers]
        ConditionalGet().on_response(exchange)
        assert exchange.status == 304
        CacheControl(rules=rules).on_response(exchange)
        assert exchange.lines("Cache-Control") == [sent(*rules, headers=headers)]


def test_one_of_the_application_gets_none_where_its_type_would_decide():
    typed, all_paths = {"type": "text/html", "value": PAGE}, {"value": "max-age=1"}
    assert sent(typed, all_paths, status=304, headers=[]) is None
    assert sent({**typed, "path": "/static/*"}, all_paths, status=304, headers=[]) == "max-age=1"
    assert sent(all_paths, typed, status=304, headers=[]) == "max-age=1"


# Mistakes


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("public, private", "public and private contradict each other"),
        ("public, no-store", "public and no-store contradict each other"),
        ("private, s-maxage=1", "s-maxage and private contradict each other"),
        ("no-store, max-age=60", "no-store and max-age contradict each other"),
        ("max-age=60, immutable, no-cache", "immutable and no-cache contradict each other"),
        ("max-age", "max-age gives no number of seconds"),
        ("max-age=1h", "max-age=1h gives no number of seconds"),
        ('max-age="60"', 'max-age="60" gives no number of seconds'),
        ("max-age=-1", "max-age=-1 gives no number of seconds"),
        ("max-age=٣", "'max-age=٣' is not a directive"),
        ("max-age=60, Max-Age=70", "max-age stands there twice"),
        ("public=1", "public takes no argument"),
        ("private=set-cookie", "the argument of private is not in quotes"),
        ("public; max-age=60", "'public; max-age=60' is not a directive"),
        ("max-age = 60", "'max-age = 60' is not a directive"),
        ("public\r\nX: y", r"'public\r\nX: y' is not a directive"),
        ('private="x', "'private=\"x' is not a directive"),
        ("", "no directive is in it"),
        (" , ", "no directive is in it"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(value, problem):
    with pytest.raises(ConfigurationError) as caught:
        CacheControl(rules=[{"value": value}])
    assert str(caught.value).startswith(f"cache_control.rules[0].value: {problem}")
    assert caught.value.setting == "cache_control.rules[0].value"


@pytest.mark.parametrize(
    "value",
    [
        "public, max-age=31536000, immutable",
        "max-age=0, no-cache, no-store, must-revalidate, private",
        "must-understand, no-store, max-age=60",
        'no-cache="set-cookie, x", max-age=60',
        "s-maxage=60, stale-while-revalidate=30, stale-if-error=600",
        'public, max-age=60, private="set-cookie"',
    ],
)
def test_values_that_can(value, caplog):
    assert CacheControl(rules=[{"value": value}]).options.rules[0].value == value
    assert not caplog.records


@pytest.mark.parametrize(
    ("value", "doubt"),
    [
        ("public, maxage=60", "maxage is no directive that caches know; did you mean 'max-age'?"),
        ("max-stale=1, x", "x is no directive that caches know"),
        ("public, immutable", "immutable says nothing without max-age"),
    ],
)
def test_a_value_in_doubt_is_told_at_start_up(value, doubt, caplog):
    caplog.set_level(logging.WARNING, "perfkit")
    feature = CacheControl(rules=[{"value": "no-cache"}, {"value": value}])
    assert f"cache_control.rules[1].value: {doubt}" in caplog.messages
    assert feature.options.rules[1].value == value


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"value": "public", "path": "static/*"}, "cache_control.rules[0].path: 'static/*' is not a path; write for"),
        ({"value": "public", "path": ""}, "cache_control.rules[0].path: '' is not a path"),
        ({"value": "public", "type": "text/html; q"}, "cache_control.rules[0].type: 'text/html; q' is not a media"),
        ({"value": "public", "type": "Text/HTML"}, "cache_control.rules[0].type: 'Text/HTML' is not a media type"),
        ({"path": "/"}, "cache_control.rules[0].value: is missing"),
        ({"value": "public", "paths": "/"}, "cache_control.rules[0].paths: unknown option; did you mean 'path'?"),
    ],
)
def test_a_mistake_names_the_rule(rule, message):
    with pytest.raises(ConfigurationError) as caught:
        CacheControl(rules=[rule])
    assert str(caught.value).startswith(message)


def test_it_is_off_unless_it_has_rules():
    assert Settings().sections["cache_control"] is None
    on = Settings({"cache_control": {"rules": [{"value": "no-cache"}]}})
    assert [feature for feature in on.features() if isinstance(feature, CacheControl)]
    empty: tuple[Any, ...] = (True, {}, {"rules": []})
    for section in empty:
        with pytest.raises(ConfigurationError, match=r"cache_control\.rules"):
            Settings({"cache_control": section})
