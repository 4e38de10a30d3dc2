"""Responses that are left alone: not a byte, not a header changes, unless the test says so."""

from typing import Any

import pytest

from perfkit import Compression, Exchange
from perfkit.compression import REASONS
from tests.features.compression.answers import BODY, JSON, answer, coding, reason


def test_what_is_compressed_otherwise() -> None:
    # So that the tests below can fail.
    assert coding(answer()) == "zstd"
    assert coding(answer(None)) == "zstd"


def left_alone(body: bytes | None = BODY, **given: Any) -> str:
    """The reason, with everything as it was."""
    exchange = answer(body, **given)
    content_type = given.get("content_type", JSON)
    before = [("content-type", content_type)] if content_type is not None else []
    assert exchange.headers == [*before, *given.get("headers", ())]
    assert exchange.body is body
    assert reason(exchange) in REASONS
    return reason(exchange)


@pytest.mark.parametrize("body", [BODY, b"", None])
@pytest.mark.parametrize("status", [100, 101, 103, 204, 205])
def test_statuses_without_a_body_or_with_a_part_of_one(status: int, body: bytes | None) -> None:
    assert left_alone(body, status=status) == "status"


@pytest.mark.parametrize("body", [BODY, None])
@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", JSON), ("content-range", "bytes 0-5/6000"), ("etag", '"a"'), ("accept-ranges", "bytes")],
        [("content-type", "Multipart/ByteRanges; boundary=x"), ("etag", '"a"')],
    ],
)
def test_a_part_of_a_plain_body_is_sent_as_it_is_with_the_vary_of_the_whole(
    headers: list[tuple[str, str]], body: bytes | None
) -> None:
    exchange = answer(body, status=206, content_type=None, headers=headers)
    assert (exchange.body, reason(exchange)) == (body, "status")
    assert exchange.headers == [*headers, ("Vary", "Accept-Encoding")]


def test_a_part_of_what_is_never_compressed_has_no_vary() -> None:
    part = [("content-range", "bytes 0-5/6000")]
    assert left_alone(status=206, content_type="image/png", headers=part) == "status"
    assert left_alone(status=206, content_type=None, headers=part) == "status"
    assert left_alone(status=206, headers=[*part, ("content-encoding", "gzip")]) == "status"
    assert left_alone(status=206, headers=[*part, ("cache-control", "no-transform")]) == "status"
    assert left_alone(status=206, headers=part, exclude=["/"]) == "status"
    assert left_alone(None, status=206, headers=part, sendfile=True) == "status"


@pytest.mark.parametrize("body", [BODY, b"", None])
def test_a_304_keeps_its_empty_body(body: bytes | None) -> None:
    exchange = answer(body, status=304)
    assert (exchange.body, reason(exchange)) == (body, "status")


@pytest.mark.parametrize("body", [BODY, None])
@pytest.mark.parametrize("status", [200, 416])
def test_ranges(status: int, body: bytes | None) -> None:
    assert left_alone(body, status=status, headers=[("content-range", "bytes */6000")]) == "range"


@pytest.mark.parametrize("status", [200, 201, 203, 300, 400, 404, 422, 500, 503])
def test_errors_and_others_are_compressed(status: int) -> None:
    assert coding(answer(status=status)) == "zstd"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
def test_answers_to_all_methods_are_compressed(method: str) -> None:
    assert coding(answer(method=method)) == "zstd"


def test_the_tunnel_of_connect() -> None:
    assert left_alone(None, method="CONNECT") == "status"


@pytest.mark.parametrize("value", ["gzip", "br", "zstd", "GZIP", "aes128gcm", "identity, gzip"])
def test_what_is_encoded_already(value: str) -> None:
    assert left_alone(headers=[("Content-Encoding", value), ("ETag", '"a"')]) == "encoded"


