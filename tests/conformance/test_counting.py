"""What a host counts of an exchange: bytes on either way, and whether the client left."""

from __future__ import annotations

from typing import ClassVar

from perfkit import Exchange
from tests.conformance.behaviours import File, NoContent, Raises, Stream, Whole
from tests.conformance.case import case
from tests.conformance.encoders import Framed
from tests.conformance.features import Edit, Encode, Named
from tests.conformance.run import Run

CHUNK = b"x" * 64 * 1024
BODY = b"y" * 100_000


class Counts(Named):
    """Notes what was counted when the exchange is over."""

    meters: ClassVar[bool] = True

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        self.note(
            exchange,
            "on_end",
            sent=exchange.sent,
            received=exchange.received,
            left=exchange.disconnected,
            status=exchange.status,
        )


COUNTS = Counts("counts")


def counted(run: Run, method: str = "GET", body: bytes = b"") -> list[object]:
    """Bytes sent and received, and whether the client left."""
    _, trace = run(method, body=body, until="counts.on_end")
    facts = trace.facts("counts.on_end")
    return [facts[name] for name in ("sent", "received", "left")]


@case(Whole(body=b"hello"), COUNTS)
def test_whole_body(run: Run) -> None:
    assert counted(run) == [5, 0, False]


@case(Whole(body=b"hello", ignores_head=True), COUNTS)
def test_nothing_is_sent_for_head(run: Run) -> None:
    assert counted(run, "HEAD") == [0, 0, False]


@case(NoContent(), COUNTS)
def test_nothing_is_sent_of_a_response_without_content(run: Run) -> None:
    assert counted(run) == [0, 0, False]


@case(Whole(body=b"hello"), COUNTS, Edit(body=b"goodbye"))
def test_what_a_feature_put_in_place_counts(run: Run) -> None:
    assert counted(run) == [7, 0, False]


@case(Stream(chunks=(b"a", b"", b"bc")), COUNTS)
def test_stream(run: Run) -> None:
    assert counted(run) == [3, 0, False]


@case(Stream(chunks=(b"a", b"bc")), COUNTS, Encode(Framed))
def test_encoded_stream_counts_as_it_was_sent(run: Run) -> None:
    assert counted(run) == [len(b"<a><bc>."), 0, False]


@case(Stream(chunks=(b"a", b"bc")), COUNTS, Edit(body=b"whole"))
def test_replaced_stream(run: Run) -> None:
    assert counted(run) == [5, 0, False]


@case(File(), COUNTS)
def test_file(run: Run) -> None:
    assert counted(run) == [File().length(), 0, False]


@case(Whole(body=b"ok", reads=True), COUNTS)
def test_body_of_the_request(run: Run) -> None:
    assert counted(run, "POST", BODY) == [2, len(BODY), False]


@case(Raises(), COUNTS)
def test_failure_before_the_start_is_no_client_that_left(run: Run) -> None:
    assert counted(run)[2] is False


@case(Stream(chunks=(CHUNK,), endless=True), COUNTS)
def test_client_that_leaves(run: Run) -> None:
    request = run.request()
    with run.open(request) as flight:
        assert flight.chunk()
    facts = run.host.trace(request.id, until="counts.on_end").facts("counts.on_end")
    assert (facts["left"], facts["status"]) == (True, 200)
    assert facts["sent"] >= len(CHUNK)
