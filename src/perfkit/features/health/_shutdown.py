"""The end of the process: not ready any more first, then, after a while, SIGTERM to the server that waits for it.

A load balancer goes on sending requests until it has seen a probe fail. A server that stops on SIGTERM at once refuses
these. So SIGTERM is held back for some seconds, in which readiness fails and all else works.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

logger = logging.getLogger("perfkit")

# Where the handlers come from that event loops set for signals of `add_signal_handler`.
_LOOPS: Final = ("asyncio", "uvloop")


class Shutdown:
    """Whether this process is about to end. Signals are the process's, and so is this."""

    begun = False


SHUTDOWN: Final = Shutdown()


def begin_shutdown() -> None:
    """Have readiness fail from now on: this process is about to end. Liveness stays as it is.

    For servers and supervisors that tell of the end in another way than SIGTERM; see also `hold_sigterm`. May be called
    on any thread and in a signal handler.
    """
    SHUTDOWN.begun = True


def is_shutting_down() -> bool:
    """Whether `begin_shutdown` was called, or SIGTERM came while it is held back."""
    return SHUTDOWN.begun


def _nobody(number: int, frame: Any) -> None:
    """Before anything is held back."""


class Held:
    """SIGTERM, held back.

    Attributes:
        seconds: for how long.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._came = False
        # Its `put` may be called in a signal handler, in the middle of any other call, unlike those of a lock.
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._pass_on: Callable[[int, Any], object] = _nobody

    @property
    def installed(self) -> bool:
        """Whether this process holds it; one that was forked does not."""
        return self._pid == os.getpid()

    def install(self, seconds: float) -> bool:
        """Hold it for at least so long from now on; gives whether that can be done.

        It can on the main thread only, where Python lets handlers be set.
        """
        self.seconds = max(seconds, self.seconds)
        with self._lock:
            if self.installed or is_shutting_down():
                return True
            if threading.current_thread() is not threading.main_thread() or not self._take_over():
                return False
            self._pid = os.getpid()
            self._queue = SimpleQueue()
        # Started now, as a signal handler can start no thread: it may stand in the middle of starting another.
        threading.Thread(target=self._wait, name="perfkit-sigterm", daemon=True).start()
        return True

    def _take_over(self) -> bool:
        """Put our handler in the place of the one that is there."""
        handler = signal.getsignal(signal.SIGTERM)
        # Set by something other than Python, which could not be given back; or of no meaning here.
        if handler is None or handler is signal.SIG_IGN:
            return False
        if getattr(handler, "__module__", "").partition(".")[0] in _LOOPS:
            return self._take_over_loop()
        self._pass_on = partial(self._pass_to_handler, handler)
        signal.signal(signal.SIGTERM, self._handle)
        return True

    def _take_over_loop(self) -> bool:
        """The same where a loop hands signals on, as gunicorn's ASGI worker and Hypercorn have it."""
        import asyncio

        with suppress(RuntimeError):  # no loop runs
            loop = asyncio.get_running_loop()
            # There is no public way to learn what a loop calls. uvloop has none at all.
            handle = getattr(loop, "_signal_handlers", {}).get(signal.SIGTERM)
            if handle is not None:
                self._pass_on = partial(self._pass_to_loop, loop, handle._callback, handle._args)
                loop.add_signal_handler(signal.SIGTERM, self._handle, signal.SIGTERM, None)
                return True
        return False

    def _handle(self, number: int, frame: Any) -> None:
        if self._came:  # a second one, of the operator or of our own thread
            self._queue.put(None)
            self._pass_on(number, frame)
        else:
            self._came = True
            begin_shutdown()
            self._queue.put(number)

    def _pass_to_handler(self, handler: Any, number: int, frame: Any) -> None:
        if signal.getsignal(number) == self._handle:
            signal.signal(number, handler)
        self._pid = None
        if callable(handler):
            handler(number, frame)
        else:  # the system's own way, or none
            signal.raise_signal(number)

    def _pass_to_loop(self, loop: Any, callback: Any, args: Any, number: int, frame: Any) -> None:
        loop.add_signal_handler(number, callback, *args)
        self._pid = None
        callback(*args)

    def _wait(self) -> None:
        queue = self._queue
        number = queue.get()
        logger.warning("health: not ready any more; SIGTERM is handed to the server in %g s", self.seconds)
        again = number
        with suppress(Empty):
            again = queue.get(timeout=self.seconds)
        if again is not None:
            _signal_main_thread(again)


SIGTERM: Final = Held()


def hold_sigterm(seconds: float) -> None:
    """Hold SIGTERM back for some seconds, in which readiness fails and requests are served as ever.

    A `Health` with ``drain`` does this by itself at its first request, where requests are handled on the main thread.
    This is for servers that handle them on others, such as gunicorn with threads: call it in ``post_worker_init``, once
    the server has set its own handlers. A second SIGTERM is handed to the server at once.

    Args:
        seconds: how long, above 0.

    Raises:
        ValueError: seconds that are none.
        RuntimeError: it is not called on the main thread, or the handler that is there cannot be held back.
    """
    if not seconds > 0:
        raise ValueError(f"{seconds!r} is not a time to wait; write seconds above 0")
    if not SIGTERM.install(seconds):
        raise RuntimeError("SIGTERM cannot be held back here; call this on the main thread, after the server has begun")


def _signal_main_thread(number: int) -> None:
    """Send a signal to where Python handles it, so that it ends whatever the main thread waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:  # Windows
        signal.raise_signal(number)
