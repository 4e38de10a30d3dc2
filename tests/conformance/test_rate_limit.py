"""RateLimit on every host. Hosts of one process share the feature of a case, so each counts under its own name.

Not where `wsgiref.validate` stands: it wants a dot in the names of values in environ that are no text, and
``environ["perfkit"]`` has none.
"""

from __future__ import annotations

import json
from typing import Any

import http_sf

from perfkit import Exchange, HeaderName, RateLimit, SecurityHeaders
from tests.conformance.behaviours import Raises, Stream, Whole
from tests.conformance.case import case
from tests.conformance.client import Response
from tests.conformance.direct_asgi import Talk, scope, talk
from tests.conformance.features import Recorder
from tests.conformance.hosts import UNVALIDATED, WITHOUT_DAPHNE
from tests.conformance.run import Ran, Run

HOST = HeaderName("X-Host")
HELLO = Whole(body=b"hello")
# daphne's check for failed applications fails itself where a response has begun.
FAILING = tuple(kind for kind in WITHOUT_DAPHNE if not kind.validated)
RULE = {"name": "rule", "key": "header:X-Host"}


async def async_key(exchange: Exchange) -> str | None:
    return exchange.request_header(HOST)


def ask(run: Run, method: str = "GET") -> Ran:
    return run(method, headers=[("X-Host", run.kind.name), ("Accept", "*/*")])


def statuses(run: Run, count: int) -> list[int]:
    return [ask(run).response.status for _ in range(count)]


def fields(response: Response, name: str) -> list[tuple[str, dict[str, int]]]:
    """A field of an answer, by a parser of structured fields."""
    value = response.header(name)
    assert value is not None
    found: Any = http_sf.parse(value.encode(), tltype="list")
    return list(found)


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "2/hour"}]), hosts=UNVALIDATED)
def test_what_is_too_much_is_refused(run: Run) -> None:
    admitted = ask(run).response
    assert (admitted.status, admitted.body) == (200, b"hello")
    assert fields(admitted, "RateLimit-Policy") == [("rule", {"q": 2, "w": 3600})]
    assert fields(admitted, "RateLimit")[0][1]["r"] == 1
    assert admitted.header("Retry-After") is None
    ask(run)
    refused = ask(run).response
    assert refused.status == 429
    assert 1 <= int(refused.header("Retry-After") or "") <= 7200
    assert refused.header("Cache-Control") == "no-store"
    assert refused.header("Content-Type") == "application/problem+json"
    assert json.loads(refused.body)["violated-policies"] == ["rule"]
    (state,) = fields(refused, "RateLimit")
    assert (state[0], state[1]["r"]) == ("rule", 0)
    assert state[1]["t"] <= int(refused.header("Retry-After") or "")


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1/hour"}]), Recorder("out"), hosts=UNVALIDATED)
def test_application_does_not_see_a_refused_request(run: Run) -> None:
    ask(run)
    trace = ask(run).trace
    assert "app.called" not in trace.names


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1/hour"}]), hosts=UNVALIDATED)
def test_refusal_of_head_has_no_body(run: Run) -> None:
    ask(run)
    response = ask(run, "HEAD").response
    assert (response.status, response.body) == (429, b"")
    assert response.header("Content-Type") == "application/problem+json"


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1/hour"}]), SecurityHeaders(), hosts=UNVALIDATED)
def test_refusal_has_the_headers_of_features_further_out(run: Run) -> None:
    ask(run)
    response = ask(run).response
    assert response.status == 429
    assert response.header("X-Content-Type-Options") == "nosniff"


@case(Stream(chunks=(b"a", b"b", b"c")), RateLimit(rules=[{**RULE, "limits": "5/hour"}]), hosts=UNVALIDATED)
def test_stream_passes_and_has_the_headers(run: Run) -> None:
    response = ask(run).response
    assert response.body == b"abc"
    assert fields(response, "RateLimit")[0][1]["r"] == 4


@case(HELLO, RateLimit(rules=[{"name": "rule", "key": async_key, "limits": "1/hour"}]), hosts=UNVALIDATED)
def test_functions_may_be_coroutine_functions(run: Run) -> None:
    assert statuses(run, 2) == [200, 429]


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1/hour", "count_when": "status>=400"}]), hosts=UNVALIDATED)
def test_successes_need_not_count(run: Run) -> None:
    assert statuses(run, 3) == [200, 200, 200]


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1 concurrent"}]), hosts=UNVALIDATED)
def test_what_is_over_is_not_in_flight(run: Run) -> None:
    assert statuses(run, 3) == [200, 200, 200]


@case(Raises(), RateLimit(rules=[{**RULE, "limits": "1 concurrent"}]), hosts=FAILING)
def test_what_failed_is_not_in_flight(run: Run) -> None:
    assert statuses(run, 3) == [500, 500, 500]


@case(
    Stream(chunks=(b"a",), endless=True),
    RateLimit(rules=[{**RULE, "limits": "1 concurrent"}]),
    Recorder("out"),
    hosts=UNVALIDATED,
)
def test_what_the_client_leaves_is_not_in_flight(run: Run) -> None:
    for _ in range(2):
        request = run.request(headers=[("X-Host", run.kind.name)])
        with run.open(request) as flight:
            assert flight.head().status == 200
            flight.chunk()
        run.host.trace(request.id, "out.on_end")


@case(HELLO, RateLimit(rules=[{**RULE, "limits": "1/hour", "match": {"path": "/*/a b"}}]), hosts=UNVALIDATED)
def test_path_is_decoded_on_all_hosts(run: Run) -> None:
    headers = [("X-Host", run.kind.name)]
    assert [run(rest="/a%20b", headers=headers).response.status for _ in range(2)] == [200, 429]
    assert run(rest="/other", headers=headers).response.status == 200


def handshakes(count: int, **changes: object) -> list[Talk]:
    feature = RateLimit(rules=[{"name": "rule", "limits": "1/hour", "match": {"type": "websocket"}}])
    given = {"type": "websocket", "scheme": "wss", "subprotocols": [], **changes}
    return [talk(accepts, feature, scope=scope(**given), arrives=[{"type": "websocket.connect"}]) for _ in range(count)]


async def accepts(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


def test_handshake_of_a_websocket_is_refused_with_an_answer() -> None:
    accepted, refused = handshakes(2, extensions={"websocket.http.response": {}})
    assert accepted.types == ["websocket.accept"]
    assert accepted.headers[b"ratelimit"].startswith(b'"rule";r=0')
    assert refused.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert refused.sent[0]["status"] == 429
    assert int(refused.headers[b"retry-after"]) >= 1


def test_handshake_of_a_websocket_is_closed_where_no_answer_can_be_sent() -> None:
    assert [each.types for each in handshakes(2)] == [["websocket.accept"], ["websocket.close"]]
