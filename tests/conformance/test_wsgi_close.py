"""WSGI (PEP 3333): the server calls `close` once, which ends the exchange."""

from __future__ import annotations

import pytest

from tests.conformance.behaviours import Boom
from tests.conformance.direct_wsgi import Call, Items, answers, call
from tests.conformance.encoders import Framed
from tests.conformance.features import Edit, Encode, Fail, Recorder


@pytest.mark.parametrize("items", [(b"hello",), (b"a", b"b"), ()], ids=["one", "several", "none"])
def test_closed_once_after_the_end(items: tuple[bytes, ...]) -> None:
    body = Items(*items)
    done = call(answers(body), Recorder("only"))
    list(done.returned)
    assert done.ends == [], "the exchange ends at close"
    done.close()
    done.close()
    assert body.closed == 1
    assert done.ends == [None]


def test_closed_once_where_iteration_was_never_begun() -> None:
    body = Items(b"a", b"b")
    done = call(answers(body), Recorder("only"))
    done.close()
    assert body.closed == 1
    assert done.ends == ["IncompleteResponseError"]


def test_closed_once_where_iteration_stopped_half_way() -> None:
    body = Items(b"a", b"b")
    done = call(answers(body), Recorder("only"))
    next(iter(done.returned))
    done.close()
    assert body.closed == 1
    assert done.ends == ["IncompleteResponseError"]


def test_stream_whose_tail_was_not_taken_is_incomplete() -> None:
    done = call(answers(Items(b"a", b"b")), Encode(Framed), Recorder("only"))
    items = iter(done.returned)
    assert [next(items), next(items), next(items)] == [b"<a>", b"<b>", b"."]
    done.close()
    assert done.ends == ["IncompleteResponseError"]


def test_error_of_close_goes_on_and_ends_the_exchange() -> None:
    body = Items(b"a", b"b", closing=Boom())
    done = call(answers(body), Recorder("only"))
    with pytest.raises(Boom):
        done.items()
    assert body.closed == 1
    assert done.ends == ["Boom"]


def test_first_error_is_the_one_the_feature_learns() -> None:
    body = Items(b"a", RuntimeError(), closing=Boom())
    done = call(answers(body), Recorder("only"))
    with pytest.raises(Boom):
        done.items()
    assert done.ends == ["RuntimeError"]


def test_iterable_without_close() -> None:
    done = call(answers(iter([b"a", b"b"])), Recorder("only"))
    assert done.items() == [b"a", b"b"]
    assert done.ends == [None]


def test_error_at_the_first_item_closes_the_iterable() -> None:
    body = Items(Boom())
    made = Call()
    with pytest.raises(Boom):
        call(answers(body), Recorder("only"), into=made)
    assert body.closed == 1
    assert made.starts == []
    assert made.ends == ["Boom"]


@pytest.mark.parametrize("items", [(b"hello",), (b"a", b"b")], ids=["whole", "stream"])
def test_error_of_a_feature_closes_the_iterable(items: tuple[bytes, ...]) -> None:
    body = Items(*items)
    made = Call()
    with pytest.raises(RuntimeError):
        call(answers(body), Fail("edit", "on_response"), Recorder("only"), into=made)
    assert body.closed == 1
    assert made.starts == []
    assert made.trace.hooks.count("only.on_end") == 1


def test_error_of_a_feature_while_iteration_goes_on() -> None:
    class Bad(Framed):
        def feed(self, chunk: bytes) -> bytes:
            raise Boom

    body = Items(b"", b"a", b"b")
    done = call(answers(body), Encode(Bad), Recorder("only"))
    with pytest.raises(Boom):
        done.items()
    assert body.closed == 1
    assert done.ends == ["Boom"]


def test_replaced_body_is_closed_without_being_taken_further() -> None:
    body = Items(b"a", b"b", b"c")
    done = call(answers(body), Edit(body=b"instead"), Recorder("only"))
    assert done.items() == [b"instead"]
    assert (body.taken, body.closed) == (1, 1)
    assert done.ends == [None]
