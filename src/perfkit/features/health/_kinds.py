"""The checks that perfkit has: from the options of one to what is called."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from perfkit.features.health._databases import database
from perfkit.features.health._options import CheckOptions
from perfkit.features.health._system import disk, memory
from perfkit.options import BadOption

Function = Callable[[], Any]


class Made(NamedTuple):
    """What a check calls, and what it must not show of what that raises."""

    function: Function
    secrets: tuple[str, ...] = ()


def made(options: CheckOptions, timeout: float) -> Made:
    """What is called for a check.

    Args:
        options: those of the check.
        timeout: seconds that it may take, which connections are told too.

    Raises:
        BadOption: a function that cannot be found or needs arguments, a package that is not installed, or a URL that it
            cannot use.
    """
    if options.kind is None:
        return Made(_callable(options.call))
    return Made(_KINDS[options.kind](options, timeout), _secrets(options.url))


def _callable(call: Any) -> Function:
    function = _found(call) if isinstance(call, str) else call
    try:
        signature(function).bind()
    except TypeError:
        raise BadOption("call", f"{call!r} needs arguments", "write a function without any") from None
    except ValueError:
        pass  # one of C that does not tell
    found: Function = function
    return found


def _found(name: str) -> Any:
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise BadOption("call", f"{name!r} cannot be imported ({said})", "write it as in 'shop.health:mail'") from error
    if not callable(found):
        raise BadOption("call", f"{name!r} is not a function", "write where one is, as in 'shop.health:mail'")
    return found


def _tcp(options: CheckOptions, timeout: float) -> Function:
    address = (options.host, options.port)

    def connect() -> None:
        socket.create_connection(address, timeout).close()

    return connect


def _redis(options: CheckOptions, timeout: float) -> Function:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise BadOption("kind", "the package redis is not installed", "install perfkit[redis]") from None
    url = re.sub("^valkey", "redis", options.url or "")
    arguments: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }

    def ping() -> bool:
        # A connection of its own each time: one that was kept may be closed by now, which is no failure of the server.
        with Redis.from_url(url, **arguments) as client:
            try:
                return bool(client.ping())
            finally:
                client.connection_pool.disconnect()

    try:
        Redis.from_url(url, **arguments).close()
    except Exception as error:  # noqa: BLE001 - it is told on, but for its message, which may have the password in it
        problem = f"redis cannot use this URL ({type(error).__name__})"
        raise BadOption("url", problem, "write for example 'redis://localhost:6379/0'") from None
    return ping


def _secrets(url: str | None) -> tuple[str, ...]:
    """The URL and its password, as it stands there and decoded."""
    if url is None:
        return ()
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    return tuple(dict.fromkeys(text for text in (url, password, unquote(password)) if text))


_KINDS: Final[dict[str, Callable[[CheckOptions, float], Function]]] = {
    "database": database,
    "disk": disk,
    "memory": memory,
    "redis": _redis,
    "tcp": _tcp,
}
