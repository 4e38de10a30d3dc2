"""ConditionalGet: which responses get an ETag, what becomes a 304 or a 412, and what stays in it."""

from hashlib import sha256
from time import perf_counter

import pytest

from perfkit import ConditionalGet, ConfigurationError, Pending
from perfkit.features import conditional_get
from tests.features.conditional_get.answers import BODY, MONDAY, SATURDAY, SUNDAY, answer, tag_of
from tests.memory_exchange import MemoryExchange

LENGTH = ("Content-Length", str(len(BODY)))

# The ETag that is made


def test_a_whole_body_gets_a_weak_tag_of_128_bits():
    exchange = answer(headers=[("Content-Type", "application/json")])
    assert tag_of(exchange) == f'W/"{sha256(BODY).hexdigest()[:32]}"'
    assert (exchange.status, exchange.body) == (200, BODY)
    assert exchange.facts["conditional"] == "made"


def test_the_same_body_has_the_same_tag_and_another_body_another():
    assert tag_of(answer()) == tag_of(answer(headers=[("Vary", "Cookie")]))
    assert tag_of(answer()) != tag_of(answer(body=BODY + b"y"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_methods_that_read_get_one(method):
    assert tag_of(answer(method=method)) == tag_of(answer())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"])
def test_other_methods_get_none(method):
    exchange = answer(("If-None-Match", "*"), ("If-Match", '"a"'), method=method)
    assert (exchange.status, exchange.headers, exchange.facts) == (200, [], {})


@pytest.mark.parametrize(
    ("reason", "response"),
    [
        ("stream", {"body": None}),
        ("status", {"status": 203}),
        ("status", {"status": 206}),
        ("size", {"body": b"x" * 79}),
        ("size", {"body": b"x" * (4 * 1024 * 1024 + 1)}),
        ("unique", {"unique": True}),
        ("no_store", {"headers": [("Cache-Control", "private, No-Store")]}),
        ("cookies", {"headers": [("Set-Cookie", "session=1")]}),
        ("event_stream", {"headers": [("Content-Type", "text/event-stream; charset=utf-8")]}),
        ("head", {"method": "HEAD", "body": b"", "headers": [LENGTH]}),
        ("head", {"method": "HEAD", "body": b""}),
    ],
)
def test_what_gets_none_and_why(reason, response):
    exchange = answer(**response)
    assert exchange.facts["conditional"] == f"skipped:{reason}"
    assert (tag_of(exchange), exchange.body) == (None, response.get("body", BODY))


@pytest.mark.parametrize("status", [201, 204, 301, 304, 400, 404, 412, 500])
def test_no_tag_for_a_response_of_another_status(status):
    assert tag_of(answer(status=status)) is None


@pytest.mark.parametrize("size", [80, 4 * 1024 * 1024])
def test_the_ends_of_the_window(size):
    assert tag_of(answer(body=b"x" * size))


def test_the_window_can_be_set():
    feature = ConditionalGet(minimum_size=10, maximum_size=20)
    tagged = [size for size in range(25) if tag_of(answer(feature=feature, body=b"x" * size))]
    assert tagged == list(range(10, 21))


def test_a_body_that_head_left_out_is_no_empty_body():
    feature = ConditionalGet(minimum_size=0)
    assert tag_of(answer(feature=feature, method="HEAD", body=b"")) is None
    assert tag_of(answer(feature=feature, method="HEAD", body=b"", headers=[LENGTH])) is None
    empty = answer(feature=feature, method="HEAD", body=b"", headers=[("Content-Length", "0")])
    assert tag_of(empty) == tag_of(answer(feature=feature, body=b"", headers=[("Content-Length", "0")]))


def test_a_stream_that_the_host_put_together_stays_a_stream():
    exchange = MemoryExchange()
    exchange.status, exchange.body, exchange.streamed = 200, BODY, True
    assert ConditionalGet().on_response(exchange) is None
    assert tag_of(exchange) is None
    assert exchange.facts["conditional"] == "skipped:stream"


def test_responses_that_set_cookies_can_have_one():
    exchange = answer(feature=ConditionalGet(cookies=True), headers=[("Set-Cookie", "a=b")])
    assert tag_of(exchange)


@pytest.mark.parametrize("etag", ['"mine"', 'W/"mine"', "mine"])
def test_the_tag_of_the_application_stays(etag):
    exchange = answer(headers=[("etag", etag)])
    assert exchange.headers == [("etag", etag)]
    assert exchange.facts["conditional"] == "present"


def test_making_tags_can_be_turned_off_and_the_applications_own_still_count():
    feature = ConditionalGet(etags=False)
    exchange = answer(feature=feature)
    assert (tag_of(exchange), exchange.facts["conditional"]) == (None, "skipped:off")
    assert answer(("If-None-Match", '"a"'), feature=feature, headers=[("ETag", '"a"')]).status == 304


@pytest.mark.parametrize("run_async", [True, False])
def test_a_large_body_is_hashed_on_a_thread(run_async):
    body = b"x" * (1024 * 1024)
    exchange = MemoryExchange()
    exchange.status, exchange.body = 200, body
    assert isinstance(ConditionalGet().on_response(exchange), Pending)
    exchange.body = body[:-1]
    assert ConditionalGet().on_response(exchange) is None
    tag = tag_of(answer(body=body, run_async=run_async))
    assert tag == conditional_get.made_tag(body)
    assert answer(("If-None-Match", tag or ""), body=body, run_async=run_async).status == 304


# 304


def test_what_the_client_has_is_not_sent_again():
    tag = tag_of(answer()) or ""
    exchange = answer(("If-None-Match", tag))
    assert (exchange.status, exchange.body, tag_of(exchange)) == (304, b"", tag)
    assert exchange.facts["conditional"] == "not_modified"


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_methods_that_read_are_answered_with_304(method):
    assert answer(("If-None-Match", '"a"'), method=method, headers=[("ETag", '"a"')]).status == 304


def test_a_stream_with_a_tag_becomes_one():
    exchange = answer(("If-None-Match", 'W/"a"'), headers=[("ETag", '"a"'), ("Content-Type", "text/csv")], body=None)
    assert (exchange.status, exchange.body) == (304, b"")


def test_a_changed_response_is_sent():
    exchange = answer(("If-None-Match", '"old"'))
    assert (exchange.status, exchange.body) == (200, BODY)
    assert exchange.facts["conditional"] == "modified"
    assert answer(("If-None-Match", '"old"'), body=None).facts["conditional"] == "skipped:stream"


def test_a_date_decides_where_there_is_no_tag_in_the_request():
    modified = [("Last-Modified", SUNDAY)]
    assert answer(("If-Modified-Since", SUNDAY), headers=modified).status == 304
    assert answer(("If-Modified-Since", SATURDAY), headers=modified).status == 200
    both = answer(("If-Modified-Since", SUNDAY), ("If-None-Match", '"old"'), headers=modified)
    assert (both.status, both.facts["conditional"]) == (200, "modified")
    assert answer(("If-Modified-Since", SUNDAY), headers=[("Last-Modified", "yesterday")]).status == 200


def test_a_date_alone_is_a_validator():
    assert answer(headers=[("Last-Modified", SUNDAY)], body=None).facts["conditional"] == "present"


def test_several_lines_of_tags_are_one_list():
    assert answer(("If-None-Match", '"b"'), ("If-None-Match", '"a"'), headers=[("ETag", '"a"')]).status == 304


KEPT = [
    ("ETag", '"a"'),
    ("Cache-Control", "max-age=60"),
    ("Content-Location", "/books.en"),
    ("Date", MONDAY),
    ("Expires", MONDAY),
    ("Last-Modified", SUNDAY),
    ("Vary", "Accept-Encoding"),
    ("Vary", "Origin"),
    ("Set-Cookie", "a=b"),
    ("Set-Cookie", "c=d"),
    ("Access-Control-Allow-Origin", "https://app.example"),
    ("Content-Security-Policy", "default-src 'self'"),
    ("X-Request-Id", "7"),
    ("RateLimit", "r=1"),
    ("Accept-Ranges", "bytes"),
    ("Link", "</style.css>; rel=preload"),
]
DROPPED = [
    ("Content-Type", "text/html"),
    ("content-length", "1000"),
    ("Content-Encoding", "gzip"),
    ("Content-Language", "en"),
    ("Content-Range", "bytes 0-1/2"),
    ("Content-MD5", "x"),
    ("Content-Digest", "sha-256=:x:"),
    ("Repr-Digest", "sha-256=:x:"),
    ("Digest", "sha-256=x"),
    ("Trailer", "Content-Digest"),
    ("Transfer-Encoding", "chunked"),
]


def test_a_304_keeps_everything_but_what_describes_the_body():
    exchange = answer(("If-None-Match", '"a"'), headers=DROPPED + KEPT)
    assert exchange.headers == KEPT


def test_the_content_type_of_what_became_a_304_is_known_to_other_features():
    exchange = answer(("If-None-Match", '"a"'), headers=DROPPED + KEPT)
    assert exchange.facts["content_type"] == "text/html"


@pytest.mark.parametrize("status", [304, 412, 428])
def test_what_the_application_answered_itself_passes(status):
    headers = [("ETag", '"a"'), ("Content-Type", "text/plain"), ("Content-Length", "0")]
    exchange = answer(("If-None-Match", '"a"'), ("If-Match", '"b"'), status=status, headers=headers, body=b"")
    assert (exchange.status, exchange.headers, exchange.facts) == (status, headers, {})


@pytest.mark.parametrize("status", [301, 400, 404, 416, 500])
def test_conditions_do_not_count_where_the_answer_is_no_success(status):
    exchange = answer(("If-None-Match", "*"), ("If-Match", '"b"'), status=status, headers=[("ETag", '"a"')])
    assert (exchange.status, exchange.body) == (status, BODY)


# 412


def test_a_condition_of_a_read_that_fails_is_told():
    exchange = answer(("If-Match", '"b"'), headers=[("ETag", '"a"'), *DROPPED])
    assert (exchange.status, exchange.body) == (412, b"")
    assert exchange.facts["conditional"] == "precondition_failed"
    own = ("content-length", "content-type")
    assert not {name.lower() for name, _ in DROPPED} & {name.lower() for name, _ in exchange.headers} - {*own}
    assert [exchange.lines(name) for name in own] == [["0"], ["text/plain; charset=utf-8"]]
    assert answer(("If-Unmodified-Since", SATURDAY), headers=[("Last-Modified", SUNDAY)]).status == 412


def test_no_cache_keeps_a_412():
    # Who asks for the same without a condition would get it (RFC 9111 section 3).
    caching = [("Cache-Control", "public, max-age=60"), ("Expires", MONDAY), ("CDN-Cache-Control", "max-age=60")]
    exchange = answer(("If-Match", '"b"'), headers=[("ETag", '"a"'), ("Vary", "Origin"), *caching])
    assert exchange.lines("Cache-Control") == ["no-store"]
    assert not exchange.lines("Expires") + exchange.lines("CDN-Cache-Control")
    assert exchange.lines("Vary") == ["Origin"]


def test_the_length_of_a_body_that_head_left_out_is_not_that_of_the_412():
    exchange = answer(
        ("If-Match", '"b"'), method="HEAD", body=b"", headers=[("ETag", '"a"'), ("Content-Length", "1000")]
    )
    assert exchange.status == 412
    assert exchange.lines("Content-Length") in ([], ["0"])


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_a_change_that_was_made_is_never_answered_with_412(method):
    exchange = answer(("If-Match", '"b"'), method=method, headers=[("ETag", '"a"')])
    assert (exchange.status, exchange.body) == (200, BODY)


def test_empty_headers_are_none():
    for name in ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"):
        assert answer((name, "")).facts["conditional"] == "made"
    # An empty If-Match would fail, and an empty If-None-Match would hide the date.
    modified = [("Last-Modified", SUNDAY)]
    assert answer(("If-Match", ""), ("If-None-Match", '"old"')).status == 200
    assert answer(("If-None-Match", ""), ("If-Modified-Since", SUNDAY), headers=modified).status == 304
    assert answer(("If-Match", ""), ("If-Unmodified-Since", SATURDAY), headers=modified).status == 412


# If-Range


@pytest.mark.parametrize(
    "if_range", ['W/"a"', "garbage", '"a", "b"', '"', "Sun, 06 Nov 1994 08:49:37", "", '"a"b"', "*"]
)
def test_a_range_whose_condition_cannot_hold_is_dropped(if_range):
    exchange = answer(("Range", "bytes=0-9"), ("If-Range", if_range))
    assert exchange.request_headers == []


@pytest.mark.parametrize("if_range", ['"a"', '"a-gzip"', SUNDAY, "Sunday, 06-Nov-94 08:49:37 GMT"])
def test_one_that_may_hold_is_left_to_the_application(if_range):
    asked = [("Range", "bytes=0-9"), ("If-Range", if_range)]
    assert answer(*asked).request_headers == asked


def test_a_range_without_a_condition_and_a_condition_without_a_range_are_left_alone():
    for asked in ([("Range", "bytes=0-9")], [("If-Range", 'W/"a"')]):
        assert answer(*asked).request_headers == asked


# Garbage


@pytest.mark.parametrize("name", ["If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("piece", ["W/", '"', '"a",', ", ", "Sun, 06 Nov 1994 ", "\xff"])
def test_a_long_header_is_answered_quickly(name, piece):
    started = perf_counter()
    headers = [("ETag", '"a"'), ("Last-Modified", SUNDAY)]
    exchange = answer((name, piece * (100_000 // len(piece))), ("Range", "bytes=0-1"), headers=headers)
    assert perf_counter() - started < 1
    assert exchange.status in ((200, 304) if name == "If-None-Match" else (200, 412))


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimum_size": -1}, "conditional_get.minimum_size: -1 is not allowed"),
        ({"maximum_size": "1MB"}, "conditional_get.maximum_size: '1MB' is a str, not an int"),
        ({"minimum_size": 5, "maximum_size": 4}, "conditional_get.minimum_size: 5 is more than maximum_size, 4"),
        ({"etag": True}, "conditional_get.etag: unknown option; did you mean 'etags'?"),
    ],
)
def test_a_mistake_names_the_option(options, message):
    with pytest.raises(ConfigurationError) as caught:
        ConditionalGet(**options)
    assert str(caught.value).startswith(message)
