"""Files, sent the way each protocol and framework sends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.behaviours import File
from tests.conformance.case import case
from tests.conformance.encoders import Upper
from tests.conformance.features import Edit, Encode, Recorder, ResponseFacts
from tests.conformance.run import Run
from tests.conformance.trace import Trace

FILE = Path(__file__)

# Django says so of each file it sends under ASGI.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")


def is_closed_once(trace: Trace) -> bool:
    # A server that sends the file by itself gets its path only.
    return sends_by_itself(trace) or trace.names.count("app.closed") == 1


def sends_by_itself(trace: Trace) -> bool:
    sendfile = trace.facts("facts.on_response")["sendfile"]
    assert isinstance(sendfile, bool)
    return sendfile


@case(File(path=FILE), Recorder("only"), ResponseFacts("facts"))
def test_file_passes(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.body == FILE.read_bytes()
    assert response.header("Content-Length") == str(FILE.stat().st_size)
    assert trace.facts("only.on_response") == {"status": 200, "body": None}
    assert trace.facts("only.on_end") == {"error": None}
    assert is_closed_once(trace)


@case(File(path=FILE), Recorder("only"), ResponseFacts("facts"), Edit(append={"X-Added": "yes"}))
def test_headers_of_a_file_can_change(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.header("X-Added") == "yes"
    assert response.body == FILE.read_bytes()
    assert is_closed_once(trace)


@case(File(path=FILE), Recorder("only"), ResponseFacts("facts"), Encode(Upper))
def test_file_passes_an_encoder_unless_the_server_sends_it(run: Run) -> None:
    response, trace = run(until="only.on_end")
    if sends_by_itself(trace):
        assert run.kind.name == "granian"
        assert response.body == FILE.read_bytes()
    else:
        assert response.body == FILE.read_bytes().upper()
        assert response.header("Content-Length") is None
    assert trace.facts("only.on_end") == {"error": None}
    assert is_closed_once(trace)


@case(File(path=FILE), Recorder("only"), ResponseFacts("facts"), Edit(body=b"instead"))
def test_file_can_be_replaced(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert response.body == b"instead"
    assert response.header("Content-Length") == "7"
    assert trace.facts("only.on_end") == {"error": None}
    assert is_closed_once(trace)


@case(File(path=FILE), Recorder("only"), ResponseFacts("facts"), Edit(status=304, body=b"", remove=("Content-Type",)))
def test_file_can_become_a_304(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body) == (304, b"")
    assert response.header("Content-Length") is None
    assert is_closed_once(trace)


@case(File(path=FILE), Recorder("only"))
def test_client_may_leave_in_the_middle_of_a_file(run: Run) -> None:
    request = run.request()
    with run.open(request) as flight:
        assert flight.head().status == 200
    assert run.host.trace(request.id, until="only.on_end").hooks.count("only.on_end") == 1
