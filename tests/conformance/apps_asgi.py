"""A behaviour as an ASGI application, written the way frameworks write theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

from perfkit.asgi import PerfkitMiddleware
from tests.conformance.behaviours import BLOCK_SIZE, AnswersError, Behaviour, File, Head, NotedFile, Stream, Whole
from tests.conformance.case import Case
from tests.conformance.inprocess_asgi import App
from tests.conformance.trace import REQUEST_ID, SEEN, note


def middleware(case: Case) -> App:
    return PerfkitMiddleware(application(case.behaviour), case.settings, features=case.features)


def application(behaviour: Behaviour) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        request_id = headers[REQUEST_ID.raw].decode()
        seen = headers.get(SEEN.raw)
        note(request_id, "app.called", seen=None if seen is None else seen.decode("latin-1"))
        if isinstance(behaviour, Whole):
            while behaviour.reads and (await receive()).get("more_body"):
                pass
            await _send_whole(behaviour, scope["method"], send)
        elif isinstance(behaviour, Stream):
            await _until_client_leaves(_send_stream(behaviour, request_id, send), receive)
        elif isinstance(behaviour, File):
            await _send_file(behaviour, request_id, scope, send)
        elif isinstance(behaviour, AnswersError):
            # As Starlette does it: the error goes on to the server, for its log, after the answer.
            await _send_whole(Whole(status=500, body=b"sorry"), scope["method"], send)
            raise behaviour.error
        else:
            raise behaviour.error

    return app


async def _start(head: Head, length: int, send: Any) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in head.fields(length)]
    sent = list(headers)
    await send({"type": "http.response.start", "status": head.status, "headers": headers})
    assert headers == sent, "the application's own header list was changed"


async def _send_whole(behaviour: Whole, method: str, send: Any) -> None:
    await _start(behaviour, len(behaviour.body), send)
    body = behaviour.body_for(method)
    await send({"type": "http.response.body", "body": body, "more_body": behaviour.closes_empty})
    if behaviour.closes_empty:
        await send({"type": "http.response.body", "body": b""})


async def _send_stream(behaviour: Stream, request_id: str, send: Any) -> None:
    await _start(behaviour, behaviour.length(), send)
    async with aclosing(behaviour.produce_async(request_id)) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_client_leaves(sending: Coroutine[Any, Any, None], receive: Any) -> None:
    async def leaves() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(sending), asyncio.create_task(leaves())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _send_file(behaviour: File, request_id: str, scope: Any, send: Any) -> None:
    await _start(behaviour, behaviour.length(), send)
    if "http.response.pathsend" in (scope.get("extensions") or {}):
        await send({"type": "http.response.pathsend", "path": str(behaviour.path)})
    else:
        async with aclosing(_blocks(behaviour, request_id)) as blocks:
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body"})


async def _blocks(behaviour: File, request_id: str) -> AsyncGenerator[bytes]:
    with NotedFile(behaviour, request_id) as file:
        while block := file.read(BLOCK_SIZE):
            yield block
