"""The policy "swagger" in a real browser: FastAPI's Swagger UI and ReDoc work under it, and need all it allows."""

import pytest

from tests.proofs import chromium, probes
from tests.proofs.servers import eventually, serving
from tests.proofs.tools import node_modules, program

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def browser(folder, certificate):
    """A browser for which one server is all hosts: what nobody stands in for is answered 404."""
    executable = program("chromium", "chromium-browser")
    node_modules()
    with serving("uvicorn", "tests.proofs.docs_site:app", certificate) as port:
        flags = (
            certificate.flag,
            f"--host-resolver-rules=MAP * 127.0.0.1:{port}",
            "--window-size=1280,1024",  # ReDoc has its search box on wide screens only
            "--disable-popup-blocking",  # it is a script that clicks here, for which no popup would open
        )
        with chromium.running(executable, folder / "profile", *flags) as running:
            yield running


@pytest.fixture
def tab(browser):
    tab = chromium.Tab(browser)
    tab.watch()
    return tab


def wait_until(tab, condition):
    assert eventually(lambda: tab.value(condition)), (condition, tab.mishaps(), tab.value("document.body.innerText"))


def execute(tab, path, **values):
    """Try an operation out in Swagger UI; gives a selector of its live response."""
    operation = f'.opblock:has([data-path="{path}"])'
    wait_until(tab, f"document.querySelector(`{operation}`) !== null")
    for button, shows in ((".opblock-summary-control", ".try-out__btn"), (".try-out__btn", ".execute")):
        tab.value(f"document.querySelector(`{operation} {button}`).click()")
        wait_until(tab, f"document.querySelector(`{operation} {shows}`) !== null")
    for name, value in values.items():
        tab.value(f"document.querySelector(`{operation} [data-param-name={name}] input`).focus()")
        tab.type(value)
        tab.value("document.activeElement.blur()")  # as a click would; Swagger UI else waits whether more is typed
    tab.value(f"document.querySelector(`{operation} .execute`).click()")
    live = f"{operation} .live-responses-table"
    wait_until(tab, f"document.querySelector(`{live} tbody .response-col_status`)?.innerText.startsWith('200')")
    return live


def use_swagger_ui(tab):
    """Try out what answers JSON, an image and a sound."""
    live = execute(tab, "/books/{isbn}", isbn="9780691096124")
    assert '"title": "Walden"' in tab.value(f"document.querySelector(`{live}`).innerText")
    live = execute(tab, "/cover")
    wait_until(tab, f"document.querySelector(`{live} img`)?.naturalWidth === 32")
    live = execute(tab, "/sample")
    wait_until(tab, f"document.querySelector(`{live} audio`)?.duration > 0")


def use_redoc(tab):
    """Read the title of an operation, and find another by a word."""
    wait_until(tab, "[...document.querySelectorAll('h2')].some(title => title.innerText.includes('Look up a book'))")
    tab.value("document.querySelector('input.search-input').focus()")
    tab.type("chapter")
    wait_until(tab, "document.querySelector('[data-role=\"search:results\"]')?.innerText.includes('Hear a chapter')")


@pytest.mark.parametrize("preset", ["balanced", "strict"])
@pytest.mark.parametrize("page", ["docs", "docs-of-our-own"])
def test_swagger_ui_tries_operations_out(tab, preset, page):
    tab.open(f"https://{preset}.example/{page}")
    use_swagger_ui(tab)
    assert tab.mishaps() == []


@pytest.mark.parametrize("preset", ["balanced", "strict"])
@pytest.mark.parametrize("page", ["redoc", "redoc-of-our-own"])
def test_redoc_searches_in_its_worker(tab, preset, page):
    tab.open(f"https://{preset}.example/{page}")
    use_redoc(tab)
    assert [url.startswith("blob:") for url in tab.workers().values()] == [True]
    assert tab.mishaps() == []


def test_redoc_has_its_fonts_and_its_logo(tab):
    tab.open("https://strict.example/redoc")
    use_redoc(tab)
    for family in ("Montserrat", "Roboto"):
        wait_until(tab, f"[...document.fonts].some(font => font.family === '{family}' && font.status === 'loaded')")
    wait_until(tab, "document.querySelector('img[src^=\"https://cdn.redoc.ly/\"]').naturalWidth === 8")
    assert tab.mishaps() == []


@pytest.mark.parametrize(("page", "root"), [("docs", "#swagger-ui"), ("redoc", "redoc")])
def test_under_strict_without_the_rule_the_pages_are_blocked(tab, page, root):
    tab.open(f"https://unruled.example/{page}")
    assert tab.value(f"document.querySelector('{root}').innerText") == ""
    blocked = [(each["effectiveDirective"], each["blockedURI"]) for each in tab.violations()]
    assert any(
        directive == "script-src-elem" and uri.startswith("https://cdn.jsdelivr.net/") for directive, uri in blocked
    )
    kinds = {each.get("method", "violation") for each in tab.mishaps()}
    assert {"violation", "Log.entryAdded", "Network.loadingFailed"} <= kinds


def sign_in(tab, page):
    """Sign in to Swagger UI at another site, through a popup."""
    tab.open(page)
    for button in (".btn.authorize", ".auth-btn-wrapper .authorize"):
        wait_until(tab, f"document.querySelector('{button}') !== null")
        tab.value(f"document.querySelector('{button}').click()")


def test_swagger_ui_signs_in_at_another_site_with_rules_for_popups(tab):
    sign_in(tab, "https://popups.example/docs")
    wait_until(tab, "document.querySelector('.auth-container').innerText.includes('Authorized')")
    live = execute(tab, "/me")
    assert '"token": "t0ken"' in tab.value(f"document.querySelector(`{live}`).innerText")
    assert tab.mishaps() == []


def test_without_them_the_popup_cannot_tell(browser, tab):
    """Which is what Cross-Origin-Opener-Policy is for, and the reason for the rules."""
    sign_in(tab, "https://strict.example/docs")
    back = "https://strict.example/docs/oauth2-redirect?"
    popup = eventually(lambda: next((page for url, page in browser.pages().items() if url.startswith(back)), None))
    assert popup
    assert chromium.Tab(browser, popup).value("window.opener === null")
    assert tab.value("document.querySelector('.auth-container').innerText.includes('Authorized')") is False


def test_a_handler_that_was_injected_into_the_page_does_not_run(tab):
    tab.open("https://balanced.example/docs")
    tab.value("document.body.insertAdjacentHTML('beforeend', `<img src='data:,' onerror='window.injected = 1'>`)")
    wait_until(tab, "violations.length")
    assert [(each["effectiveDirective"], each["blockedURI"]) for each in tab.violations()] == [
        ("script-src-attr", "inline")
    ]
    assert tab.value("window.injected") is None


def test_the_policy_allows_nothing_that_the_pages_do_not_need(browser):
    """Each policy of those that only report lacks one source, and so each has to report something."""
    pages = {"docs": use_swagger_ui, "redoc": use_redoc}
    violations = []
    for page in ("docs", "docs-of-our-own", "redoc", "redoc-of-our-own"):
        tab = chromium.Tab(browser)
        tab.watch()
        tab.open(f"https://probing.example/{page}")
        pages[page.partition("-")[0]](tab)
        wait_until(tab, "document.fonts.status === 'loaded'")
        violations += tab.violations()
    # Nothing is blocked by the whole policy, so that it is the lack of the source that is reported.
    assert {each["disposition"] for each in violations} == {"report"}
    assert probes.headers("swagger") - {each["originalPolicy"] for each in violations} == set()
