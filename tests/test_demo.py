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

COLUMNS = "80"


@contextmanager
def demo(tmp_path, *arguments):
    env = {**os.environ, "BOOKSHOP_HOME": str(tmp_path), "COLUMNS": COLUMNS, "PYTHONUNBUFFERED": "1"}
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


def row(output, *start):
    """The cells of the line that starts with these."""
    lines = (re.split(r"  +", line.strip()) for line in output.splitlines())
    return next(cells for cells in lines if cells[: len(start)] == list(start))


def number(cell):
    return float(cell.replace(",", ""))


def test_the_demo_compares_and_stops(output):
    for shown in ("total;dur=", "database;dur=", "compress;dur=", "x-content-type-options", "nosniff"):
        assert shown in output
    assert "Traceback" not in output


def test_the_demo_shows_what_compression_saves(output):
    _, plain, fast, coding, *_ = row(output, "a JSON list")
    assert coding == "zstd"
    assert 20_000 < number(plain) > 4 * number(fast) > 4_000
    assert row(output, "no such page")[1:3] == ["22", "22"]
    assert row(output, "a streamed export")[3] == "gzip"


@pytest.mark.parametrize("what", ["an HTML page", "a style sheet", "a JSON list", "a review, versioned"])
def test_the_demo_shows_what_is_not_sent_again(output, what):
    table = output.partition("Asked again")[2]
    _, _, status, first, again, *_ = row(table, what)
    assert (status, again) == ("304", "0")
    assert number(first) > 200


def test_the_demo_leaves_out_what_cannot_be_asked_for_again(output):
    asked_again = output.partition("Asked again")[2].partition("Server-sent events")[0]
    assert "304" in asked_again
    assert "an HTML page with a nonce" not in asked_again


def test_the_demo_shows_that_a_compressed_stream_is_live(output):
    table = output.partition("Server-sent events")[2]
    _, plain_size, events, *_ = row(table, "without perfkit")
    _, size, coding, fast_events, arrivals, first, last = row(table, "with it")
    assert (events, fast_events, coding) == ("10", "10", "gzip")
    assert number(arrivals) > 7  # each by itself, unless this machine stalls
    assert number(size) < number(plain_size)
    assert number(last) - number(first) > 300  # nine pauses of 50 ms


def test_the_demo_shows_that_a_change_for_an_old_version_is_refused(output):
    table = output.partition("Two readers")[2]
    (*_, none, _, read), (*_, asked, ok, changed), (*_, stale, failed), (*_, missing, required) = (
        re.split(r"  +", line.strip()) for line in table.splitlines() if "/api/reviews/1 " in line
    )
    assert [none, ok, failed, missing, required] == ["none", "200", "412", "none", "428"]
    assert read == asked == stale
    assert changed == f'"v{int(read[2:-1]) + 1}"'


def test_the_demo_shows_that_a_burst_is_refused_and_recovers(output):
    table = output.partition("Somebody guesses")[2]
    rows = [re.split(r"  +", line.strip()) for line in table.splitlines() if re.match(r" *guess \d", line)]
    statuses = [status for _, status, *_ in rows]
    assert statuses[:5] == ["401"] * 5
    assert "429" in statuses
    assert statuses[-1] == "401"


def test_the_demo_shows_what_was_measured(output):
    table = output.partition("What /metrics says")[2]
    route, requests, milliseconds, size = row(table, "/api/reviews/naive")
    assert (route, int(requests)) == ("/api/reviews/naive", 6)
    assert number(milliseconds) > 0 < number(size)
    assert int(row(table, "none")[1]) >= 3


def test_the_demo_shows_how_it_is(output):
    table = output.partition("What /health says")[2]
    assert row(table, "all", "pass")
    assert row(table, "database", "pass")


def test_the_demo_shows_the_policy_of_the_page_and_its_grade(output):
    (_, *first), (_, *second) = re.findall(r"(\d) +([\w-]{32}) +([\w-]{32})", output)
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