@pytest.mark.parametrize("value", ["identity", "Identity", " identity "])
@pytest.mark.parametrize("body", [BODY, None])
def test_identity_is_an_opt_out_and_is_not_sent(value: str, body: bytes | None) -> None:
    exchange = answer(body, headers=[("content-encoding", value)])
    assert (exchange.headers, exchange.body, reason(exchange)) == ([("content-type", JSON)], body, "opted_out")


@pytest.mark.parametrize(
    "value",
    [
        "no-transform",
        "No-Transform",
        "public, no-transform",
        "no-transform,max-age=1",
        'private="a, b" ,\tno-transform',
    ],
)
def test_no_transform(value: str) -> None:
    assert left_alone(headers=[("cache-control", value)]) == "no_transform"


def test_no_transform_in_a_second_line() -> None:
    assert left_alone(headers=[("Cache-Control", "public"), ("Cache-Control", "no-transform")]) == "no_transform"


@pytest.mark.parametrize(
    "value",
    [
        "no-transformer",
        "x-no-transform",
        "no-transform=1",
        "no transform",
        'private="a, no-transform, b"',
        'private="no-transform"',
        'a="\\", no-transform"',
    ],
)
def test_what_only_looks_like_no_transform(value: str) -> None:
    assert coding(answer(headers=[("cache-control", value)])) == "zstd"


def test_no_transform_can_be_ignored() -> None:
    exchange = answer(headers=[("cache-control", "no-transform")], honor_no_transform=False)
    assert coding(exchange) == "zstd"


def test_no_transform_in_the_request_does_not_count() -> None:
    assert coding(answer(request_headers=[("Cache-Control", "no-transform")])) == "zstd"


@pytest.mark.parametrize(
    "content_type",
    [
        *[None, "", "image/png", "image/jpeg; x=1", "video/mp4", "application/zip", "application/octet-stream"],
        *["font/woff2", "application/pdf", "multipart/x-mixed-replace; boundary=b", "text", "/", "textual/plain"],
        *["application/grpc", "application/grpc+json", "application/jsonsomething", "application/gzip", "audio/ogg"],
    ],
)
def test_types_that_do_not_shrink_or_are_not_known(content_type: str | None) -> None:
    assert left_alone(content_type=content_type) == "type"
    assert left_alone(None, content_type=content_type) == "type"


@pytest.mark.parametrize(
    "content_type",
    [
        *["text/html", "Text/HTML; charset=utf-8", "text/css", "text/javascript;charset=UTF-8", "text/x-anything"],
        *["application/json ; a=b", "APPLICATION/JSON", "application/problem+json", "application/ld+json"],
        *["application/xml", "image/svg+xml", "application/atom+xml", "application/javascript", "application/wasm"],
        *["application/x-ndjson", "text/event-stream", "font/ttf", "application/vnd.ms-fontobject", "image/x-icon"],
        *["application/x-protobuf", "application/msgpack", "application/vnd.api+json", "application/yaml"],
    ],
)
def test_types_that_shrink(content_type: str) -> None:
    assert coding(answer(content_type=content_type)) == "zstd"


def test_types_of_the_settings() -> None:
    feature = Compression(types=["application/x-Book", "font/*"], exclude_types=["text/csv", "image/*"])
    kinds = ["application/x-book", "font/woff", "application/x-books", "text/csv; header=present", "image/svg+xml"]
    assert [coding(answer(feature=feature, content_type=kind)) for kind in kinds] == ["zstd", "zstd", None, None, None]


def test_very_long_and_very_many_types_fill_no_memory() -> None:
    feature = Compression()
    for number in range(300):
        assert coding(answer(feature=feature, content_type=f"text/html; x={'y' * 10_000}{number}")) == "zstd"
    assert feature._kinds._remembered.cache_info().currsize == 0
    for number in range(1000):
        assert coding(answer(feature=feature, content_type=f"text/html; x={number}")) == "zstd"
    assert feature._kinds._remembered.cache_info().currsize <= 256


