"""WSGI (PEP 3333): `start_response` and the `write` it returns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.conformance.behaviours import Boom
from tests.conformance.direct_wsgi import TEXT, Call, Items, answers, call
from tests.conformance.encoders import Framed
from tests.conformance.features import Edit, Encode, Recorder
from tests.conformance.inprocess_wsgi import App

ADD = Edit(append={"X-Added": "yes"})

# write()


def writes(*data: bytes, then: Iterable[bytes] = (), headers: tuple[tuple[str, str], ...] = ()) -> App:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT, *headers])
        for each in data:
            write(each)
        return then

    return app


def test_write_goes_out_at_once() -> None:
    done = call(writes(b"a", b"b", then=[]), Recorder("only"), ADD)
    assert done.written == [b"a", b"b"]
    assert done.headers["X-Added"] == "yes"
    assert done.items() == []
    assert done.trace.facts("only.on_response") == {"status": 200, "body": None}
    assert done.ends == [None]


@pytest.mark.parametrize("then", [[b"c"], (b"c",), Items(b"c")], ids=["list", "tuple", "iterator"])
def test_iterable_follows_what_was_written(then: Any) -> None:
    done = call(writes(b"a", b"b", then=then), Recorder("only"))
    assert done.written == [b"a", b"b"]
    assert done.items() == [b"c"]
    assert len(done.starts) == 1


def test_iterable_after_write_is_taken_only_when_the_server_asks_for_it() -> None:
    body = Items(b"b", b"c")
    done = call(writes(b"a", then=body), Recorder("only"))
    assert body.taken == 0
    assert done.items() == [b"b", b"c"]


def test_write_passes_the_encoder() -> None:
    done = call(writes(b"a", b"b", then=[b"c"]), Encode(Framed))
    assert done.written == [b"<a>", b"<b>"]
    assert done.items() == [b"<c>", b"."]


def test_what_an_encoder_keeps_back_is_not_written_as_nothing() -> None:
    class Quiet(Framed):
        def feed(self, chunk: bytes) -> bytes:
            return b""

        def flush(self) -> bytes:
            return b""

    done = call(writes(b"a"), Encode(Quiet))
    assert done.written == []
    assert done.items() == [b"."]


def test_written_body_can_be_replaced() -> None:
    body = Items(b"c")
    done = call(writes(b"a", b"b", then=body), Edit(body=b"instead"), Recorder("only"))
    assert b"".join([*done.written, *done.items()]) == b"instead"
    assert done.headers["Content-Length"] == "7"
    assert body.closed == 1
    assert done.ends == [None]


def test_written_body_can_become_a_304() -> None:
    done = call(writes(b"a", headers=(("Content-Length", "1"),)), Edit(status=304, body=b""))
    assert b"".join([*done.written, *done.items()]) == b""
    assert "Content-Length" not in done.headers


def test_generator_that_writes_before_its_first_item() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", TEXT)
        write(b"a")
        yield b"b"
        yield b"c"

    done = call(app, Encode(Framed), Recorder("only"))
    assert done.written == [b"<a>"]
    assert done.items() == [b"<b>", b"<c>", b"."]
    assert len(done.starts) == 1


def test_generator_that_only_writes() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)(b"a")
        yield from ()

    done = call(app, Recorder("only"))
    assert done.written == [b"a"]
    assert done.items() == []
    assert done.ends == [None]


def test_failure_after_write_reaches_server_and_feature() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", TEXT)(b"a")
        raise Boom

    made = Call()
    with pytest.raises(Boom):
        call(app, Recorder("only"), into=made)
    assert made.ends == ["Boom"]


# A second start_response


def test_second_start_response_without_exc_info_is_an_error() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", TEXT)
        start_response("201 Created", TEXT)
        return [b"hello"]

    made = Call()
    with pytest.raises(AssertionError, match="second time without exc_info"):
        call(app, Recorder("only"), into=made)
    assert made.starts == []
    assert made.ends == ["AssertionError"]


def fails_and_answers(*, after: bytes = b"", body: bytes = b"sorry") -> App:
    """An application that starts a response, fails, and answers the failure with another, as PEP 3333 shows."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT, ("X-First", "yes")])
        try:
            if after:
                write(after)
            raise Boom
        except Boom:
            start_response("500 Sorry", TEXT, sys.exc_info())
            return [body]

    return app


def test_second_start_response_replaces_the_first() -> None:
    done = call(fails_and_answers(), Recorder("only"), ADD)
    assert done.items() == [b"sorry"]
    assert len(done.starts) == 1
    status, headers, exc_info = done.starts[0]
    assert status == "500 Sorry"
    assert dict(headers) == {"Content-Type": "text/plain", "X-Added": "yes"}
    assert exc_info[0] is Boom
    assert done.trace.facts("only.on_response") == {"status": 500, "body": "sorry"}


def test_second_start_response_after_bytes_are_out_raises_what_the_application_failed_with() -> None:
    made = Call()
    with pytest.raises(Boom):
        call(fails_and_answers(after=b"a"), Recorder("only"), into=made)
    assert made.written == [b"a"]
    assert made.ends == ["Boom"]


def test_second_start_response_before_the_server_sent_the_first() -> None:
    # The encoder has kept everything back, so nothing is out yet and the server takes the second one.
    class Quiet(Framed):
        def feed(self, chunk: bytes) -> bytes:
            return b""

        def flush(self) -> bytes:
            return b""

    done = call(fails_and_answers(after=b"a"), Encode(Quiet), ADD)
    assert [start[0] for start in done.starts] == ["200 OK", "500 Sorry"]
    assert done.headers == {"Content-Type": "text/plain", "X-Added": "yes"}


def test_later_start_response_of_a_generator() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"a"
        try:
            raise Boom
        except Boom:
            start_response("500 Sorry", TEXT, sys.exc_info())
        yield b"b"

    made = Call()
    made.written.append(b"")  # the server has sent the head
    done = call(app, Recorder("only"), into=made)
    with pytest.raises(Boom):
        done.items()
    assert done.ends == ["Boom"]


def test_status_that_is_no_number_is_left_to_the_server() -> None:
    done = call(answers([b"hello"], status="weird"), Recorder("only"))
    assert done.status == "weird"
    assert done.trace.facts("only.on_response")["status"] == 0


def test_head_of_a_written_body() -> None:
    done = call(writes(b"", headers=(("Content-Length", "5"),)), ADD, REQUEST_METHOD="HEAD")
    assert done.items() == []
    assert done.headers["Content-Length"] == "5"
