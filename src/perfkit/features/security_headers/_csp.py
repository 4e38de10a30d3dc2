"""Content-Security-Policy: from a mapping of directives to a header that is the same in every process.

Source: Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from perfkit.features.security_headers._sources import (
    NONCE,
    NONE,
    checked_other,
    checked_source,
    checked_unknown,
)
from perfkit.options import BadOption

# As given: a list; a text, split at spaces; True for a directive without a value, False to leave it out.
Sources: TypeAlias = bool | str | tuple[str, ...]
Policy: TypeAlias = dict[str, Sources]
# As checked: sorted, each once.
Directives: TypeAlias = Mapping[str, tuple[str, ...]]

FRAME_ANCESTORS: Final = "frame-ancestors"

# Directives of sources, with those whose sources count where it is absent (CSP3 section 6.8.3).
_FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "default-src": (),
    "base-uri": (),
    "form-action": (),
    FRAME_ANCESTORS: (),
    "child-src": ("default-src",),
    "connect-src": ("default-src",),
    "font-src": ("default-src",),
    "img-src": ("default-src",),
    "manifest-src": ("default-src",),
    "media-src": ("default-src",),
    "object-src": ("default-src",),
    "script-src": ("default-src",),
    "style-src": ("default-src",),
    "script-src-elem": ("script-src", "default-src"),
    "script-src-attr": ("script-src", "default-src"),
    "style-src-elem": ("style-src", "default-src"),
    "style-src-attr": ("style-src", "default-src"),
    "frame-src": ("child-src", "default-src"),
    "fenced-frame-src": ("frame-src", "child-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
}
_VALUELESS: Final = frozenset({"upgrade-insecure-requests", "block-all-mixed-content"})
_OTHERS: Final = frozenset(
    {"sandbox", "report-uri", "report-to", "require-trusted-types-for", "trusted-types", "webrtc", *_VALUELESS}
)
# Browsers have dropped these or never had them, and some say so in the console of every page.
_DEPRECATED: Final = {
    "block-all-mixed-content": "browsers block or upgrade mixed content by themselves",
    "navigate-to": "no browser has it",
    "plugin-types": "browsers have no plugins any more; write object-src instead",
    "prefetch-src": "no browser has it any more",
    "referrer": "write the option referrer_policy instead",
    "reflected-xss": "no browser has it any more",
    "require-sri-for": "no browser has it any more",
}
# What browsers ignore in a report-only policy, with a message in the console of every page.
_ENFORCED_ONLY: Final = frozenset({"sandbox", "upgrade-insecure-requests"})
_DIRECTIVE: Final = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)


def directives(policy: Mapping[str, Sources], option: str) -> Directives:
    """A policy, checked; the same for policies that mean the same.

    Args:
        policy: sources by directive. A name may be written with underscores, as environment variables need it.
        option: the setting, for messages: ``"html"``.

    Raises:
        BadOption: naming the source, as in ``html.script-src[1]``.
    """
    checked: dict[str, tuple[str, ...]] = {}
    for given, sources in policy.items():
        name = given.lower().replace("_", "-")
        if not _DIRECTIVE.fullmatch(name):
            raise BadOption(option, f"{given!r} is not the name of a directive", "write for example 'script-src'")
        if name in checked:
            raise BadOption(f"{option}.{name}", "it is there twice", "write it once")
        if sources is not False:
            checked[name] = _values(name, sources, f"{option}.{name}")
    # default-src is the one to read first; the rest by name, whatever order the mapping came in.
    return dict(sorted(checked.items(), key=lambda item: (item[0] != "default-src", item[0])))


def _values(directive: str, sources: Sources, option: str) -> tuple[str, ...]:
    values = sources.split(" ") if isinstance(sources, str) else () if isinstance(sources, bool) else sources
    named = [(value, option if isinstance(sources, str) else f"{option}[{i}]") for i, value in enumerate(values)]
    if directive in _VALUELESS and values:
        raise BadOption(option, "it takes no value", "write true")
    if directive in _FALLBACKS:
        checked = [checked_source(value, place) for value, place in named]
        if sources is True:
            raise BadOption(option, "true is no list of sources", "write for example [\"'self'\"]")
    elif directive in _OTHERS:
        checked = [checked_other(directive, value, place) for value, place in named]
    else:
        checked = [checked_unknown(value, place) for value, place in named]
    if NONE in checked and len(set(checked)) > 1:
        index = checked.index(NONE)
        raise BadOption(named[index][1], "\"'none'\" stands alone: browsers ignore it here", "remove it, or the others")
    # No source at all means none (CSP3 section 6.7.2.4); said so, since it looks like a slip otherwise.
    return tuple(sorted(set(checked))) or ((NONE,) if directive in _FALLBACKS else ())


def doubts(policy: Directives) -> Iterator[str]:
    """What is allowed and most likely not meant."""
    for directive in policy:
        if directive in _DEPRECATED:
            yield f"{directive} is deprecated: {_DEPRECATED[directive]}"
        elif directive not in _FALLBACKS and directive not in _OTHERS:
            from perfkit._wording import did_you_mean

            mend = did_you_mean(directive, [*_FALLBACKS, *_OTHERS])
            yield f"{directive} is no directive known here, and stays as it is{(mend and '; ' + mend) or ''}"


def serialize(policy: Directives) -> str:
    """The policy as it stands in the header."""
    return "; ".join(" ".join((directive, *sources)) for directive, sources in policy.items())


def for_scheme(policy: Directives, *, https: bool) -> Directives:
    """Over http a browser asked to use https for all it loads would find nothing there."""
    return policy if https else without(policy, {"upgrade-insecure-requests"})


def report_only(policy: Directives) -> Directives:
    """The policy without what has no effect while it only reports."""
    return without(policy, _ENFORCED_ONLY)


def without(policy: Directives, names: frozenset[str] | set[str]) -> Directives:
    """The policy without these directives."""
    return {directive: sources for directive, sources in policy.items() if directive not in names}


def has_nonce(policy: Directives) -> bool:
    """Whether it differs from response to response."""
    return any(NONCE in sources for sources in policy.values())


def without_nonce(policy: Directives) -> Directives:
    """The policy for a response that made no nonce; it allows nothing that it would not allow with one."""
    return {directive: _without_nonce(sources) for directive, sources in policy.items()}


def _without_nonce(sources: tuple[str, ...]) -> tuple[str, ...]:
    if NONCE not in sources:
        return sources
    # A nonce beside it takes the effect from 'unsafe-inline' (CSP3 section 6.7.3.2), so that both go together.
    rest = tuple(source for source in sources if source not in (NONCE, "'unsafe-inline'"))
    return rest if set(rest) - {"'strict-dynamic'", "'report-sample'"} else (NONE,)


def extended(policy: Directives, by: Directives) -> Directives:
    """The policy that allows these sources too.

    A directive that is absent starts with the sources browsers use in its place. Where nothing limits it, it stays
    so: extending never forbids.
    """
    result = dict(policy)
    for directive, sources in by.items():
        present = _in_effect(policy, directive)
        if present is not None and sources != (NONE,):
            result[directive] = tuple(sorted({*present, *sources} - {NONE})) or present
    return dict(sorted(result.items(), key=lambda item: (item[0] != "default-src", item[0])))


def _in_effect(policy: Directives, directive: str) -> tuple[str, ...] | None:
    names = (directive, *_FALLBACKS.get(directive, ()))
    return next((policy[name] for name in names if name in policy), None)
