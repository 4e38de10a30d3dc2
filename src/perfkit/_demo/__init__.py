"""``perfkit demo``: the FastAPI example over real sockets, with perfkit and without."""

from __future__ import annotations

import time
from pathlib import Path

import fastapi  # noqa: F401 - here and below: what the example needs, missed now rather than in its own process
import httpx
import prometheus_client  # noqa: F401
import sqlalchemy  # noqa: F401
import uvicorn  # noqa: F401
from rich.console import Console

from perfkit._check import fetch, grade
from perfkit._demo import tables
from perfkit._demo.asking import BROWSER, REQUESTS, ask_again, ask_both, change_twice, guess_passwords, watch
from perfkit._demo.monitoring import checks, most_asked
from perfkit._demo.serving import free_port, is_free, served

CHECK_SECONDS = 30


def run(*, port: int, once: bool) -> int:
    """Compare, print, and serve until interrupted; gives the exit status."""
    console = Console()
    folder = examples_folder()
    if folder is None:
        console.print("The examples are not part of this installation: pip install 'perfkit[demo]' brings them.")
        return 2
    if port and not is_free(port):
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
        served(folder, "fastapi_app.main:create_plain_app", free_port()) as plain,
        served(folder, "fastapi_app.main:create_app", port or free_port()) as fast,
    ):
        compare(console, plain, fast)
        if not once:
            _serve_on(console, fast)


def examples_folder() -> Path | None:
    """Where the examples are: in the wheel beside this package, in a checkout beside ``src``."""
    package = Path(__file__).parent.parent
    candidates = (package / "examples", package.parent.parent / "examples")
    return next((folder for folder in candidates if (folder / "fastapi_app").is_dir()), None)


def compare(console: Console, plain: str, fast: str) -> None:
    """Send the same requests to both and print what differs."""
    with httpx.Client(timeout=30, headers=BROWSER) as client:
        for base in (plain, fast):  # the first request of a process is never typical
            client.get(f"{base}/api/books/1")
        answers = [(request, *ask_both(client, request.path, plain, fast)) for request in REQUESTS]
        console.print(tables.sizes(answers))
        console.print(tables.repeats([(request, last, ask_again(client, last)) for request, _, last in answers]))
        console.print(tables.live(watch(client, plain), watch(client, fast)))
        console.print(tables.changes(change_twice(client, fast)))
        console.print(tables.guesses(guess_passwords(client, fast)))
        console.print(tables.timings(answers))
        console.print(tables.measured(most_asked(client, fast)))
        console.print(tables.health(checks(client, fast)))
        console.print(tables.added_headers(*answers[0][1:]))
        console.print(tables.nonces([client.get(fast, headers={"Accept-Encoding": "gzip"}) for _ in range(2)]))
    console.print(tables.grades(*(grade(fetch(base, CHECK_SECONDS)) for base in (plain, fast))))


def _serve_on(console: Console, url: str) -> None:
    console.print(f"\nThe bookshop with perfkit is at [link]{url}[/link] until you press Ctrl+C. Look at:")
    console.print(f"  {url}/             in a browser: developer tools, Network, Timing show the Server-Timing entries")
    console.print(f"  curl -i {url}/api/books/1")
    console.print(f"  curl -N --compressed {url}/api/events    compressed, and live all the same")
    console.print(f"  curl {url}/metrics and {url}/health    what those who watch it see")
    console.print(f"  perfkit check --headers {url}/    what was graded above, in full")
    while True:
        time.sleep(3600)