@pytest.mark.parametrize(("size", "compressed"), [(0, False), (499, False), (500, True)])
def test_small_bodies(size: int, compressed: bool) -> None:
    if compressed:
        assert coding(answer(b"x" * size)) == "zstd"
    else:
        assert left_alone(b"x" * size) == "too_small"


def test_the_minimum_size_of_the_settings() -> None:
    assert coding(answer(b"x" * 100, minimum_size=100)) == "zstd"
    assert left_alone(b"x" * 99, minimum_size=100) == "too_small"
    assert left_alone(b"", minimum_size=0) == "too_small"


def test_small_streams_of_known_length() -> None:
    assert left_alone(None, headers=[("content-length", "499")]) == "too_small"
    assert coding(answer(None, headers=[("content-length", "500")])) == "zstd"
    assert coding(answer(None, headers=[("content-length", "5OO")])) == "zstd"  # no number: not known


def test_files_the_server_sends() -> None:
    assert left_alone(None, sendfile=True) == "file"


@pytest.mark.parametrize("name", ["X-Sendfile", "x-accel-redirect"])
def test_files_the_proxy_sends(name: str) -> None:
    assert left_alone(b"x" * 1000, headers=[(name, "/files/a.txt")]) == "file"


def test_paths_of_the_settings() -> None:
    feature = Compression(exclude=["/login", "/media/*"])
    seen = [coding(answer(feature=feature, target=path)) for path in ("/login?a", "/media/a", "/media", "/a/login")]
    assert seen == [None, None, "zstd", "zstd"]
    assert left_alone(target="/login", exclude=["/login"]) == "path"


def test_a_function_of_the_settings() -> None:
    def is_admin(exchange: Exchange) -> bool:
        return exchange.path.startswith("/admin") and exchange.status == 200

    feature = Compression(skip_if=is_admin)
    assert left_alone(feature=feature, target="/admin/a") == "predicate"
    assert coding(answer(feature=feature, target="/b")) == "zstd"


def noise(size: int) -> bytes:
    """Bytes that do not shrink; the same every time."""
    import random

    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [600, 5000, 200_000])
@pytest.mark.parametrize("accept", ["zstd", "br", "gzip"])
def test_what_does_not_shrink_is_sent_as_it_is_with_vary(size: int, accept: str) -> None:
    body = noise(size)
    exchange = answer(body, accept=accept, headers=[("ETag", '"a"'), ("Accept-Ranges", "bytes")])
    assert (exchange.body, reason(exchange)) == (body, "not_smaller")
    assert exchange.lines("vary") == ["Accept-Encoding"]
    assert (exchange.lines("etag"), exchange.lines("accept-ranges")) == (['"a"'], ["bytes"])


def test_a_gain_of_a_few_bytes_is_none() -> None:
    assert reason(answer(noise(600) + b"x" * 20)) == "not_smaller"
    assert reason(answer(noise(100) + b"x" * 30, minimum_size=1)) == "not_smaller"  # the header takes as much
    assert coding(answer(noise(100) + b"x" * 60, minimum_size=1)) == "zstd"
    assert reason(answer(noise(100_000) + b"x" * 4000)) == "not_smaller"  # less than a twentieth
    assert coding(answer(noise(100_000) + b"x" * 8000)) == "zstd"


def test_a_large_body_is_tried_at_its_start_and_its_middle() -> None:
    half = noise(100_000)
    assert coding(answer(half + b"x" * 110_000)) == "zstd"
    assert coding(answer(b"x" * 90_000 + half)) == "zstd"


def test_a_large_body_that_does_not_shrink_is_not_compressed_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    feature = Compression(codings=["gzip"])
    monkeypatch.delattr("perfkit.features.compression._gzip.Gzip.compress")
    assert reason(answer(noise(200_000), feature=feature)) == "not_smaller"


def test_one_who_refuses_identity_gets_it_longer() -> None:
    body = noise(200_000)
    exchange = answer(body, accept="gzip, *;q=0")
    assert coding(exchange) == "gzip"
    assert exchange.body is not None
    assert len(exchange.body) > len(body)
