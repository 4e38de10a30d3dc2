"""Bodies in pieces: passed on, encoded, replaced."""

from __future__ import annotations

from tests.conformance.behaviours import Stream
from tests.conformance.case import case
from tests.conformance.encoders import Framed, HoldBack, Upper
from tests.conformance.features import Edit, Encode, Holding, Recorder, Remember
from tests.conformance.hosts import IN_PROCESS
from tests.conformance.run import Run
from tests.conformance.trace import Trace

ABC = (b"a", b"b", b"c")
MANY = tuple(bytes([65 + number % 26]) * 64 * 1024 for number in range(80))  # 5 MB


def pieces(run: Run) -> list[bytes]:
    """The pieces of the body as they came, without empty ones, which end a response or stand for nothing."""
    return [chunk for chunk in run().response.chunks if chunk]


def last_note(run: Run) -> str:
    """What comes last where a stream is replaced: on ASGI the exchange is over before the stream is closed."""
    return "app.closed" if run.kind.protocol == "asgi" and not run.kind.django else "inner.on_end"


def is_closed_once(run: Run, trace: Trace) -> bool:
    """Whether the application's stream was closed. Django never starts an async generator that a feature replaced."""
    return trace.names.count("app.closed") == 1 or (run.kind.django and run.kind.protocol == "asgi")


@case(Stream(chunks=ABC), Recorder("only"))
def test_stream_is_seen_before_its_body(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body) == (200, b"abc")
    assert response.complete is not False
    assert trace.facts("only.on_response") == {"status": 200, "body": None}
    assert trace.facts("only.on_end") == {"error": None}
    assert trace.names.count("app.closed") == 1


@case(Stream(chunks=(b"a", b"", b"bc", b"d")), Recorder("only"), hosts=IN_PROCESS)
def test_pieces_pass_one_by_one(run: Run) -> None:
    assert pieces(run) == [b"a", b"bc", b"d"]


@case(Stream(chunks=(b"a", b"", b"bc", b"d")), Encode(Framed), hosts=IN_PROCESS)
def test_encoded_pieces_pass_one_by_one_and_the_tail_last(run: Run) -> None:
    assert pieces(run) == [b"<a>", b"<bc>", b"<d>", b"."]


@case(Stream(chunks=ABC, announced=True), Recorder("only"))
def test_announced_length_of_a_stream_stays(run: Run) -> None:
    response, _ = run()
    assert (response.body, response.complete) == (b"abc", True)
    assert response.header("Content-Length") == "3"


@case(Stream(chunks=ABC, announced=True), Encode(Upper))
def test_encoded_stream_loses_its_length(run: Run) -> None:
    response, _ = run()
    assert response.body == b"ABC"
    assert response.complete is not False
    assert response.header("Content-Length") is None


@case(Stream(chunks=ABC), Encode(Framed), Recorder("inner"))
def test_encoder_is_fed_and_flushed_for_each_piece_and_finished_once(run: Run) -> None:
    response, trace = run(until="inner.on_end")
    assert response.body == b"<a><b><c>."
    assert trace.facts("inner.on_end") == {"error": None}


@case(Stream(chunks=ABC, announced=True), Encode(HoldBack), Recorder("inner"))
def test_what_an_encoder_holds_back_is_delivered(run: Run) -> None:
    response, trace = run(until="inner.on_end")
    assert response.body == b"abc"
    assert trace.facts("inner.on_end") == {"error": None}


@case(Stream(chunks=ABC), Encode(Framed), Encode(HoldBack))
def test_outer_encoder_gets_what_the_inner_one_held_back(run: Run) -> None:
    assert run().response.body == b">>><abc."


@case(Stream(chunks=ABC), Encode(HoldBack), Encode(Framed))
def test_outer_encoder_gets_the_end_of_the_inner_one(run: Run) -> None:
    assert run().response.body == b"<a><b><c>."


@case(Stream(chunks=ABC, announced=True), Edit(body=b"instead"), Recorder("inner"))
def test_stream_can_be_replaced(run: Run) -> None:
    response, trace = run(until=last_note(run))
    assert (response.body, response.complete) == (b"instead", True)
    assert response.header("Content-Length") == "7"
    assert trace.facts("inner.on_end") == {"error": None}
    assert is_closed_once(run, trace)


