"""Which hooks are called, and when."""

from __future__ import annotations

from perfkit import HeaderName, Reply
from tests.conformance.behaviours import Stream, Whole
from tests.conformance.case import case
from tests.conformance.encoders import HoldBack
from tests.conformance.features import Answer, Edit, Encode, Recorder
from tests.conformance.hosts import IN_PROCESS
from tests.conformance.run import Run

TYPE = HeaderName("Content-Type")
SLOW_DOWN = Reply(429, {TYPE: "text/plain", HeaderName("Retry-After"): "30"}, b"slow down")


@case(Whole(body=b"hello"), Recorder("a"), Recorder("b"), Recorder("c"), Recorder("d"))
def test_hooks_form_an_onion(run: Run) -> None:
    _, trace = run(until="a.on_end")
    assert trace.hooks == [
        *("a.on_request", "b.on_request", "c.on_request", "d.on_request"),
        "app.called",
        *("d.on_response", "c.on_response", "b.on_response", "a.on_response"),
        *("d.on_end", "c.on_end", "b.on_end", "a.on_end"),
    ]


@case(Whole(body=b"hello"), Recorder("outer"), Edit(status=202, body=b"outer"), Edit(status=201, body=b"inner"))
def test_outer_features_see_and_change_what_inner_ones_made(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (202, b"outer")
    assert trace.facts("outer.on_response") == {"status": 202, "body": "outer"}


@case(Whole(body=b"hello"), Recorder("only"), hosts=IN_PROCESS)
def test_whole_response_ends_after_its_last_byte(run: Run) -> None:
    _, trace = run()
    assert trace.names[-2:] == ["server.last", "only.on_end"]
    assert trace.names.count("only.on_end") == 1


@case(Stream(chunks=(b"a", b"b")), Recorder("only"), hosts=IN_PROCESS)
def test_stream_ends_after_its_last_byte(run: Run) -> None:
    _, trace = run()
    assert trace.names.index("server.last") < trace.names.index("only.on_end")
    assert trace.names.count("only.on_end") == 1


@case(Stream(chunks=(b"a", b"b")), Encode(HoldBack), Recorder("only"), hosts=IN_PROCESS)
def test_encoded_stream_ends_after_its_tail(run: Run) -> None:
    _, trace = run()
    assert trace.names.index("server.last") < trace.names.index("only.on_end")
    assert trace.names.count("only.on_end") == 1


@case(Whole(body=b"hello"), Recorder("outer"), Answer("maker", SLOW_DOWN), Recorder("inner"))
def test_early_reply_passes_the_features_outside_its_maker(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (429, b"slow down")
    assert response.header("Content-Length") == "9"
    assert response.header("Retry-After") == "30"
    assert trace.facts("outer.on_response") == {"status": 429, "body": "slow down"}
    assert trace.facts("outer.on_end") == {"error": None}
    assert trace.hooks == [
        *("outer.on_request", "maker.on_request"),
        "outer.on_response",
        *("maker.on_end", "outer.on_end"),
    ]


@case(Whole(), Edit(status=503, body=b"go away", append={"X-Outer": "yes"}), Answer("maker", SLOW_DOWN))
def test_features_outside_can_change_an_early_reply(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (503, b"go away")
    assert response.header("Content-Length") == "7"
    assert response.header("X-Outer") == "yes"
    if run.kind.protocol == "wsgi":
        assert response.reason == "Service Unavailable"


@case(Whole(), Recorder("outer"), Answer("maker", SLOW_DOWN))
def test_early_reply_to_head_has_a_length_and_no_body(run: Run) -> None:
    response, trace = run("HEAD", until="outer.on_end")
    assert (response.status, response.body) == (429, b"")
    assert response.header("Content-Length") == "9"
    assert trace.facts("outer.on_response") == {"status": 429, "body": "slow down"}


@case(Whole(), Answer("maker", Reply(304, {HeaderName("ETag"): '"abc"'})))
def test_early_304_has_no_length(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (304, b"")
    assert response.header("ETag") == '"abc"'
    assert response.header("Content-Length") is None
