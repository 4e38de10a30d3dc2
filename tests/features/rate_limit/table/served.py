"""A WebSocket that echoes, behind perfkit: what real servers of the tests serve."""

from __future__ import annotations

from typing import Any

from perfkit.asgi import PerfkitMiddleware


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        return await send({"type": "http.response.body", "body": b"hello"})
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


RULES = [
    {"name": "handshakes", "match": {"path": "/rate"}, "limits": "1/hour"},
    {"name": "open", "match": {"path": "/open"}, "limits": "1 concurrent"},
]
app = PerfkitMiddleware(echo, {"rate_limit": {"rules": RULES}})