@case(Stream(chunks=ABC), Edit(body=b"instead"), Encode(Upper))
def test_stream_with_an_encoder_can_be_replaced(run: Run) -> None:
    response, _ = run()
    assert (response.body, response.complete) == (b"instead", True)
    assert response.header("Content-Length") == "7"


@case(Stream(chunks=ABC, announced=True), Edit(status=304, body=b"", remove=("Content-Type",)), Recorder("inner"))
def test_stream_can_become_a_304(run: Run) -> None:
    response, trace = run(until=last_note(run))
    assert (response.status, response.body) == (304, b"")
    assert response.header("Content-Length") is None
    assert trace.facts("inner.on_end") == {"error": None}
    assert is_closed_once(run, trace)


@case(Stream(), Recorder("only"))
def test_empty_stream_passes(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body) == (200, b"")
    assert response.complete is not False
    assert trace.facts("only.on_end") == {"error": None}


@case(Stream(chunks=MANY), Recorder("only"))
def test_large_stream_passes(run: Run) -> None:
    assert run().response.body == b"".join(MANY)


@case(Stream(chunks=MANY), Encode(Upper))
def test_large_stream_passes_an_encoder(run: Run) -> None:
    assert run().response.body == b"".join(MANY)


# What the application has sent arrives before it makes more.


def first_piece_arrives_alone(run: Run, first: bytes, rest: bytes) -> bool:
    request = run.request()
    with run.open(request) as flight:
        assert flight.head().status == 200
        assert flight.chunk() == first
        run.host.open_gate(request.id)
        response = flight.rest()
    assert response.complete is not False
    return response.body == rest


@case(Stream(chunks=(b"first", b"second"), gated=True), Recorder("only"))
def test_first_piece_arrives_before_the_second_is_made(run: Run) -> None:
    assert first_piece_arrives_alone(run, b"first", b"second")


EVENTS = (b"data: 1\n\n", b"data: 2\n\n")


@case(Stream(chunks=EVENTS, gated=True, headers=(("Content-Type", "text/event-stream"),)), Recorder("only"))
def test_first_event_arrives_before_the_second_is_made(run: Run) -> None:
    assert first_piece_arrives_alone(run, b"data: 1\n\n", b"data: 2\n\n")


@case(Stream(chunks=(b"1\n", b"2\n"), gated=True, headers=(("Content-Type", "application/x-ndjson"),)), Encode(Framed))
def test_first_line_passes_an_encoder_before_the_second_is_made(run: Run) -> None:
    assert first_piece_arrives_alone(run, b"<1\n>", b"<2\n>.")


@case(Stream(chunks=(b"a", b"b"), gated=True), Recorder("only"), Remember())
def test_exchanges_under_way_at_once_do_not_mix(run: Run) -> None:
    requests = [run.request(rest=f"/{number}") for number in range(5)]
    flights = [run.open(request) for request in requests]
    for request, flight in zip(requests, flights, strict=True):
        assert flight.head().header("X-Path") == request.target
        assert flight.chunk() == b"a"
    for request, flight in reversed(list(zip(requests, flights, strict=True))):
        run.host.open_gate(request.id)
        assert flight.rest().body == b"b"
        flight.leave()
        trace = run.host.trace(request.id, until="only.on_end")
        assert trace.hooks.count("only.on_end") == 1
        assert trace.facts("only.on_end") == {"error": None}


@case(Stream(chunks=()), Holding("only"))
def test_stream_that_is_empty_is_whole_where_the_host_can_tell(run: Run) -> None:
    response, trace = run(until="app.closed")
    assert response.body == b""
    # Django's streams on an event loop are not waited for.
    whole = not (run.kind.django and run.kind.protocol == "asgi")
    assert trace.facts("only.on_response")["body"] == ("" if whole else None)


@case(Stream(chunks=(b"abcd", b"e")), Holding("only"))
def test_stream_that_is_looked_at_loses_nothing(run: Run) -> None:
    response, trace = run(until="app.closed")
    assert response.body == b"abcde"
    assert trace.facts("only.on_response")["body"] is None
    assert trace.names.count("app.closed") == 1
