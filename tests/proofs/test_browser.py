"""What a real browser makes of the pages that perfkit guards: headless Chromium, over https from a real uvicorn."""

import base64
import hashlib
import re
import subprocess
import sys
import time

import httpx
import pytest

from tests.proofs import chromium
from tests.proofs.tools import HERE, program

pytestmark = pytest.mark.server

WAIT = 60  # seconds until the server listens, or a report has come; each takes about one
LISTENING = re.compile(r"running on (https://127\.0\.0\.1:\d+)")


def eventually(condition):
    """What the condition gives, as soon as that is something."""
    deadline = time.monotonic() + WAIT
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def trusted(folder):
    """A certificate for this machine, in the folder; gives the hash by which the browser is told to trust it.

    Chromium sends no report to an endpoint over http, and keeps no page of a server that it does not trust.
    """
    openssl = program("openssl")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout key -out certificate"
    subprocess.run((openssl, *command.split()), check=True, capture_output=True, cwd=folder)
    command = "pkey -in key -pubout -outform DER"
    public = subprocess.run((openssl, *command.split()), check=True, capture_output=True, cwd=folder).stdout
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


@pytest.fixture(scope="module")
def browser(folder, trusted):
    executable = program("chromium", "chromium-browser")
    # Without the second a browser collects reports for a minute before it sends them.
    flags = (f"--ignore-certificate-errors-spki-list={trusted}", "--short-reporting-delay")
    with chromium.running(executable, folder / "profile", *flags) as running:
        yield running


@pytest.fixture(scope="module")
def url(folder, browser):
    """The URL of the application in shop.py, on a server of its own."""
    command = "uvicorn tests.proofs.shop:app --port 0 --ws none --lifespan off --no-access-log"
    command += f" --ssl-keyfile {folder}/key --ssl-certfile {folder}/certificate --timeout-graceful-shutdown 1"
    log = folder / "uvicorn.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", *command.split()), stdout=output, stderr=output, cwd=HERE.parents[1]
        )
    try:
        found = eventually(lambda: LISTENING.search(log.read_text()))
        assert found, log.read_text()
        yield found[1]
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert not re.search("Traceback|Warning:", log.read_text()), log.read_text()


@pytest.fixture
def tab(browser):
    return chromium.Tab(browser)


def seen(url):
    """What the application has answered, and which reports came."""
    return httpx.get(f"{url}/seen", verify=False).json()


def ran(tab):
    """Which scripts of the page ran: its own, the injected one, the injected event handler."""
    assert tab.value("document.title") == "Shop"
    return tuple(tab.value(f"window.{name} === 'ran'") for name in ("own", "injected", "handler"))


def test_a_page_runs_its_own_script_and_none_that_was_injected(tab, url):
    tab.open(f"{url}/pages/first")
    assert ran(tab) == (True, False, False)


def test_a_page_survives_its_revalidation_with_its_scripts_working(tab, url):
    for _ in range(3):
        tab.open(f"{url}/pages/again")
        assert ran(tab) == (True, False, False)
    assert seen(url)["statuses"]["/pages/again"] == [200, 304, 304]


def test_without_perfkit_a_revalidation_would_break_that_page(tab, url):
    """A policy on a 304 replaces that of the page in the cache, which has the nonce of its first answer."""
    tab.open(f"{url}/naive")
    assert ran(tab) == (True, False, False)
    tab.open(f"{url}/naive")
    assert ran(tab) == (False, False, False)
    assert seen(url)["statuses"]["/naive"] == [200, 304]


def test_what_was_blocked_arrives_at_the_receiver(tab, url):
    page = f"{url}/pages/reported"
    tab.open(page)
    for directive in ("script-src-elem", "script-src-attr"):
        report = ["csp-violation", directive, "inline", page, True]
        assert eventually(lambda report=report: report in seen(url)["reports"]), seen(url)
    assert seen(url)["malformed"] == 0
