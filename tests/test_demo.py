"""`perfkit demo`, as `make demo` runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]


@contextmanager
def demo(tmp_path, *arguments):
    env = {**os.environ, "BOOKSHOP_HOME": str(tmp_path), "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "perfkit", "demo", *arguments]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What a demo prints that stops by itself."""
    with demo(tmp_path_factory.mktemp("demo"), "--once", "--port", "0") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def test_the_demo_compares_and_stops(output):
    for shown in ("a JSON list", "total;dur=", "database;dur=", "x-content-type-options", "nosniff"):
        assert shown in output
    assert "Traceback" not in output


def test_the_demo_shows_the_policy_of_the_page_and_its_grade(output):
    (_, *first), (_, *second) = re.findall(r"(answer \d) +([\w-]{32}) +([\w-]{32})", output)
    assert first[0] == first[1] != second[0] == second[1]
    assert re.search(r"grade C, 50 points +grade A\+, 130 points", output)


def test_the_demo_serves_until_it_is_interrupted(tmp_path):
    with demo(tmp_path, "--port", "0") as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "until you press Ctrl+C" in line:
                break
        url = next(word for line in lines for word in line.split() if word.startswith("http://"))
        assert "server-timing" in httpx.get(f"{url}/api/books/1", timeout=30).headers
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 0
        assert "Stopped." in rest
        assert "Traceback" not in rest
        _assert_gone(url)


def test_the_demo_names_a_port_that_is_taken(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with demo(tmp_path, "--port", port) as process:
            output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"Port {port} is taken" in output


def _assert_gone(url):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail("the example is still served")
