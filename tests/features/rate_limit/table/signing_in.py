"""A middleware of Django's by which users sign in: by a header, as nobody should."""

from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from tests.features.rate_limit.table.site import User

PATH = "tests.features.rate_limit.table.signing_in.signing_in"


def signing_in(get_response: Any) -> Any:
    def sync(request: Any) -> Any:
        request.user = User(request.headers.get("X-User"))
        return get_response(request)

    async def native(request: Any) -> Any:
        request.user = User(request.headers.get("X-User"))
        return await get_response(request)

    return markcoroutinefunction(native) if iscoroutinefunction(get_response) else sync


signing_in.sync_capable = signing_in.async_capable = True  # type: ignore[attr-defined]
