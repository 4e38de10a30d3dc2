"""What stands inside of perfkit and reads the body of a request before the application is called."""

from __future__ import annotations

from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from tests.doors import Door

PATH: Final = "tests.features.metrics.table.reading.django"


def reading(door: Door) -> tuple[Any, ...]:
    """The one for this door, as `Front.inner` takes it."""
    if door.django:
        return (PATH,)
    return (asgi,) if door.protocol == "asgi" else (wsgi,)


def asgi(app: Any) -> Any:
    async def reader(scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "http" and (await receive()).get("more_body"):
            pass
        await app(scope, receive, send)

    return reader


def wsgi(app: Any) -> Any:
    def reader(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        return app(environ, start_response)

    return reader


def django(get_response: Any) -> Any:
    def sync(request: Any) -> Any:
        assert request.body is not None
        return get_response(request)

    async def native(request: Any) -> Any:
        assert request.body is not None
        return await get_response(request)

    return markcoroutinefunction(native) if iscoroutinefunction(get_response) else sync
