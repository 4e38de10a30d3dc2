"""WSGI (PEP 3333): files, sent by the server by means of its `wsgi.file_wrapper`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from tests.conformance.direct_wsgi import TEXT, Call, Items, call
from tests.conformance.encoders import Framed
from tests.conformance.features import Edit, Encode, Recorder
from tests.conformance.inprocess_wsgi import App

ADD = Edit(append={"X-Added": "yes"})


class SlottedWrapper:
    """A file wrapper that takes no attributes, as one written in C (mod_wsgi)."""

    __slots__ = ("closed", "file")

    def __init__(self, file: Any, size: int = 8192) -> None:
        self.file = file
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(2), b"")

    def close(self) -> None:
        self.closed += 1


class CountedFile(io.BytesIO):
    closings = 0

    def close(self) -> None:
        self.closings += 1
        super().close()


def sends(file: Any, *, headers: tuple[tuple[str, str], ...] = ()) -> App:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT, *headers])
        wrapper = environ.get("wsgi.file_wrapper")
        return wrapper(file, 2) if wrapper else Items(file.read())

    return app


def test_file_stays_with_the_server() -> None:
    file = CountedFile(b"hello")
    done = call(sends(file), Recorder("only"), ADD, wrapper=FileWrapper)
    assert type(done.returned) is FileWrapper
    assert done.returned.filelike is file
    assert done.headers["X-Added"] == "yes"
    assert done.trace.facts("only.on_response") == {"status": 200, "body": None}
    assert done.ends == [], "the exchange ends at close"
    done.close()
    assert file.closings == 1
    assert done.ends == [None]
    done.close()
    assert file.closings == 1


def test_file_passes_an_encoder() -> None:
    file = CountedFile(b"hello")
    done = call(sends(file), Encode(Framed), Recorder("only"), wrapper=FileWrapper)
    assert done.items() == [b"<he>", b"<ll>", b"<o>", b"."]
    assert file.closings == 1
    assert done.ends == [None]


def test_file_can_be_replaced() -> None:
    file = CountedFile(b"hello")
    done = call(sends(file), Edit(body=b"instead"), Recorder("only"), wrapper=FileWrapper)
    assert done.items() == [b"instead"]
    assert done.headers["Content-Length"] == "7"
    assert file.closings == 1
    assert done.ends == [None]


def test_file_after_write_is_a_stream() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", TEXT)(b"a")
        return FileWrapper(CountedFile(b"bc"), 1)

    done = call(app, Recorder("only"), Encode(Framed), wrapper=FileWrapper)
    assert done.written == [b"<a>"]
    assert done.items() == [b"<b>", b"<c>", b"."]
    assert len(done.starts) == 1
    assert done.ends == [None]


def test_file_of_a_wrapper_that_takes_no_attributes() -> None:
    file = CountedFile(b"hello")
    done = call(sends(file), Recorder("only"), wrapper=SlottedWrapper)
    assert b"".join(done.items()) == b"hello"
    assert done.ends == [None]


def test_wrapper_that_is_a_function_is_hidden_from_the_application() -> None:
    def wrapper(file: Any, size: int) -> Iterable[bytes]:
        raise AssertionError("what it returns cannot be told from other iterables")

    done = call(sends(CountedFile(b"hello")), Recorder("only"), wrapper=wrapper)
    assert b"".join(done.items()) == b"hello"


def test_server_without_file_wrapper() -> None:
    made = Call()
    del made.environ["wsgi.file_wrapper"]
    done = call(sends(CountedFile(b"hello")), Recorder("only"), into=made)
    assert b"".join(done.items()) == b"hello"


def test_error_of_a_feature_closes_the_file() -> None:
    file = CountedFile(b"hello")
    made = Call()
    with pytest.raises(ValueError, match="header"):
        call(sends(file), Edit(replace={"X-Bad": "\n"}), into=made, wrapper=FileWrapper)
    assert file.closings == 1
