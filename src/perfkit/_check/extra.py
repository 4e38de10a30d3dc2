"""What ``perfkit check`` says beyond the Observatory's rules: faults that take no points and do harm all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from perfkit._check import csp
from perfkit._check.fetching import Response, Responses
from perfkit._check.finding import SECTION, Finding

_NONCE: Final = re.compile(r"'nonce-([^']+)'", re.IGNORECASE)
_VERSION: Final = re.compile(r"\d+\.\d|/\d")
_CSP: Final = ("content-security-policy", "content-security-policy-report-only")
_TELLTALES: Final = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")

# Names that browsers have dropped or renamed; each is a warning in the console of every page.
_DEAD_FEATURES: Final = frozenset(
    """
    conversion-measurement document-domain document-write execution-while-not-rendered execution-while-out-of-viewport
    font-display-late-swap interest-cohort layout-animations legacy-image-formats navigation-override notifications
    oversized-images push speaker sync-script trust-token-redemption unoptimized-images unsized-media
    vertical-scroll vibrate wake-lock window-placement
    """.split()
)


def extra_findings(responses: Responses) -> Iterator[Finding]:
    """What else there is to say of a page."""
    page = responses.page
    yield from _policies(page)
    yield from _nonces(responses)
    if page.first(
        "x-xss-protection",
    ) and (page.first("x-xss-protection") or "").startswith("1"):
        says = "X-XSS-Protection turns a filter on that made attacks possible where it still exists"
        yield Finding("xss", 0, says, "leave it out where you set it: perfkit sends none")
    for name in _TELLTALES:
        value = page.first(name) or ""
        if _VERSION.search(value):
            says = f"{name} tells attackers a version: {value!r}"
            yield Finding("versions", 0, says, f'{SECTION}.remove = ["{name}"], or an option of the server')
    yield from _permissions(page)


def _policies(page: Response) -> Iterator[Finding]:
    if len(csp.split(page.all("content-security-policy"))) > 1:
        says = "There are several Content-Security-Policies: only what all of them allow is allowed"
        yield Finding("csp", 0, says, f"set one alone: your own, or {SECTION}.csp")


def _nonces(responses: Responses) -> Iterator[Finding]:
    page, again, unchanged = responses.page, responses.again, responses.unchanged
    nonces = _nonces_of(page)
    if again is not None and nonces & _nonces_of(again):
        says = "Two requests got the same nonce: who has seen one page can run scripts in all"
        yield Finding("nonce", 0, says, "perfkit makes a nonce for each response; or a cache in between keeps pages")
    if nonces and not re.search("private|no-store", page.first("cache-control") or "", re.IGNORECASE):
        says = "A page with a nonce may be kept by shared caches: it has no Cache-Control: private"
        yield Finding("nonce", 0, says, "perfkit adds it where its own nonce is used")
    if unchanged is not None and unchanged.status == 304 and any(unchanged.first(name) for name in _CSP):
        says = "A 304 brings a Content-Security-Policy, which then governs the page kept by the browser"
        yield Finding("nonce", 0, says, f"{SECTION}: perfkit sends none with a 304; remove what sets it outside")


def _nonces_of(response: Response) -> set[str]:
    return {nonce for name in _CSP for value in response.all(name) for nonce in _NONCE.findall(value)}


def _permissions(page: Response) -> Iterator[Finding]:
    if page.first("feature-policy"):
        says = "Feature-Policy is a name browsers have given up for Permissions-Policy"
        yield Finding("permissions", 0, says, f"{SECTION}.permissions")
    members = ",".join(page.all("permissions-policy")).lower().split(",")
    dead = sorted({member.partition("=")[0].strip() for member in members} & _DEAD_FEATURES)
    if dead:
        says = f"Permissions-Policy names what browsers no longer know: {', '.join(dead)}"
        yield Finding("permissions", 0, says, f"{SECTION}.permissions, without them")
