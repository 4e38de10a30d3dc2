"""Hooks that wait: hosts that block finish them on the spot, hosts on an event loop await them."""

from __future__ import annotations

from perfkit import HeaderName, Reply
from tests.conformance.behaviours import Stream, Whole
from tests.conformance.case import case
from tests.conformance.encoders import Upper
from tests.conformance.features import Answer, Edit, Encode, FailingWait, Recorder, Wait, WaitingObserver
from tests.conformance.run import Run

REPLY = Reply(429, {HeaderName("Content-Type"): "text/plain"}, b"slow down")


def waits(run: Run, on_loop: str) -> tuple[str, str]:
    """How hooks wait on this host, and how on_end does: Django closes a response on a thread under ASGI too."""
    if run.kind.protocol == "wsgi":
        return "blocked", "blocked"
    return on_loop, "blocked" if run.kind.django else on_loop


def hooks_of_two(waited: str, waited_at_end: str) -> list[str]:
    """The hooks of two features that wait in each of theirs, within one that does not."""
    return [
        *("last.on_request", "a.on_request", f"a.{waited}", "b.on_request", f"b.{waited}"),
        "app.called",
        *("b.on_response", f"b.{waited}", "a.on_response", f"a.{waited}", "last.on_response"),
        *("b.on_end", f"b.{waited_at_end}", "a.on_end", f"a.{waited_at_end}", "last.on_end"),
    ]


def hooks_of_one(waited: str, waited_at_end: str) -> list[str]:
    return [*("a.on_request", f"a.{waited}", "a.on_response", f"a.{waited}", "a.on_end", f"a.{waited_at_end}")]


@case(Whole(body=b"hello"), Recorder("last"), Wait("a", native=True), Wait("b", native=True))
def test_hooks_wait_one_after_the_other(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert (response.status, response.body) == (200, b"hello")
    assert trace.hooks == hooks_of_two(*waits(run, "awaited"))


@case(Whole(body=b"hello"), Recorder("last"), Wait("a"), Wait("b"))
def test_hooks_that_can_only_block_do_so_beside_the_event_loop(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert (response.status, response.body) == (200, b"hello")
    assert trace.hooks == hooks_of_two(*waits(run, "worked on a thread"))


@case(Stream(chunks=(b"a", b"b")), Recorder("last"), Wait("a", native=True), Encode(Upper))
def test_stream_waits_for_its_hooks(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert response.body == b"AB"
    assert trace.facts("last.on_end") == {"error": None}


EVENTS = Stream(chunks=(b"a", b"b"), headers=(("Content-Type", "text/event-stream"),))


@case(EVENTS, Recorder("last"), Wait("a", native=True))
def test_event_stream_waits_for_its_hooks(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert response.body == b"ab"
    assert [name for name in trace.hooks if name.startswith("a.")] == hooks_of_one(*waits(run, "awaited"))


@case(Stream(chunks=(b"a", b"b")), Recorder("last"), Wait("a", native=True), Edit(body=b"instead"))
def test_replaced_stream_waits_for_its_hooks(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert response.body == b"instead"
    assert [name for name in trace.hooks if name.startswith("a.")] == hooks_of_one(*waits(run, "awaited"))


@case(Whole(), Recorder("last"), Wait("a", native=True), Answer("maker", REPLY))
def test_early_reply_waits_for_the_hooks_outside(run: Run) -> None:
    response, trace = run(until="last.on_end")
    assert response.body == b"slow down"
    assert [name for name in trace.hooks if name.startswith("a.")] == hooks_of_one(*waits(run, "awaited"))


@case(Whole(body=b"hello"), Recorder("outer"), Wait("maker", native=True, reply=REPLY), Recorder("inner"))
def test_reply_can_be_waited_for(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (429, b"slow down")
    waited, waited_at_end = waits(run, "awaited")
    assert trace.hooks == [
        *("outer.on_request", "maker.on_request", f"maker.{waited}"),
        "outer.on_response",
        *("maker.on_end", f"maker.{waited_at_end}", "outer.on_end"),
    ]


@case(Whole(body=b"hello"), Recorder("outer"), FailingWait("check", native=True), Recorder("inner"))
def test_feature_that_fails_after_waiting_does_not_let_the_request_pass(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert response.status == 500
    assert "app.called" not in trace.hooks
    assert trace.facts("outer.on_end") == {"error": "RuntimeError"}


@case(Whole(body=b"hello"), Recorder("outer"), WaitingObserver("observer", native=True), Recorder("inner"))
def test_observer_that_fails_after_waiting_changes_nothing(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (200, b"hello")
    assert [hook for hook in trace.hooks if not hook.startswith("observer.")] == [
        *("outer.on_request", "inner.on_request", "app.called"),
        *("inner.on_response", "outer.on_response", "inner.on_end", "outer.on_end"),
    ]
    assert trace.facts("outer.on_end") == {"error": None}
