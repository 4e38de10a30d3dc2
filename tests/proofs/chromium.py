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

NOTE_VIOLATIONS = """
    const violations = [];
    addEventListener("securitypolicyviolation", ({effectiveDirective, blockedURI, disposition, originalPolicy}) =>
        violations.push({effectiveDirective, blockedURI, disposition, originalPolicy}));
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

    def pages(self) -> dict[str, str]:
        """The targets that are pages, popups too, by URL."""
        targets = self.call("Target.getTargets")["targetInfos"]
        return {each["url"]: each["targetId"] for each in targets if each["type"] == "page"}

    def close(self) -> None:
        """End the browser and what belongs to it here."""
        os.close(self._commands)
        self._reader.join(TIMEOUT)


class Tab:
    """A tab of the browser: a new one, or the page that is this target."""

    def __init__(self, browser: Chromium, target: str | None = None) -> None:
        self._browser = browser
        target = target or browser.call("Target.createTarget", url="about:blank")["targetId"]
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

    def type(self, text: str) -> None:
        """Enter a text where the focus is, as a keyboard would."""
        self._call("Input.insertText", text=text)

    def watch(self) -> None:
        """Begin to note what goes wrong in the pages of this tab, and in their workers."""
        for domain in ("Log", "Network", "Runtime"):
            self._call(f"{domain}.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=NOTE_VIOLATIONS)
        self._call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)

    def violations(self) -> list[dict[str, str]]:
        """What a policy has blocked or reported in the page, once `watch` was called."""
        return self.value("violations")

    def workers(self) -> dict[str, str]:
        """The URLs of the pages' workers, by session."""
        attached = [event["params"] for event in self._events("Target.attachedToTarget")]
        return {each["sessionId"]: each["targetInfo"]["url"] for each in attached}

    def mishaps(self) -> list[Any]:
        """Errors in the console, failed requests and violations since `watch` was called."""
        sessions = [self._session, *self.workers()]
        for worker in sessions[1:]:
            for domain in ("Log", "Network", "Runtime"):  # which tells what was logged before, too
                self._browser.call(f"{domain}.enable", worker)
        self.value("0")  # what the browser has told before it answers
        found = [event for event in self._browser.events if event.get("sessionId") in sessions and is_mishap(event)]
        return found + self.violations()

    def _events(self, method: str) -> list[dict[str, Any]]:
        events = self._browser.events
        return [event for event in events if event["method"] == method and event.get("sessionId") == self._session]


def is_mishap(event: dict[str, Any]) -> bool:
    """Whether an event tells of something that went wrong in a page."""
    params = event["params"]
    match event["method"]:
        case "Log.entryAdded":
            return params["entry"]["level"] == "error"
        case "Runtime.consoleAPICalled":
            return params["type"] in ("error", "assert")
        case "Network.responseReceived":
            return params["response"]["status"] >= 400
        case method:
            return method in ("Network.loadingFailed", "Runtime.exceptionThrown")


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
