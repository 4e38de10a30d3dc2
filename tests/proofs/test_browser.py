"""What a real browser makes of the pages that perfkit guards: headless Chromium, over https from real servers."""

import httpx
import pytest

from tests.proofs import chromium
from tests.proofs.servers import eventually, serving
from tests.proofs.tools import program

pytestmark = pytest.mark.server

HOSTS = {
    "asgi": ("uvicorn", "tests.proofs.shop_asgi:app"),
    "wsgi": ("gunicorn", "tests.proofs.shop_wsgi:app"),
    "django-asgi": ("uvicorn", "tests.proofs.shop_django:asgi"),
    "django-wsgi": ("gunicorn", "tests.proofs.shop_django:wsgi"),
}


@pytest.fixture(scope="module")
def browser(folder, certificate):
    executable = program("chromium", "chromium-browser")
    # Without the second a browser collects reports for a minute before it sends them.
    flags = (certificate.flag, "--short-reporting-delay")
    with chromium.running(executable, folder / "profile", *flags) as running:
        yield running


@pytest.fixture(scope="module", params=HOSTS)
def url(request, certificate):
    """The URL of the shop on one of the hosts, on a server of its own."""
    with serving(*HOSTS[request.param], certificate) as port:
        yield f"https://127.0.0.1:{port}"


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


def test_what_was_blocked_arrives_at_the_receiver(tab, url):
    page = f"{url}/pages/reported"
    tab.open(page)
    blocked = [["csp-violation", f"script-src-{kind}", "inline", page, True] for kind in ("elem", "attr")]
    assert eventually(lambda: all(each in seen(url)["reports"] for each in blocked)), seen(url)
    assert seen(url)["malformed"] == 0


@pytest.mark.parametrize("url", ["asgi"], indirect=True)
def test_without_perfkit_a_revalidation_would_break_that_page(tab, url):
    """A policy on a 304 replaces that of the page in the cache, which has the nonce of its first answer."""
    tab.open(f"{url}/naive")
    assert ran(tab) == (True, False, False)
    tab.open(f"{url}/naive")
    assert ran(tab) == (False, False, False)
    assert seen(url)["statuses"]["/naive"] == [200, 304]
