"""Grades what a page sends by the rules of the MDN HTTP Observatory.

A page starts with 100 points. What it lacks takes some; what it has beyond that gives some, but only where the page
would have 90 without. Source: the Observatory's score table (github.com/mdn/mdn-http-observatory, `grader/charts.js`
and `analyzer/tests`), algorithm version 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from perfkit._check import csp
from perfkit._check.cookies import judge_cookies
from perfkit._check.extra import extra_findings
from perfkit._check.fetching import STRANGER, Responses
from perfkit._check.finding import SECTION, Finding, graded_hsts
from perfkit._check.page import Page

# The least score for each grade, best first.
GRADES: Final = {
    "A+": 100,
    "A": 90,
    "A-": 85,
    "B+": 80,
    "B": 70,
    "B-": 65,
    "C+": 60,
    "C": 50,
    "C-": 45,
    "D+": 40,
    "D": 30,
    "D-": 25,
    "F": 0,
}
BONUS_FROM: Final = 90

_PRIVATE: Final = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
_LEAKY: Final = ("origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade")


class Grade(NamedTuple):
    """The judgement on a page.

    Attributes:
        letter: ``"A+"`` to ``"F"``.
        score: the points, from 0.
        findings: all there is to say, with its points and what would mend it.
    """

    letter: str
    score: int
    findings: tuple[Finding, ...]

    def reaches(self, minimum: str) -> bool:
        """Whether the grade is that one or a better one."""
        return self.score >= GRADES[minimum]


def grade(responses: Responses) -> Grade:
    """Judge a page by what it sent."""
    findings = [finding for rule in RULES for finding in rule(responses)]
    score = 100 + sum(min(finding.points, 0) for finding in findings)
    if score >= BONUS_FROM:
        score += sum(max(finding.points, 0) for finding in findings)
    score = max(score, 0)
    letter = next(letter for letter, least in GRADES.items() if score >= least)
    return Grade(letter, score, (*findings, *extra_findings(responses)))


def _csp(responses: Responses) -> Iterator[Finding]:
    page = responses.page
    policies = csp.split([*page.all("content-security-policy"), *Page(page).policies])
    setting = f"{SECTION}.csp = {{html = {{...}}}}: a policy of yours, with a nonce and default-src 'none'"
    if policies:
        points, says = csp.best(policies, secure=page.secure)
        yield Finding("csp", points, says, "" if points == 10 else setting)
    elif page.first("content-security-policy-report-only"):
        yield Finding("csp", -25, "Content-Security-Policy only reports; nothing is enforced", setting)
    else:
        yield Finding("csp", -25, "There is no Content-Security-Policy", setting)


def _redirection(responses: Responses) -> Iterator[Finding]:
    route = responses.route
    setting = f"{SECTION}.https_redirect = true"
    if responses.local:
        yield Finding("redirection", 0, "Not graded: there is no https on this machine to redirect to")
    elif not route:
        yield Finding("redirection", 0, "Nothing answers over http, or the port for it is not known")
    elif len(route) == 1:
        yield Finding("redirection", -20, "Plain http is answered without a redirect to https", setting)
    elif not route[-1].secure:
        yield Finding("redirection", -20, "Plain http is redirected, but not to https", setting)
    elif not route[1].secure:
        yield Finding("redirection", -10, "The first redirect from http leads to http again", setting)
    elif urlsplit(route[0].url).hostname != urlsplit(route[1].url).hostname:
        yield Finding(
            "redirection", -5, "The first redirect from http leads to another host: no HSTS for this one", setting
        )
    else:
        yield Finding("redirection", 0, "Plain http is redirected to https")


def _hsts(responses: Responses) -> Iterator[Finding]:
    yield graded_hsts(responses)


def _referrer(responses: Responses) -> Iterator[Finding]:
    setting = f'{SECTION}.referrer_policy = "strict-origin-when-cross-origin"'
    lines = responses.page.all("referrer-policy")
    words = [word.strip().lower() for line in lines for word in line.split(",")]
    # Browsers take the last one they know (Referrer Policy section 11.1).
    known = [word for word in words if word in (*_PRIVATE, *_LEAKY)]
    if not lines:
        yield Finding("referrer", 0, "There is no Referrer-Policy", setting)
    elif not known:
        yield Finding("referrer", -5, f"Referrer-Policy is none that browsers know: {lines[0]!r}", setting)
    elif known[-1] in _LEAKY:
        yield Finding(
            "referrer", -5, f"Referrer-Policy tells other sites where visitors come from: {known[-1]}", setting
        )
    else:
        yield Finding("referrer", 5, f"Referrer-Policy is {known[-1]}")


def _sniffing(responses: Responses) -> Iterator[Finding]:
    value = responses.page.first("x-content-type-options")
    if value is not None and value.lower() == "nosniff":
        yield Finding("nosniff", 0, "X-Content-Type-Options is nosniff")
    else:
        says = "There is no X-Content-Type-Options" if value is None else f"X-Content-Type-Options is {value!r}"
        yield Finding("nosniff", -5, says, f"{SECTION}.nosniff = true")


def _framing(responses: Responses) -> Iterator[Finding]:
    setting = f'{SECTION}.frame = "deny"'
    policies = [csp.parse(policy) or {} for policy in csp.split(responses.page.all("content-security-policy"))]
    value = responses.page.first("x-frame-options")
    ancestors = [policy["frame-ancestors"] for policy in policies if policy.get("frame-ancestors")]
    if ancestors and all("*" in sources for sources in ancestors):
        yield Finding("framing", 5, "Every site may show the page in a frame: frame-ancestors says so", setting)
    elif ancestors:
        yield Finding("framing", 5, "frame-ancestors of the Content-Security-Policy says who may frame the page")
    elif value is None:
        yield Finding("framing", -20, "Every site may show the page in a frame: there is no X-Frame-Options", setting)
    elif value.lower() in ("deny", "sameorigin"):
        says = f"X-Frame-Options is {value}; frame-ancestors would be worth more"
        yield Finding("framing", 0, says, f"{SECTION}.csp.html: frame-ancestors")
    elif value.lower().startswith("allow-from"):
        yield Finding("framing", 0, "X-Frame-Options is ALLOW-FROM, which no browser knows any more", setting)
    else:
        yield Finding("framing", -20, f"X-Frame-Options is none that browsers know: {value!r}", setting)


def _corp(responses: Responses) -> Iterator[Finding]:
    value = responses.page.first("cross-origin-resource-policy")
    setting = f'{SECTION}.corp = {{html = "same-origin"}}'
    word = (value or "").lower()
    if value is None:
        yield Finding("corp", 0, "There is no Cross-Origin-Resource-Policy", setting)
    elif word in ("same-origin", "same-site"):
        yield Finding("corp", 10, f"Cross-Origin-Resource-Policy is {word}")
    elif word == "cross-origin":
        yield Finding("corp", 0, "Cross-Origin-Resource-Policy lets every site embed the page", setting)
    else:
        yield Finding("corp", -5, f"Cross-Origin-Resource-Policy is none that browsers know: {value!r}", setting)


def _cors(responses: Responses) -> Iterator[Finding]:
    answer = responses.stranger
    if (
        answer is not None
        and answer.first("access-control-allow-origin") == STRANGER
        and (answer.first("access-control-allow-credentials") or "").lower() == "true"
    ):
        says = "Every site may read the page as the visitor who is signed in (CORS with credentials)"
        yield Finding("cors", -50, says, "not a setting of perfkit's: name the origins in your CORS middleware")


def _integrity(responses: Responses) -> Iterator[Finding]:
    page = Page(responses.page)
    foreign = [script for script in page.scripts if page.is_foreign(script)]
    mend = "not a setting of perfkit's: add integrity= and crossorigin= to the script elements"
    insecure = [script for script in foreign if script.relative_scheme or not script.url.startswith("https:")]
    bare = [script for script in foreign if not script.integrity]
    if any(script in bare for script in insecure):
        yield Finding("integrity", -50, f"A script of another site comes over http: {insecure[0].url}", mend)
    elif bare:
        yield Finding("integrity", -5, f"A script of another site has no integrity hash: {bare[0].url}", mend)
    elif insecure:
        yield Finding("integrity", -20, f"A script of another site comes over http: {insecure[0].url}", mend)
    elif foreign or any(script.integrity and script.url.startswith("https:") for script in page.scripts):
        yield Finding("integrity", 5, "Scripts have integrity hashes")


RULES: Final[tuple[Callable[[Responses], Iterator[Finding]], ...]] = (
    _csp,
    judge_cookies,
    _cors,
    _redirection,
    _referrer,
    _hsts,
    _integrity,
    _sniffing,
    _framing,
    _corp,
)
