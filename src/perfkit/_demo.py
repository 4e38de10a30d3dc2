"""``perfkit demo``: the FastAPI example over real sockets, with perfkit and without."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import fastapi  # noqa: F401 - here and below: what the example needs, missed now rather than in its own process
import httpx
import sqlalchemy  # noqa: F401
import uvicorn  # noqa: F401
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from perfkit._check import Grade, fetch, grade

HOST = "127.0.0.1"
ROUNDS = 3
START_SECONDS = 60  # the first start makes the database
CHECK_SECONDS = 30
SCRIPT_NONCE = re.compile(r'<script nonce="([^"]*)"')
POLICY_NONCE = re.compile(r"'nonce-([^']*)'")
UNCHANGED = frozenset({"date", "server", "content-length", "content-type", "etag", "last-modified"})


class Request(NamedTuple):
    """A request of the comparison."""

    path: str
    what: str


REQUESTS = (
    Request("/", "an HTML page"),
    Request("/api/books?limit=100", "a JSON list"),
    Request("/api/books/1", "a JSON document"),
    Request("/api/books/export.ndjson", "a streamed export"),
    Request("/api/events?count=3&interval=0.05", "server-sent events"),
    Request("/api/reviews/naive", "a list with an N+1"),
    Request("/api/slow", "a slow query"),
    Request("/nowhere", "no such page"),
)


class Answer(NamedTuple):
    """What a client sees of one response."""

    milliseconds: float
    size: int
    headers: httpx.Headers


def run(*, port: int, once: bool) -> int:
    """Compare, print, and serve until interrupted; gives the exit status."""
    console = Console()
    folder = examples_folder()
    if folder is None:
        console.print("The examples are not part of this installation: pip install 'perfkit[demo]' brings them.")
        return 2
    if port and not _is_free(port):
        console.print(f"Port {port} is taken: choose another with --port, or --port 0 for any that is free.")
        return 2
    try:
        _compare_and_serve(console, folder, port, once=once)
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return 0


def _compare_and_serve(console: Console, folder: Path, port: int, *, once: bool) -> None:
    console.print("Starting the bookshop twice, with perfkit and without ...")
    with (
        served(folder, "fastapi_app.main:create_plain_app", _free_port()) as plain,
        served(folder, "fastapi_app.main:create_app", port or _free_port()) as fast,
    ):
        compare(console, plain, fast)
        if not once:
            _serve_on(console, fast)


def examples_folder() -> Path | None:
    """Where the examples are: in the wheel beside this module, in a checkout beside ``src``."""
    here = Path(__file__).parent
    candidates = (here / "examples", here.parent.parent / "examples")
    return next((folder for folder in candidates if (folder / "fastapi_app").is_dir()), None)


@contextmanager
def served(folder: Path, factory: str, port: int) -> Iterator[str]:
    """The base URL of an application served by uvicorn in a process of its own."""
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--app-dir", str(folder)]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command)  # noqa: S603 - no text from outside in it
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_served(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def compare(console: Console, plain: str, fast: str) -> None:
    """Send the same requests to both and print what differs."""
    with httpx.Client(timeout=30) as client:
        for base in (plain, fast):  # the first request of a process is never typical
            client.get(f"{base}/api/books/1")
        answers = [(request, *ask_both(client, request.path, plain, fast)) for request in REQUESTS]
        pages = [client.get(fast) for _ in range(2)]
    console.print(_requests_table(answers))
    console.print(_headers_table(answers))
    console.print(_nonces_table(pages))
    console.print(_grades_table(*(grade(fetch(base, CHECK_SECONDS)) for base in (plain, fast))))


def ask_both(client: httpx.Client, path: str, plain: str, fast: str) -> tuple[Answer, Answer]:
    """The quickest of a few answers of each, asked by turns, so that what else the machine does counts little."""
    rounds = [(ask(client, plain + path), ask(client, fast + path)) for _ in range(ROUNDS)]
    plain_answers, fast_answers = zip(*rounds, strict=True)
    return min(plain_answers, key=quickness), min(fast_answers, key=quickness)


def quickness(answer: Answer) -> float:
    """How long the answer took."""
    return answer.milliseconds


def ask(client: httpx.Client, url: str) -> Answer:
    """One real request, timed up to its last byte."""
    started = time.perf_counter()
    with client.stream("GET", url) as response:
        size = sum(len(chunk) for chunk in response.iter_raw())
    return Answer((time.perf_counter() - started) * 1e3, size, response.headers)


def _requests_table(answers: list[tuple[Request, Answer, Answer]]) -> Table:
    table = Table(title="The same requests, without perfkit and with it", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("request", max_width=28)
    table.add_column("bytes", justify="right")
    table.add_column("ms\nwithout", justify="right")
    table.add_column("\nwith", justify="right")
    table.add_column("what Server-Timing says of it", overflow="fold")
    for request, plain, fast in answers:
        table.add_row(
            f"{request.what}\n[dim]{request.path}[/dim]",
            f"{fast.size:,}",
            f"{plain.milliseconds:.1f}",
            f"{fast.milliseconds:.1f}",
            fast.headers.get("server-timing", "").replace(", ", "\n"),
        )
    return table


def _headers_table(answers: list[tuple[Request, Answer, Answer]]) -> Table:
    _, plain, fast = answers[0]
    table = Table(title="Headers perfkit adds to the HTML page", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("header")
    table.add_column("value", overflow="fold")
    for name, value in fast.headers.items():
        if name not in UNCHANGED and name not in plain.headers:
            table.add_row(name, value)
    return table


def _nonces_table(pages: list[httpx.Response]) -> Table:
    table = Table(
        title="A nonce for each answer: the page's own script runs, and none that was injected",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for column in ("the same page", "nonce in its policy", "nonce in its script"):
        table.add_column(column, overflow="fold")
    for number, page in enumerate(pages, 1):
        policy = page.headers.get("content-security-policy", "")
        table.add_row(f"answer {number}", _first(POLICY_NONCE, policy), _first(SCRIPT_NONCE, page.text))
    return table


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else "none"


def _grades_table(plain: Grade, fast: Grade) -> Table:
    """What takes or gives points, by rule."""
    table = Table(
        title="What perfkit check --headers says of it; what needs https is not graded on this machine",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_footer=True,
    )
    for name, judged in (("without perfkit", plain), ("with it", fast)):
        table.add_column("", justify="right")
        table.add_column(name, f"grade {judged.letter}, {judged.score} points")
    for rule in dict.fromkeys(finding.rule for finding in (*plain.findings, *fast.findings) if finding.points):
        table.add_row(*_said(plain, rule), *_said(fast, rule))
    return table


def _said(judged: Grade, rule: str) -> tuple[str, str]:
    """The points and the words of a grade's finding by this rule."""
    finding = next((finding for finding in judged.findings if finding.rule == rule), None)
    return (f"{finding.points:+d}" if finding.points else "0", finding.says) if finding else ("", "")


def _serve_on(console: Console, url: str) -> None:
    console.print(f"\nThe bookshop with perfkit is at [link]{url}[/link] until you press Ctrl+C. Look at:")
    console.print(f"  {url}/             in a browser: developer tools, Network, Timing show the Server-Timing entries")
    console.print(f"  curl -i {url}/api/books/1")
    console.print(f"  perfkit check --headers {url}/    what was graded above, in full")
    while True:
        time.sleep(3600)


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("The example did not start; what it printed stands above.")
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"The example did not answer within {START_SECONDS} seconds.")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False
