"""The pages in a real browser: headless Chromium, where there is one."""

from collections.abc import Iterator

import pytest

from tests.proofs import chromium
from tests.proofs.tools import program

pytestmark = pytest.mark.server

INJECTED = """<b id="injected" onclick="document.title = 'Mine'">"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Chromium]:
    executable = program("chromium", "chromium-browser")
    profile = tmp_path_factory.mktemp("browser") / "profile"
    with chromium.running(executable, profile) as running:
        yield running


@pytest.fixture
def tab(browser: chromium.Chromium) -> chromium.Tab:
    tab = chromium.Tab(browser)
    tab.watch()
    return tab


def style(tab: chromium.Tab, selector: str, name: str) -> str:
    value: str = tab.value(f"getComputedStyle(document.querySelector('{selector}')).{name}")
    return value


def test_the_home_page_runs_its_script_and_has_both_its_styles(tab: chromium.Tab, server_url: str) -> None:
    tab.open(server_url)
    assert tab.value("document.getElementById('timing').textContent").startswith("The server says: total ")
    assert style(tab, "table", "borderCollapse") == "collapse"
    assert style(tab, "header", "display") == "flex"
    assert tab.mishaps() == []


@pytest.mark.parametrize("path", ["/books/1", "/books/1/card"])
def test_the_other_pages_need_no_script_and_have_their_style(tab: chromium.Tab, server_url: str, path: str) -> None:
    tab.open(server_url + path)
    assert style(tab, "body", "fontFamily").startswith("Georgia")
    assert tab.mishaps() == []


def test_a_script_that_was_injected_does_not_run(tab: chromium.Tab, server_url: str) -> None:
    tab.open(server_url)
    tab.value(f"document.body.insertAdjacentHTML('beforeend', `{INJECTED}`)")
    tab.value("document.getElementById('injected').click()")
    assert tab.value("document.title") == "Bookshop"
    assert [violation["effectiveDirective"] for violation in tab.violations()] == ["script-src-attr"]
