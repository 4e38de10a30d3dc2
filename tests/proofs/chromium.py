"""Drives headless Chromium over its DevTools protocol, on a pipe: no port, no driver, no package."""

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMEOUT = 60  # seconds for an answer; one takes milliseconds, the first one up to a few seconds

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# Chromium reads commands from file descriptor 3 and writes to 4.
LAUNCH = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.closerange(5, 64)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Chromium:
    """A running browser. Messages end with a NUL on the pipe.

    Attributes:
        events: what the browser has told unasked, in its order.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._commands = commands
        self._ids = itertools.count(1)
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(answers,), daemon=True)
        self._reader.start()

    def _read(self, answers: int) -> None:
        with open(answers, "rb") as pipe:
            rest = b""
            while more := os.read(pipe.fileno(), 65536):
                *messages, rest = (rest + more).split(b"\0")
                for message in map(json.loads, messages):
                    self._answers.put(message)
        self._answers.put(None)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str, **params: Any) -> None:
        """Wait for an event of this kind with these parameters, unless it has come."""
        known = 0
        while True:
            for event in self.events[known:]:
                if event.get("method") == method and params.items() <= event["params"].items():
                    return
            known = len(self.events)
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        answer = self._answers.get(timeout=TIMEOUT)
        assert answer is not None, "Chromium has ended"
        return answer

    def close(self) -> None:
        """End the browser and what belongs to it here."""
        os.close(self._commands)
        self._reader.join(TIMEOUT)


class Tab:
    """A tab of the browser."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Page.setLifecycleEventsEnabled", enabled=True)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        result = self._call("Page.navigate", url=url)
        assert "errorText" not in result, result
        self._browser.wait_for("Page.lifecycleEvent", loaderId=result["loaderId"], name="load")

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@contextmanager
def running(executable: str, profile: Path, *flags: str) -> Iterator[Chromium]:
    """Chromium with a new profile in this folder."""
    for_browser, commands = os.pipe()
    answers, by_browser = os.pipe()
    arguments = (executable, *FLAGS, f"--user-data-dir={profile}", *flags, "about:blank")
    launch = (sys.executable, "-S", "-c", LAUNCH, str(for_browser), str(by_browser), *arguments)
    with (profile.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(launch, stdout=log, stderr=log, pass_fds=(for_browser, by_browser))
    os.close(for_browser)
    os.close(by_browser)
    browser = Chromium(commands, answers)
    try:
        yield browser
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        browser.close()
