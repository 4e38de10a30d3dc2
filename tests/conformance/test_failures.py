"""What goes wrong in the application, in features and on the way to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.behaviours import TEXT, AnswersError, Raises, Stream, Whole
from tests.conformance.case import case
from tests.conformance.encoders import HoldBack, Upper
from tests.conformance.features import Edit, Encode, Fail, FailingObserver, Recorder
from tests.conformance.hosts import DJANGO, IN_PROCESS, WITHOUT_DAPHNE
from tests.conformance.run import Run

if TYPE_CHECKING:
    import pytest

# The application


@case(Raises(), Recorder("only"))
def test_error_before_the_start_reaches_server_and_feature(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.status == 500
    assert trace.facts("only.on_end") == {"error": "Boom"}
    # Django answers inside the middleware; elsewhere there is no response to see.
    assert ("only.on_response" in trace.hooks) == run.kind.django


@case(AnswersError(), Recorder("only"))
def test_error_that_a_handler_answered_reaches_the_feature_where_the_host_learns_of_it(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.status == 500
    assert trace.facts("only.on_response")["status"] == 500
    told = run.kind.django or run.kind.protocol == "asgi"
    assert trace.facts("only.on_end") == {"error": "Boom" if told else None}
    assert trace.hooks.count("only.on_end") == 1


@case(Raises(), Recorder("only"), Edit(status=404), hosts=DJANGO)
def test_error_answered_below_500_is_no_error(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.status == 404
    assert trace.facts("only.on_end") == {"error": None}


@case(Stream(chunks=(b"a", b"b", b"c"), fails_after=2), Recorder("only"), hosts=WITHOUT_DAPHNE)
def test_error_in_the_middle_breaks_the_response_off(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body) == (200, b"ab")
    assert response.complete is not True
    assert trace.facts("only.on_end") == {"error": "Boom"}
    assert trace.hooks.count("only.on_end") == 1
    assert trace.names.count("app.closed") == 1


@case(Stream(chunks=(b"a", b"b", b"c"), fails_after=2), Encode(HoldBack), Recorder("only"), hosts=WITHOUT_DAPHNE)
def test_error_in_the_middle_of_an_encoded_stream_sends_no_tail(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert b"ab" not in response.body
    assert response.complete is not True or response.status == 500  # waitress has sent nothing yet
    assert trace.facts("only.on_end") == {"error": "Boom"}


# The client


ENDLESS = Stream(chunks=(b"x" * 64 * 1024,), endless=True)


def ends_when_the_client_leaves(run: Run) -> bool:
    request = run.request()
    with run.open(request) as flight:
        assert flight.head().status == 200
        assert flight.chunk()
    trace = run.host.trace(request.id, until="only.on_end")
    assert trace.hooks.count("only.on_end") == 1
    assert trace.facts("only.on_end")["error"] is not None
    # Under ASGI, Django leaves the closing of a stream to the garbage collector.
    closed = run.kind.django and run.kind.protocol == "asgi"
    return closed or run.host.trace(request.id, until="app.closed").names.count("app.closed") == 1


@case(ENDLESS, Recorder("only"))
def test_client_leaves_in_the_middle_of_a_stream(run: Run) -> None:
    assert ends_when_the_client_leaves(run)


@case(ENDLESS, Recorder("only"), Encode(Upper))
def test_client_leaves_in_the_middle_of_an_encoded_stream(run: Run) -> None:
    assert ends_when_the_client_leaves(run)


# Features that observe


OBSERVERS = (
    Recorder("outer"),
    FailingObserver("first", "on_request"),
    FailingObserver("second", "on_response"),
    FailingObserver("third", "on_end"),
    Recorder("inner"),
)


@case(Whole(body=b"hello"), *OBSERVERS)
def test_failing_observers_change_nothing(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (200, b"hello")
    features = ("outer", "first", "second", "third", "inner")
    assert trace.hooks == [
        *(f"{name}.on_request" for name in features),
        "app.called",
        *(f"{name}.on_response" for name in reversed(features)),
        *(f"{name}.on_end" for name in reversed(features)),
    ]
    assert trace.facts("outer.on_end") == {"error": None}


@case(Whole(body=b"hello"), *OBSERVERS, hosts=IN_PROCESS)
def test_failing_observers_are_logged_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run()
    logged = [record for record in caplog.records if record.name == "perfkit"]
    assert [str(record.exc_info[1]) for record in logged if record.exc_info] == [
        "first fails",
        "second fails",
        "third fails",
    ]
    run()
    assert [record for record in caplog.records if record.name == "perfkit"] == logged


# Other features


@case(Whole(body=b"hello"), Recorder("outer"), Fail("check", "on_request"), Recorder("inner"))
def test_feature_that_fails_does_not_let_the_request_pass(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert response.status == 500
    assert trace.hooks == ["outer.on_request", "check.on_request", "check.on_end", "outer.on_end"]
    assert trace.facts("outer.on_end") == {"error": "RuntimeError"}


@case(Whole(body=b"hello", headers=(*TEXT, ("X-App", "1"))), Recorder("outer"), Fail("edit", "on_response"))
def test_feature_that_fails_at_the_response_sends_nothing_of_it(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert response.status == 500
    assert response.header("X-App") is None
    assert b"hello" not in response.body
    assert trace.facts("outer.on_end") == {"error": "RuntimeError"}
    assert trace.hooks.count("edit.on_response") == 1


@case(Stream(chunks=(b"a", b"b")), Recorder("outer"), Fail("edit", "on_response"))
def test_feature_that_fails_at_a_stream_closes_it(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert response.status == 500
    assert trace.facts("outer.on_end") == {"error": "RuntimeError"}
    if run.kind.protocol == "wsgi" and not run.kind.django:
        assert trace.names.count("app.closed") == 1


@case(Whole(body=b"hello"), Recorder("outer"), Fail("end", "on_end"), Recorder("inner"))
def test_feature_that_fails_at_the_end_changes_nothing(run: Run) -> None:
    response, trace = run(until="outer.on_end")
    assert (response.status, response.body) == (200, b"hello")
    assert trace.facts("outer.on_end") == {"error": None}
