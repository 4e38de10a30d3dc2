"""How an exchange ended, as labels tell it."""

from __future__ import annotations

from typing import Final

from perfkit.errors import IncompleteResponseError
from perfkit.exchange import Exchange

# What a request counts as that ended before its response began: nginx's "client closed request" and our own failure.
CLIENT_GONE: Final = 499
FAILED: Final = 500

SWITCHING_PROTOCOLS: Final = 101

# RFC 6455 section 7.4.1 and the registry of close codes. 1005 is a close without a code, as browsers send it.
CLOSE_CLASSES: Final = {
    1000: "normal",
    1001: "going_away",
    1005: "normal",
    1006: "abnormal",
    1008: "policy",
    **dict.fromkeys(range(1011, 1015), "error"),
    1015: "abnormal",
}


def ending(exchange: Exchange, error: BaseException | None) -> tuple[int, str]:
    """Status and type of error of an exchange: the status that was sent, or what stands for none."""
    status = exchange.status
    if status:
        return status, "" if error is None else error_type(error)
    if error is None:
        return FAILED, ""
    return (CLIENT_GONE, "") if left(exchange, error) else (FAILED, error_type(error))


def error_type(error: BaseException) -> str:
    """The name of the class, as code has it."""
    return type(error).__qualname__


def left(exchange: Exchange, error: BaseException) -> bool:
    """Whether it ended since the client was gone, or nobody wanted it any longer."""
    return exchange.disconnected or is_cancellation(error)


def is_cancellation(error: BaseException) -> bool:
    """Whether somebody ended it from outside: asyncio's and trio's cancellations and GeneratorExit."""
    return not isinstance(error, Exception | KeyboardInterrupt | SystemExit)


def stream_outcome(exchange: Exchange, error: BaseException | None) -> str:
    """How an event stream ended."""
    if error is None:
        return "complete"
    return "disconnected" if left(exchange, error) else "error"


def close_class(exchange: Exchange, error: BaseException | None) -> str:
    """How a WebSocket connection was closed, from either side."""
    raised = isinstance(error, Exception) and not isinstance(error, IncompleteResponseError)
    failed = raised and not exchange.disconnected
    if exchange.status != SWITCHING_PROTOCOLS:
        return "error" if failed and not exchange.status else "refused"
    code = exchange.close_code
    if code is None:
        return "error" if failed else "abnormal"  # servers close with 1011 where the application raises
    if 3000 <= code <= 4999:
        return "application"
    return CLOSE_CLASSES.get(code, "protocol")
