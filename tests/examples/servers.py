"""Starts the example applications on real servers, as a reader of their READMEs would."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START_TIMEOUT = 30  # seconds; a start takes about two on an idle machine

UVICORN = ("uvicorn", "--app-dir", str(EXAMPLES), "--port", "0")
GUNICORN = ("gunicorn", "--pythonpath", str(EXAMPLES), "--bind", "127.0.0.1:0", "--threads", "4")
SERVERS = {
    "fastapi-uvicorn": (*UVICORN, "fastapi_app.main:app"),
    "django-uvicorn": (*UVICORN, "django_app.asgi:application"),
    "django-gunicorn": (*GUNICORN, "--workers", "2", "django_app.wsgi:application"),
}
# The same shops without perfkit.
PLAIN_SERVERS = {
    "fastapi-plain": (*UVICORN, "--factory", "fastapi_app.main:create_plain_app"),
    "django-plain": SERVERS["django-uvicorn"],
}

# What uvicorn and gunicorn say once they listen. Port 0 leaves the choice to the system, so that no two tests collide.
LISTENING = re.compile(r"(?:running on|Listening at:) (http://127\.0\.0\.1:\d+)")


def clean_environment(home: Path, **changes: str) -> dict[str, str]:
    """This process's environment without the settings of a developer's own shell."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BOOKSHOP_", "PERFKIT_", "DJANGO_"))
    }
    return {**kept, "BOOKSHOP_HOME": str(home), "PYTHONUNBUFFERED": "1", **changes}


@contextmanager
def run_server(home: Path, name: str) -> Iterator[str]:
    """Run one of the servers with its files in `home`; gives the URL it listens on, and fails if it complained."""
    log = log_of(home, name)
    command = (sys.executable, "-m", *{**SERVERS, **PLAIN_SERVERS}[name])
    environment = clean_environment(home, BOOKSHOP_PERFKIT="off" if name in PLAIN_SERVERS else "on")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield wait_for_url(process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert not re.search("Traceback|Warning:", log.read_text()), log.read_text()


def log_of(home: Path, name: str) -> Path:
    """Where this server writes to."""
    return home / f"{name}.log"


def wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        if found := LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text()}")
