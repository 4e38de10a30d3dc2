"""What is not HTTP goes by the host, and so does everything where there is no feature."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from perfkit import Feature
from perfkit.asgi import PerfkitMiddleware
from tests.conformance.direct_asgi import START, Message, body, says, scope, talk
from tests.conformance.features import Edit, RequestFacts


async def receive() -> Message:
    return {"type": "lifespan.startup"}


async def send(message: Message) -> None: ...


def goes_by(given: Any, *features: Feature) -> bool:
    """Whether the application gets the very objects of the server."""
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    asyncio.run(PerfkitMiddleware(app, {}, features=features)(given, receive, send))
    return seen[0] is given and seen[1] is receive and seen[2] is send


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "http.invented"])
def test_other_scopes_go_by(kind: str) -> None:
    assert goes_by({"type": kind}, Edit(status=418))


class Listening(Edit):
    websocket: ClassVar[bool] = True


@pytest.mark.parametrize("kind", ["lifespan", "http.invented"])
def test_other_scopes_go_by_features_that_want_connections_too(kind: str) -> None:
    assert goes_by({"type": kind}, Listening(status=418))


@pytest.mark.parametrize("kind", ["http", "websocket", "lifespan"])
def test_everything_goes_by_a_host_without_features(kind: str) -> None:
    assert goes_by({**scope(), "type": kind})


def facts_of(**changes: Any) -> dict[str, Any]:
    sent = talk(says(START, body(b"hello")), RequestFacts("facts"), scope=scope(**changes))
    return sent.trace.facts("facts.on_request")


def test_server_may_give_no_client_address_and_no_scheme() -> None:
    given = scope()
    del given["client"], given["scheme"]
    facts = talk(says(START, body(b"")), RequestFacts("facts"), scope=given).trace.facts("facts.on_request")
    assert (facts["peer"], facts["client"], facts["scheme"]) == (None, None, "http")


def test_client_on_a_unix_socket_has_no_address() -> None:
    assert facts_of(client=None)["peer"] is None
    assert facts_of(client=("", 0))["client"] is None


def test_scheme_of_the_connection() -> None:
    assert facts_of(scheme="https")["scheme"] == "https"


def test_headers_may_be_any_iterable() -> None:
    given = scope()
    headers = [*given["headers"], (b"x-many", b"a"), (b"x-many", b"b")]
    feature = RequestFacts("facts", "X-Many", "Host")
    sent = talk(says(START, body(b"")), feature, scope={**given, "headers": tuple(headers)})
    assert sent.trace.facts("facts.on_request")["headers"] == {"X-Many": "a, b", "Host": "testserver"}
