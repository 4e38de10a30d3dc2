"""Whole bodies, and responses without a body."""

from __future__ import annotations

from tests.conformance.behaviours import NoContent, Whole
from tests.conformance.case import case
from tests.conformance.features import Edit, Recorder
from tests.conformance.hosts import UNVALIDATED
from tests.conformance.run import Run

FIVE_MEGABYTES = b"0123456789abcdef" * (5 * 1024 * 1024 // 16)


@case(Whole(body=b"hello"), Recorder("only"))
def test_whole_body_passes_unchanged(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body, response.complete) == (200, b"hello", True)
    assert response.header("Content-Length") == "5"
    assert trace.facts("only.on_response") == {"status": 200, "body": "hello"}
    assert trace.facts("only.on_end") == {"error": None}


@case(Whole(body=b"hello"), Edit(body=b"something longer"))
def test_replaced_body_gets_its_exact_length(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (200, b"something longer")
    assert response.header("Content-Length") == "16"


@case(Whole(body=b"hello"), Edit(body=b""))
def test_body_replaced_by_nothing_has_length_zero(run: Run) -> None:
    response, _ = run()
    assert response.body == b""
    assert response.header("Content-Length") == "0"


# The validator hides from the host that the body is a list of one.
@case(Whole(body=b"hello", announced=False), Edit(body=b"bye"), Recorder("inner"), hosts=UNVALIDATED)
def test_body_without_announced_length_is_whole_too(run: Run) -> None:
    response, trace = run()
    assert trace.facts("inner.on_response")["body"] == "hello"
    assert response.body == b"bye"
    assert response.header("Content-Length") == "3"


@case(Whole(body=b""), Recorder("only"))
def test_empty_body_is_whole(run: Run) -> None:
    response, trace = run()
    assert response.body == b""
    assert response.header("Content-Length") == "0"
    assert trace.facts("only.on_response") == {"status": 200, "body": ""}


@case(Whole(body=b"hello", closes_empty=True), Recorder("only"))
def test_body_of_announced_length_is_whole_before_its_empty_end(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.body, response.complete) == (b"hello", True)
    assert trace.facts("only.on_response") == {"status": 200, "body": "hello"}
    assert trace.facts("only.on_end") == {"error": None}


@case(Whole(body=b"hello", closes_empty=True), Edit(body=b"something longer"))
def test_body_of_announced_length_can_be_replaced_before_its_empty_end(run: Run) -> None:
    response, _ = run()
    assert (response.body, response.complete) == (b"something longer", True)
    assert response.header("Content-Length") == "16"


@case(Whole(body=b"hello"), Recorder("only"))
def test_head_keeps_the_announced_length(run: Run) -> None:
    response, trace = run("HEAD", until="only.on_end")
    assert (response.status, response.body) == (200, b"")
    assert response.header("Content-Length") == "5"
    assert trace.facts("only.on_end") == {"error": None}


@case(Whole(body=b"hello"), Edit(remove=("Content-Length",)))
def test_head_without_a_length_gets_no_false_one(run: Run) -> None:
    # As compression does it, where only the body that GET gets would tell the length.
    response, _ = run("HEAD")
    assert (response.status, response.body) == (200, b"")
    # Waitress cannot do without.
    assert response.header("Content-Length") == ("0" if run.kind.name == "waitress" else None)


@case(Whole(body=b"hello", ignores_head=True), Recorder("only"))
def test_body_for_head_is_left_to_the_server(run: Run) -> None:
    response, trace = run("HEAD", until="only.on_end")
    drops_it = run.kind.server and run.kind.name not in ("waitress", "wsgiref")
    assert response.body == (b"" if drops_it else b"hello")
    assert response.header("Content-Length") == "5"
    assert trace.facts("only.on_end") == {"error": None}


@case(NoContent(status=204, headers=(("X-App", "kept"),)), Recorder("only"))
def test_204_passes_untouched(run: Run) -> None:
    response, trace = run(until="only.on_end")
    assert (response.status, response.body) == (204, b"")
    assert response.header("X-App") == "kept"
    assert response.header("Content-Length") is None
    assert trace.facts("only.on_response")["status"] == 204
    assert trace.facts("only.on_end") == {"error": None}


@case(NoContent(status=304, headers=(("ETag", '"abc"'), ("Vary", "Accept"))), Recorder("only"))
def test_304_passes_untouched(run: Run) -> None:
    response, _ = run(until="only.on_end")
    assert (response.status, response.body) == (304, b"")
    assert response.header("ETag") == '"abc"'
    assert response.header("Vary") == "Accept"
    assert response.header("Content-Length") is None


@case(
    Whole(body=b"hello", headers=(("Content-Type", "text/plain"), ("Vary", "Accept"))),
    Edit(status=304, body=b"", remove=("Content-Type",)),
)
def test_body_turned_into_304_has_neither_body_nor_length(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (304, b"")
    assert response.header("Content-Length") is None
    assert response.header("Vary") == "Accept"


@case(Whole(body=b""), Edit(status=204, remove=("Content-Type",)))
def test_empty_body_turned_into_204_loses_its_length(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (204, b"")
    assert response.header("Content-Length") is None


@case(Whole(body=FIVE_MEGABYTES), Edit(append={"X-Added": "yes"}))
def test_large_body_passes_whole(run: Run) -> None:
    response, _ = run()
    assert response.body == FIVE_MEGABYTES
    assert response.header("Content-Length") == str(len(FIVE_MEGABYTES))


@case(Whole(body=b"small"), Edit(body=FIVE_MEGABYTES))
def test_large_body_can_be_put_in_place(run: Run) -> None:
    response, _ = run()
    assert response.body == FIVE_MEGABYTES
    assert response.header("Content-Length") == str(len(FIVE_MEGABYTES))
