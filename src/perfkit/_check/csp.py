"""What a Content-Security-Policy is worth, by the rules of the MDN HTTP Observatory (its algorithm version 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# Sources that let in about everything.
_BROAD: Final = frozenset({"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"})
_UNSAFE: Final = _BROAD | {"'unsafe-inline'", "data:"}
_PASSIVE: Final = ("img-src", "media-src")
_KEYS: Final = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")
_SHORTEST: Final = len("img-src") - 1

Policy = Mapping[str, frozenset[str]]


class Verdict(NamedTuple):
    """Points for a policy, and why."""

    points: int
    says: str


INVALID: Final = Verdict(-25, "Content-Security-Policy cannot be parsed: browsers ignore parts of it")


def split(values: list[str]) -> list[str]:
    """The policies in header values: a comma separates them too (CSP 3 section 2.2.2)."""
    return [policy.strip() for value in values for policy in value.split(",") if policy.strip()]


def best(policies: list[str], *, secure: bool) -> Verdict:
    """The verdict on several policies. Browsers enforce them all, so the strictest counts."""
    return max((judge(policy, secure=secure) for policy in policies), key=lambda verdict: verdict.points)


def parse(policy: str) -> Policy | None:
    """Directives and their sources, in lower case; None for a policy with a directive twice, or none at all."""
    directives: dict[str, frozenset[str]] = {}
    if len(policy.strip()) < _SHORTEST:
        return None
    for part in policy.lower().split(";"):
        name, *sources = part.split() or [""]
        if name in directives and name not in ("report-uri", "report-to"):
            return None
        if name:
            directives.setdefault(name, frozenset(sources or ["'none'"]))  # an empty list lets nothing in
    return directives


def judge(text: str, *, secure: bool) -> Verdict:
    """The verdict on one policy of a page that came over https, or did not."""
    policy = parse(text)
    if policy is None:
        return INVALID
    script, style, objects = (_sources(policy, name) for name in ("script-src", "style-src", "object-src"))
    if "'strict-dynamic'" in script:
        if not _has_key(script):
            return Verdict(-25, "Content-Security-Policy has 'strict-dynamic' without a nonce or a hash")
        script = frozenset(s for s in script if s != "'self'" and not s.startswith(tuple(_BROAD)))
    if script & _UNSAFE or objects & _BROAD:
        return Verdict(-20, "Content-Security-Policy lets scripts or objects in from about everywhere, or inline")
    weak = _weakness(policy, script, style, secure=secure)
    if weak is not None:
        return weak
    if policy.get("default-src", frozenset()) == frozenset({"'none'"}):
        return Verdict(10, "Content-Security-Policy is strict, with default-src 'none'")
    return Verdict(5, "Content-Security-Policy is strict; default-src 'none' would be worth more")


def _weakness(policy: Policy, script: frozenset[str], style: frozenset[str], *, secure: bool) -> Verdict | None:
    active = [sources for name, sources in policy.items() if name not in (*_PASSIVE, "script-src")]
    if secure and _insecure(script.union(*active)):
        return Verdict(-20, "Content-Security-Policy lets resources in over http")
    if "'unsafe-eval'" in script | style:
        return Verdict(-10, "Content-Security-Policy allows 'unsafe-eval'")
    passive = frozenset().union(*(policy.get(name) or policy.get("default-src", frozenset()) for name in _PASSIVE))
    if secure and _insecure(passive):
        return Verdict(-10, "Content-Security-Policy lets images or media in over http")
    if style & _UNSAFE:
        return Verdict(0, "Content-Security-Policy lets styles in from about everywhere, or inline")
    return None


def _sources(policy: Policy, name: str) -> frozenset[str]:
    sources = policy.get(name) or policy.get("default-src") or frozenset({"*"})
    # Browsers ignore 'unsafe-inline' beside a nonce or a hash (CSP 3 section 6.7.3.2).
    return sources - {"'unsafe-inline'"} if _has_key(sources) else sources


def _has_key(sources: frozenset[str]) -> bool:
    return any(source.startswith(_KEYS) for source in sources)


def _insecure(sources: frozenset[str]) -> bool:
    return any(source.startswith(("http:", "ftp:")) for source in sources)
