"""Timing: the headers, who sees what, and that they are valid whatever goes in. Spans are in test_spans.py."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import ConfigurationError, Timing, span
from perfkit.features import timing
from perfkit.features.timing import member, with_spans
from tests.features.clock import Clock
from tests.features.server_timing import Metric, read
from tests.memory_exchange import MemoryExchange, serve


def query_once() -> None:
    with span("db", "1 query"):
        pass


def entries(exchange: MemoryExchange) -> list[Metric]:
    [line] = exchange.lines("Server-Timing")
    return read(line)


def names(exchange: MemoryExchange) -> list[str]:
    return [metric.name for metric in entries(exchange)]


# The total


def test_total_is_the_time_from_the_request_to_the_response_in_milliseconds(clock: Clock) -> None:
    exchange = serve(Timing(), lambda: clock.advance(12.34))
    assert exchange.headers == [("Server-Timing", "total;dur=12.3")]


def test_total_counts_what_the_host_and_outer_features_took_before(clock: Clock) -> None:
    feature, exchange = Timing(), MemoryExchange()
    clock.advance(5)
    feature.on_request(exchange)
    feature.on_response(exchange)
    assert exchange.lines("Server-Timing") == ["total;dur=5.0"]


def test_total_can_be_left_out() -> None:
    assert serve(Timing(total=False)).headers == []


@pytest.mark.parametrize(("status", "method"), [(200, "HEAD"), (204, "GET"), (304, "GET"), (404, "GET"), (500, "GET")])
def test_every_response_has_it(status: int, method: str) -> None:
    assert names(serve(Timing(), status=status, method=method)) == ["total"]


def test_a_second_head_of_the_same_response_has_it_too() -> None:
    # WSGI: start_response may be called again with exc_info.
    feature, exchange = Timing(), MemoryExchange(internal=True)
    feature.on_request(exchange)
    query_once()
    feature.on_response(exchange)
    exchange.headers = []
    feature.on_response(exchange)
    assert names(exchange) == ["total", "db"]


def test_entries_of_the_application_stay() -> None:
    own = [("server-timing", 'db;dur=4;desc="own"'), ("Server-Timing", "miss")]
    exchange = serve(Timing(), headers=own)
    assert exchange.headers[:2] == own
    assert [metric.name for metric in read(exchange.lines("Server-Timing")[2])] == ["total"]


def test_nothing_is_added_to_a_response_from_a_cache() -> None:
    stored = [("Age", "30"), ("Server-Timing", "total;dur=9.9")]
    feature = Timing(response_time=True, details="always", cpu=True)
    assert serve(feature, query_once, headers=stored).headers == stored


# Details


def test_a_client_that_may_see_internals_gets_the_details() -> None:
    metrics = entries(serve(Timing(), query_once, internal=True))
    assert [metric.name for metric in metrics] == ["total", "db"]
    assert metrics[1].description == "1 query"


def test_other_clients_get_the_total_only() -> None:
    assert names(serve(Timing(cpu=True), query_once)) == ["total"]


def test_details_for_everybody() -> None:
    assert names(serve(Timing(details="always"), query_once)) == ["total", "db"]


def test_details_for_nobody() -> None:
    assert names(serve(Timing(details="never"), query_once, internal=True)) == ["total"]


def test_details_without_the_total() -> None:
    assert names(serve(Timing(total=False), query_once, internal=True)) == ["db"]


def test_who_the_client_is_matters_only_where_there_are_details(monkeypatch: pytest.MonkeyPatch) -> None:
    # Finding it out costs more than all the rest.
    monkeypatch.setattr(MemoryExchange, "internal", property(lambda _: pytest.fail("asked")))
    assert names(serve(Timing())) == ["total"]


def test_cpu_is_the_processor_time_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter((2.0, 2.0345))
    monkeypatch.setattr(timing, "process_time", lambda: next(used))
    metrics = entries(serve(Timing(cpu=True), internal=True))
    assert metrics[1:] == [Metric("cpu", 34.5, None)]


def test_details_have_microseconds(clock: Clock) -> None:
    def app() -> None:
        with span("cache"):
            clock.advance(0.0417)

    assert serve(Timing(), app, internal=True).lines("Server-Timing") == ["total;dur=0.0, cache;dur=0.042"]


# The other headers


def test_response_time_is_a_plain_number_of_milliseconds(clock: Clock) -> None:
    exchange = serve(Timing(response_time=True), lambda: clock.advance(1234.56))
    assert exchange.lines("X-Response-Time") == ["1234.6"]


def test_response_time_of_the_application_stays() -> None:
    exchange = serve(Timing(response_time=True), headers=[("x-response-time", "12ms")])
    assert exchange.lines("X-Response-Time") == ["12ms"]


def test_response_time_needs_no_server_timing() -> None:
    exchange = serve(Timing(total=False, response_time=True))
    assert [name for name, _ in exchange.headers] == ["X-Response-Time"]


def test_origins_that_may_read_the_timing() -> None:
    feature = Timing(allow_origin=["https://a.example", "http://[::1]:8000"])
    assert serve(feature).lines("Timing-Allow-Origin") == ["https://a.example, http://[::1]:8000"]


def test_every_origin_may_read_the_timing() -> None:
    assert serve(Timing(allow_origin="*")).lines("Timing-Allow-Origin") == ["*"]


def test_origins_the_application_has_set_stay() -> None:
    own = [("timing-allow-origin", "https://own.example")]
    assert serve(Timing(allow_origin="*"), headers=own).lines("Timing-Allow-Origin") == ["https://own.example"]


# Bad settings


@pytest.mark.parametrize(
    "origin",
    ["*", "a.example", "https://a.example/", "https://A.example", "https://a.example\r\nX: 1", "https://ä.example", ""],
)
def test_what_is_not_an_origin(origin: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^timing\.allow_origin\[1\]: .* is not an origin; write it in lower"
    ) as caught:
        Timing(allow_origin=["https://a.example", origin])
    assert repr(origin) in caught.value.problem


def test_cpu_that_nobody_would_see() -> None:
    with pytest.raises(ConfigurationError, match=r"^timing\.cpu: nobody would see it"):
        Timing(cpu=True, details="never")


def test_unknown_option() -> None:
    with pytest.raises(ConfigurationError, match=r"^timing\.totl: unknown option; did you mean 'total'\?"):
        Timing(totl=True)


# Bounds


def app_with_spans(*spans: tuple[str, str | None]) -> Callable[[], None]:
    def app() -> None:
        for name, description in spans:
            with span(name, description):
                pass

    return app


def test_at_most_20_entries() -> None:
    exchange = serve(Timing(cpu=True), app_with_spans(*((f"s{n}", None) for n in range(100))), internal=True)
    assert names(exchange) == ["total", "cpu", *(f"s{n}" for n in range(17)), "other"]


def test_entries_without_room_are_summed(clock: Clock) -> None:
    def app() -> None:
        for number in range(40):
            with span(f"s{number}"):
                clock.advance(1)

    metrics = entries(serve(Timing(), app, internal=True))
    assert metrics[-1] == Metric("other", 40.0 - 18, None)
    assert sum(metric.duration or 0 for metric in metrics[1:]) == 40


def test_the_header_is_below_1_kb_with_its_name() -> None:
    spans = [(letter * 64, '"' * 100) for letter in "abcdefghi"]
    exchange = serve(Timing(), app_with_spans(*spans), internal=True)
    assert names(exchange) == ["total", "a" * 64, "b" * 64, "c" * 64, "other"]
    [line] = exchange.lines("Server-Timing")
    assert len(f"Server-Timing: {line}\r\n") <= 1024


@pytest.mark.parametrize("length", range(0, 100, 7))
def test_there_is_room_for_the_sum_of_the_others(length: int) -> None:
    spans = [
        *((letter * 64, "x" * 100) for letter in "abcd"),
        ("filler", "x" * length),
        ("last", "y" * 100),
        ("y", None),
    ]
    exchange = serve(Timing(cpu=True), app_with_spans(*spans), internal=True)
    [line] = exchange.lines("Server-Timing")
    assert len(f"Server-Timing: {line}\r\n") <= 1024


def test_a_span_named_other_is_summed_with_the_others(clock: Clock) -> None:
    def app() -> None:
        for name in ("other", *(f"s{n}" for n in range(30))):
            with span(name):
                clock.advance(1)

    metrics = entries(serve(Timing(), app, internal=True))
    assert [metric.name for metric in metrics] == ["total", *(f"s{n}" for n in range(18)), "other"]
    assert metrics[-1].duration == 31 - 18


def test_a_long_description_is_cut() -> None:
    [_, metric] = entries(serve(Timing(), app_with_spans(("db", "é" + "x" * 150)), internal=True))
    assert metric.description == "x" * 100


def test_an_entry_with_room_follows_one_without() -> None:
    big = [(letter * 64, '"' * 100) for letter in "abcd"]
    assert names(serve(Timing(), app_with_spans(*big, ("small", None)), internal=True))[-2:] == ["small", "other"]


# Valid, whatever goes in

durations = st.floats(min_value=0, max_value=1e12)
tokens = st.from_regex(re.compile(r"[a-z]{1,64}"), fullmatch=True)
spans = st.lists(st.tuples(st.text(max_size=200), st.none() | st.text(max_size=300)), max_size=60)


@given(spans)
def test_the_header_is_valid_for_spans_of_any_name_and_description(spans: list[tuple[str, str | None]]) -> None:
    exchange = serve(Timing(cpu=True, details="always"), app_with_spans(*spans))
    [line] = exchange.lines("Server-Timing")
    metrics = read(line)
    assert len(metrics) <= 20
    assert len(f"Server-Timing: {line}\r\n") <= 1024
    assert len({metric.name for metric in metrics[2:]}) == len(metrics) - 2


@given(st.dictionaries(tokens, st.tuples(durations, st.none()), max_size=30))
def test_durations_are_decimal_and_add_up(spans: dict[str, tuple[float, None]]) -> None:
    line = ", ".join(with_spans(["total;dur=0.0"], spans))
    shown = sum(metric.duration or 0 for metric in read(line))
    assert shown == pytest.approx(sum(milliseconds for milliseconds, _ in spans.values()), abs=0.03)
    assert len(f"Server-Timing: {line}\r\n") <= 1024


@given(st.text())
def test_the_description_says_what_was_given_in_printable_ascii(text: str) -> None:
    expected = "".join(char for char in text if " " <= char <= "~")[:100]
    [metric] = read(member("db", 1.0, text))
    assert metric == Metric("db", 1.0, expected or None)


def test_what_other_features_took_is_a_detail() -> None:
    def told(exchange: MemoryExchange) -> None:
        exchange.add_timing("compress", 0.0125)

    assert "compress;dur=12.500" in serve(Timing(), view=told, internal=True).lines("Server-Timing")[0]
    assert "compress" not in serve(Timing(), view=told).lines("Server-Timing")[0]
