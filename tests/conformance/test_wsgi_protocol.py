"""WSGI (PEP 3333): iterables of every kind, replies, and what is known of the request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from perfkit import Feature, HeaderName, Reply
from perfkit.wsgi import PerfkitMiddleware
from tests.conformance.direct_wsgi import TEXT, Call, Items, answers, call
from tests.conformance.encoders import Framed
from tests.conformance.features import Answer, Edit, Encode, Fail, Holding, Recorder, RequestFacts

ADD = Edit(append={"X-Added": "yes"})
REPLY = Reply(429, {HeaderName("Content-Type"): "text/plain"}, b"slow down")

# Iterables


@pytest.mark.parametrize("body", [[b"hello"], (b"hello",)], ids=["list", "tuple"])
def test_single_item_is_the_whole_body_and_keeps_its_len(body: Any) -> None:
    # Servers learn the length of a body from the len() of what they get.
    done = call(answers(body), Recorder("only"), ADD)
    assert len(done.returned) == 1
    assert done.headers["X-Added"] == "yes"
    assert done.items() == [b"hello"]
    assert done.trace.facts("only.on_response") == {"status": 200, "body": "hello"}
    assert done.ends == [None]


@pytest.mark.parametrize("body", [[], ()], ids=["list", "tuple"])
def test_no_item_is_an_empty_body(body: Any) -> None:
    done = call(answers(body), Recorder("only"))
    assert b"".join(done.items()) == b""
    assert done.trace.facts("only.on_response") == {"status": 200, "body": ""}
    assert done.ends == [None]


def test_iterator_without_items_is_an_empty_body() -> None:
    done = call(answers(Items()), Recorder("only"))
    assert done.items() in ([], [b""])
    assert done.trace.facts("only.on_response") == {"status": 200, "body": ""}


@pytest.mark.parametrize(
    "body", [[b"a", b"", b"b"], (b"a", b"", b"b"), Items(b"a", b"", b"b")], ids=["list", "tuple", "iterator"]
)
def test_one_item_out_for_each_item_in(body: Any) -> None:
    done = call(answers(body), Recorder("only"))
    assert done.items() == [b"a", b"", b"b"]
    assert done.trace.facts("only.on_response") == {"status": 200, "body": None}
    assert done.ends == [None]


@pytest.mark.parametrize("body", [[b"a", b"b", b"c"], (b"a", b"bc")], ids=["list", "tuple"])
def test_list_of_few_bytes_is_whole_where_a_feature_says_so(body: Any) -> None:
    done = call(answers(body), Holding("only"))
    assert done.items() == [b"abc"]
    assert done.trace.facts("only.on_response") == {"body": "abc", "streamed": True}


def test_list_of_more_bytes_stays_a_stream() -> None:
    done = call(answers([b"ab", b"cd"]), Holding("only"))
    assert done.items() == [b"ab", b"cd"]
    assert done.trace.facts("only.on_response") == {"body": None, "streamed": False}


def test_empty_first_item_passes_as_an_item() -> None:
    # Servers flush, and frameworks wake them up, with it.
    done = call(answers(Items(b"", b"a")), Recorder("only"))
    assert done.items() == [b"", b"a"]


def test_one_item_out_for_each_item_in_through_an_encoder_and_the_tail() -> None:
    assert call(answers(Items(b"a", b"", b"b")), Encode(Framed)).items() == [b"<a>", b"", b"<b>", b"."]


def test_next_item_is_taken_only_when_the_server_asks_for_it() -> None:
    body = Items(b"a", b"b", b"c")
    done = call(answers(body), Recorder("only"))
    items = iter(done.returned)
    taken = []
    for _ in range(3):
        next(items)
        taken.append(body.taken)
    assert taken == [1, 2, 3]
    done.close()


def test_first_item_of_announced_length_is_the_whole_body() -> None:
    done = call(answers(Items(b"hello", b""), ("Content-Length", "5")), Edit(body=b"bye"), Recorder("only"))
    assert b"".join(done.items()) == b"bye"
    assert done.headers["Content-Length"] == "3"
    assert done.trace.facts("only.on_response")["body"] == "hello"


def test_generator_of_a_whole_body_runs_to_its_end() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT, ("Content-Length", "5")])
        yield b"hello"
        finished.append(True)

    finished: list[bool] = []
    assert b"".join(call(app, Recorder("only")).items()) == b"hello"
    assert finished == [True]


def test_generator_that_calls_start_response_on_its_first_item() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("201 Created", TEXT)
        yield b"a"
        yield b"b"

    done = call(app, Recorder("only"), ADD)
    assert done.items() == [b"a", b"b"]
    assert done.status == "201 Created"
    assert done.headers["X-Added"] == "yes"
    assert done.ends == [None]


def test_generator_that_calls_start_response_and_gives_nothing() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("204 No Content", [])
        yield from ()

    done = call(app, Recorder("only"))
    assert b"".join(done.items()) == b""
    assert done.status == "204 No Content"


@pytest.mark.parametrize("body", [[b"hello"], [b"a", b"b"]], ids=["whole", "stream"])
def test_body_without_start_response_is_an_error(body: list[bytes]) -> None:
    made = Call()
    with pytest.raises(AssertionError, match="before it called start_response"):
        call(lambda environ, start_response: body, Recorder("only"), into=made)
    assert made.starts == []
    assert made.ends == ["AssertionError"]


def test_response_without_features_is_what_the_application_returned() -> None:
    body = [b"hello"]
    done = call(answers(body))
    assert done.returned is body


def test_host_gives_the_servers_start_response_where_there_is_no_feature() -> None:
    seen = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append((environ, start_response))
        return []

    environ: dict[str, Any] = {}
    start_response = object()
    PerfkitMiddleware(app, {}, features=[])(environ, start_response)  # type: ignore[arg-type]
    assert seen == [(environ, start_response)]
    assert seen[0][0] is environ


def test_header_list_of_the_application_is_not_changed() -> None:
    headers = [("content-type", "text/plain")]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [b"hello"]

    done = call(app, ADD, Edit(default={"X-New": "1"}, replace={"Content-Type": "text/html"}))
    assert headers == [("content-type", "text/plain")]
    assert done.headers == {"X-Added": "yes", "X-New": "1", "Content-Type": "text/html"}


# Replies


def test_reply_is_one_item_and_ends_at_close() -> None:
    done = call(answers([]), Recorder("outer"), Answer("maker", REPLY))
    assert list(done.returned) == [b"slow down"]
    assert len(done.returned) == 1
    assert done.ends == []
    done.close()
    assert done.status == "429 Too Many Requests"
    assert done.ends == [None, None]


def test_reply_that_a_feature_cannot_change_is_an_error() -> None:
    made = Call()
    with pytest.raises(RuntimeError):
        call(answers([]), Fail("outer", "on_response"), Answer("maker", REPLY), into=made)
    assert made.starts == []
    assert made.ends == ["RuntimeError", "RuntimeError"]


# The request


def facts_of(**changes: Any) -> dict[str, Any]:
    done = call(answers([b""]), RequestFacts("facts", "X-Empty", "Content-Type"), **changes)
    return done.trace.facts("facts.on_request")


def test_path_that_is_no_utf8_is_readable_still() -> None:
    assert facts_of(PATH_INFO="/caf\xe9")["path"] == "/caf\ufffd"


def test_path_of_an_application_mounted_without_more() -> None:
    assert facts_of(SCRIPT_NAME="/app", PATH_INFO="")["path"] == "/app"


def test_server_may_leave_out_what_may_be_empty() -> None:
    made = Call()
    del made.environ["SCRIPT_NAME"], made.environ["PATH_INFO"], made.environ["REMOTE_ADDR"]
    call(answers([b""]), RequestFacts("facts"), into=made)
    facts = made.trace.facts("facts.on_request")
    assert (facts["path"], facts["peer"], facts["client"]) == ("", None, None)


def test_client_on_a_unix_socket_has_no_address() -> None:
    assert facts_of(REMOTE_ADDR="")["peer"] is None


def test_scheme_of_the_connection() -> None:
    assert facts_of(**{"wsgi.url_scheme": "https"})["scheme"] == "https"


class Interrupt(Feature):
    def on_request(self, exchange: Any) -> None:
        raise KeyboardInterrupt


def test_interrupt_ends_the_exchange_too() -> None:
    made = Call()
    with pytest.raises(KeyboardInterrupt):
        call(answers([]), Recorder("outer"), Interrupt(), into=made)
    assert made.ends == ["KeyboardInterrupt"]
