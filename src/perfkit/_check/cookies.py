"""What ``perfkit check`` says of the cookies a page sets, by the rules of the MDN HTTP Observatory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from perfkit._check.fetching import Responses
from perfkit._check.finding import SECTION, Finding, graded_hsts

_SESSION: Final = ("login", "sess")


class Cookie(NamedTuple):
    """A cookie of a page: its name and flags; its value is nobody's business."""

    name: str
    secure: bool
    http_only: bool
    same_site: str | None  # in lower case

    @property
    def session(self) -> bool:
        """Whether it looks as if it stood for a session."""
        return any(word in self.name.lower() for word in _SESSION)


def cookies(responses: Responses) -> list[Cookie]:
    """The cookies that a page and the redirects to it set."""
    hops = [hop for hop in responses.route if hop.url != responses.page.url]
    return [_parse(line) for hop in (*hops, responses.page) for line in hop.all("set-cookie")]


def judge_cookies(responses: Responses) -> Iterator[Finding]:
    """What there is to say of the cookies: the worst counts, all are named."""
    found = cookies(responses)
    if not found:
        yield Finding("cookies", 0, "No cookie is set")
        return
    protected = responses.local or graded_hsts(responses).points >= 0
    faults = [fault for cookie in found for fault in _faults(cookie, protected=protected, local=responses.local)]
    faults.sort(key=lambda fault: fault.points)
    yield from faults[:1]  # the worst counts
    yield from (fault._replace(points=0) for fault in faults[1:])
    if not any(fault.points for fault in faults) and all(cookie.same_site for cookie in found):
        yield Finding("cookies", 5, "The cookies have the flags that protect them")


def _faults(cookie: Cookie, *, protected: bool, local: bool) -> Iterator[Finding]:
    """What is wrong with a cookie, with the points each would take alone."""
    name, setting = cookie.name, f"{SECTION}.cookies"
    if not cookie.secure and not local:
        points = {(True, True): -10, (True, False): -40, (False, True): -5, (False, False): -20}
        says = f"The cookie {name} is sent over http too: no Secure"
        yield Finding("cookies", points[cookie.session, protected], says, f'{setting} = {{secure = "auto"}}')
    if not cookie.http_only:
        points_ = -30 if cookie.session else 0
        says = f"The cookie {name} can be read by scripts: no HttpOnly"
        yield Finding("cookies", points_, says, f'{setting} = {{httponly = ["{name}"]}}')
    if cookie.same_site is None:
        says = f"The cookie {name} has no SameSite"
        yield Finding("cookies", -20 if "csrf" in name.lower() else 0, says, f'{setting} = {{samesite = "Lax"}}')
    elif cookie.same_site not in ("lax", "strict", "none") or (cookie.same_site == "none" and not cookie.secure):
        says = f"The cookie {name} has a SameSite that browsers do not take: {cookie.same_site!r}"
        yield Finding("cookies", -20, says, f'{setting} = {{samesite = "Lax"}}')


def _parse(line: str) -> Cookie:
    """A Set-Cookie line (RFC 6265 section 5.2)."""
    pair, *attributes = line.split(";")
    flags = {name.strip().lower(): value.strip().lower() for name, _, value in (a.partition("=") for a in attributes)}
    return Cookie(pair.partition("=")[0].strip(), "secure" in flags, "httponly" in flags, flags.get("samesite"))
