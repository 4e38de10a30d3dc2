"""Whole bodies: the bytes, HEAD, threads, padding and the cache."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Compression
from perfkit.feature import Pending
from perfkit.features.compression import _offload
from perfkit.features.compression._cache import _OVERHEAD, BodyCache
from tests.features.compression.answers import BODY, BROWSER, JSON, answer, coding, decoded, outcome, reason
from tests.memory_exchange import MemoryExchange

CODINGS = ["zstd", "br", "gzip"]
LARGE = BODY * 60  # 350 KB


@pytest.mark.parametrize("accept", CODINGS)
@pytest.mark.parametrize("body", [b"x" * 500, BODY, LARGE, LARGE * 4])
def test_clients_read_what_the_application_sent(accept: str, body: bytes) -> None:
    exchange = answer(body, accept=accept)
    assert coding(exchange) == accept
    assert decoded(exchange) == body
    assert exchange.body is not None
    assert len(exchange.body) < len(body) / 2


@pytest.mark.parametrize("accept", CODINGS)
def test_the_same_body_gives_the_same_bytes(accept: str) -> None:
    one, other = Compression(), Compression()
    assert answer(feature=one, accept=accept).body == answer(feature=one, accept=accept).body
    assert answer(feature=one, accept=accept).body == answer(feature=other, accept=accept).body


@given(
    st.one_of(st.binary(max_size=3000), st.text(max_size=50).map(lambda text: text.encode() * 40)),
    st.sampled_from([*CODINGS, "*", "gzip;q=0.3, br;q=0.4", "identity;q=0, *", ""]),
)
def test_any_body_arrives_and_the_head_is_true(body: bytes, accept: str) -> None:
    exchange = answer(body, feature=SHARED, accept=accept, headers=[("ETag", '"a"')])
    assert decoded(exchange) == body
    name = coding(exchange)
    assert exchange.lines("etag") == [f'"a-{name}"' if name else '"a"']
    assert outcome(exchange).coding == name
    assert exchange.lines("vary") == ([] if reason_or_none(exchange) == "too_small" else ["Accept-Encoding"])


SHARED = Compression(codings=["zstd", "br", "gzip"])


def reason_or_none(exchange: MemoryExchange) -> str | None:
    return outcome(exchange).reason or None


# HEAD


@pytest.mark.parametrize("accept", [*CODINGS, "identity"])
@pytest.mark.parametrize("size", [100, 5000, 20_000])
def test_head_with_the_body_has_the_head_of_get(accept: str, size: int) -> None:
    body, headers = (BODY * 4)[:size], [("ETag", '"a"')]
    get, head = (answer(body, accept=accept, method=method, headers=headers) for method in ("GET", "HEAD"))
    assert get.headers == head.headers
    assert get.body == head.body  # from which the host knows Content-Length


@pytest.mark.parametrize("accept", [*CODINGS, "identity"])
@pytest.mark.parametrize("size", [100, 5000, 20_000])
def test_head_without_the_body_has_the_head_of_get_but_for_the_length_only_the_body_tells(
    accept: str, size: int
) -> None:
    body, headers = (BODY * 4)[:size], [("Content-Length", str(size)), ("ETag", '"a"')]
    get = answer(body, accept=accept, headers=headers)
    head = answer(b"", accept=accept, method="HEAD", headers=headers)
    assert coding(head) == coding(get)
    length = [("Content-Length", str(size))] if coding(head) else []
    assert sorted(head.headers) == sorted(field for field in get.headers if field not in length)
    assert head.body == b""


@pytest.mark.parametrize("body", [b"", None])
@pytest.mark.parametrize("content_type", [JSON, "text/event-stream"])
def test_head_of_a_stream_has_the_head_of_get_and_no_encoder(body: bytes | None, content_type: str) -> None:
    get = answer(None, content_type=content_type)
    head = answer(body, content_type=content_type, method="HEAD")
    assert head.headers == get.headers
    assert (head.encoder, head.body) == (None, body)


# Threads


def large(feature: Compression, body: bytes, accept: str) -> tuple[MemoryExchange, object]:
    exchange = MemoryExchange(request_headers=[("Accept-Encoding", accept)])
    exchange.status, exchange.body, exchange.headers = 200, body, [("content-type", JSON), ("ETag", '"a"')]
    return exchange, feature.on_response(exchange)


@pytest.mark.parametrize(
    ("accept", "size", "levels"), [("zstd", 256, {}), ("gzip", 256, {}), ("gzip", 64, {"gzip": 6}), ("br", 128, {})]
)
def test_large_bodies_wait_for_a_thread_and_others_do_not(accept: str, size: int, levels: dict[str, int]) -> None:
    feature = Compression(levels=levels)
    assert large(feature, LARGE[: size * 1024 - 1], accept)[1] is None
    exchange, pending = large(feature, LARGE[: size * 1024], accept)
    assert isinstance(pending, Pending)
    assert coding(exchange) is None
    pending.run()
    assert decoded(exchange) == LARGE[: size * 1024]


@pytest.mark.parametrize("accept", CODINGS)
def test_the_event_loop_goes_on_meanwhile(accept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    compressed = Compression()._bodies.compressed

    def watched(*args: object, **kwargs: object) -> bytes | None:
        threads.append(threading.current_thread().name)
        return compressed(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(
        "perfkit.features.compression._whole.Bodies.compressed", lambda _, *args, **kw: watched(*args, **kw)
    )
    exchange, pending = large(Compression(), LARGE, accept)
    assert isinstance(pending, Pending)
    asyncio.run(pending.run_async())
    assert decoded(exchange) == LARGE
    assert (coding(exchange), exchange.lines("etag")) == (accept, [f'"a-{accept}"'])
    assert [name for name, _ in exchange.timings] == ["compress"]
    assert all(name.startswith("perfkit-compression") for name in threads)
    assert len(threads) == 1


def test_trio_goes_on_meanwhile_too() -> None:
    exchange, pending = large(Compression(), LARGE, "zstd")
    assert isinstance(pending, Pending)
    trio.run(pending.run_async)
    assert decoded(exchange) == LARGE


def test_there_are_no_more_threads_than_processors() -> None:
    running, most, lock = 0, 0, threading.Lock()
    started = threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        started.wait(0.02)
        with lock:
            running -= 1

    async def all_at_once() -> None:
        await asyncio.gather(*(_offload.offloaded(work) for _ in range(20)))

    asyncio.run(all_at_once())
    asyncio.run(all_at_once())  # in another event loop too
    import os

    assert 1 <= most <= (os.cpu_count() or 1)


@pytest.mark.parametrize("accept", CODINGS)
def test_many_threads_at_once_get_what_is_theirs(accept: str) -> None:
    feature = Compression()
    bodies = [f'{{"number": {number}}}'.encode() * (40 + number * 7 % 900) for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        exchanges = list(pool.map(lambda body: answer(body, feature=feature, accept=accept), bodies))
    assert [decoded(exchange) for exchange in exchanges] == bodies


# Padding


@pytest.mark.parametrize("accept", CODINGS)
@pytest.mark.parametrize("body", [BODY, LARGE])
def test_padding_blurs_the_length_and_nothing_else(accept: str, body: bytes) -> None:
    feature = Compression(padding=100)
    exchanges = [answer(body, feature=feature, accept=accept, headers=[("ETag", '"a"')]) for _ in range(40)]
    assert all(decoded(exchange) == body for exchange in exchanges)
    assert {exchange.lines("etag")[0] for exchange in exchanges} == {f'"a-{accept}"'}
    lengths = {len(exchange.body or b"") for exchange in exchanges}
    assert len(lengths) > 10
    assert max(lengths) - min(lengths) <= 110


def test_all_lengths_of_padding_are_drawn() -> None:
    bodies = Compression(padding=3)._bodies
    assert {bodies.drawn_padding() for _ in range(500)} == {0, 1, 2, 3}
    assert {Compression()._bodies.drawn_padding() for _ in range(10)} == {0}


# The cache


def test_a_body_sent_again_is_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    feature = Compression(codings=["gzip"], cache_size=100_000)
    first = answer(feature=feature)
    other = answer(BODY * 2, feature=feature)
    monkeypatch.delattr("perfkit.features.compression._gzip.Gzip.compress")
    assert answer(bytes(bytearray(BODY)), feature=feature).body == first.body
    assert decoded(answer(BODY * 2, feature=feature)) == decoded(other) == BODY * 2
    with pytest.raises(NotImplementedError):
        answer(BODY * 3, feature=feature)


def test_each_coding_has_its_own() -> None:
    feature = Compression(cache_size=100_000)
    for accept in [*CODINGS, *CODINGS]:
        assert decoded(answer(feature=feature, accept=accept)) == BODY


def test_the_cache_stays_within_its_size_and_forgets_what_is_not_asked_for() -> None:
    entry = 1000 + _OVERHEAD
    cache = BodyCache(entry * 5)
    keys = [BodyCache.key("gzip", bytes([number])) for number in range(200)]
    for key in keys:
        cache.put(key, bytes(1000))
        cache.get(keys[0])
    assert [key for key in keys if cache.get(key) is not None] == [keys[0], *keys[-4:]]
    assert cache._free == 0
    cache.put(keys[0], bytes(1000))  # is there
    assert (cache._free, len(cache._bodies)) == (0, 5)
    large = BodyCache.key("gzip", b"large")
    cache.put(large, bytes(entry * 2))
    assert cache.get(large) is None


def test_many_threads_share_the_cache() -> None:
    cache = BodyCache(50_000)

    def use(number: int) -> bool:
        key = BodyCache.key("gzip", bytes([number % 100]))
        data = cache.get(key)
        if data is None:
            cache.put(key, bytes([number % 100]) * 1000)
            return True
        return data == bytes([number % 100]) * 1000

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(5000)))
    kept = sum(len(data) + _OVERHEAD for data in cache._bodies.values())
    assert kept + cache._free == 50_000
    assert cache._free >= 0


def test_no_thread_of_the_parent_is_waited_for_after_a_fork() -> None:
    asyncio.run(_offload.offloaded(int))
    pool = _offload._threads()
    _offload._forget()
    assert _offload._threads() is not pool
    pool.shutdown()


def test_not_smaller_is_told_after_a_thread_too() -> None:
    import random

    body = random.Random(1).randbytes(4096) + b"x" * 2000 + random.Random(2).randbytes(300_000)
    body = b"x" * 5000 + body
    exchange, pending = large(Compression(), body, BROWSER)
    assert isinstance(pending, Pending)
    asyncio.run(pending.run_async())
    assert (exchange.body, reason(exchange), exchange.lines("vary")) == (body, "not_smaller", ["Accept-Encoding"])
