"""Whether it was the server that failed to send, which tells that the client is gone.

ASGI's HTTP message format says since 2.4 that sending raises an OSError then. An application may raise one too, for a
file or a database that is not there: what tells them apart is where it was raised.
"""

from __future__ import annotations

from typing import Any


def raised_by(send: Any, error: BaseException | None) -> bool:
    """Whether this error, or one that it came of, is an OSError of this function.

    Args:
        send: what the server, or a middleware further out, gave for sending. One that is not of Python is never found.
        error: what ended the exchange. Frameworks raise their own in its place, as Starlette does ClientDisconnect.
    """
    code = getattr(getattr(send, "__func__", send), "__code__", None)
    while error is not None and code is not None:
        if isinstance(error, OSError) and _went_through(code, error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _went_through(code: Any, error: BaseException) -> bool:
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return True
        traceback = traceback.tb_next
    return False
