"""One source of a Content-Security-Policy: what may stand there, and what is a slip (CSP3 section 2.3.1)."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import Final, NoReturn

from perfkit.options import BadOption

# Stands for the nonce of the response. The same text does in a settings file.
NONCE: Final = "'nonce'"
NONE: Final = "'none'"

KEYWORDS: Final = frozenset(
    f"'{word}'"
    for word in (
        "self none unsafe-inline unsafe-eval unsafe-hashes strict-dynamic report-sample wasm-unsafe-eval nonce "
        "inline-speculation-rules unsafe-allow-redirects trusted-types-eval report-sha256 report-sha384 report-sha512"
    ).split()
)
# What other directives than those of sources know in quotes.
OTHER_KEYWORDS: Final = frozenset({"'none'", "'script'", "'allow-duplicates'", "'allow'", "'block'"})

_SCHEMES: Final = frozenset("http https ws wss data blob filesystem mediastream about javascript".split())
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
# A label may hold "_" in practice: names of containers do.
_HOST: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?:[0-9]{1,5}|\*))?(?:/[^?#']*)?",
    re.ASCII | re.IGNORECASE,
)
_HASH: Final = re.compile(r"'(sha(?:256|384|512))-([a-z0-9+/_-]+={0,2})'", re.ASCII | re.IGNORECASE)
_HASH_LIKE: Final = re.compile(r"'?(?:nonce|sha[0-9]*)-.*", re.ASCII | re.IGNORECASE)
_HASH_BYTES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
# Flags of sandbox, such as allow-scripts, and names of Trusted Types policies and of report endpoints.
_FLAG: Final = re.compile(r"allow-[a-z-]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9#=_/@.%-]+", re.ASCII)


def checked_source(source: str, option: str) -> str:
    """A source of a directive that takes sources, keywords in lower case.

    Raises:
        BadOption: it would allow something else than it says, or nothing.
    """
    check_characters(source, option)
    lowered = source.lower()
    if lowered in KEYWORDS:
        return lowered
    if f"'{lowered}'" in KEYWORDS:
        _refuse(option, source, f"would be a host called {lowered}: keywords stand in single quotes", f"'{lowered}'")
    if _HASH_LIKE.fullmatch(source):
        return _checked_hash(source, option)
    if "'" in source:
        _refuse_quoted(source, option, KEYWORDS)
    if lowered in _SCHEMES:
        _refuse(option, source, "would be a host: a scheme ends with a colon", f"{lowered}:")
    if not _SCHEME.fullmatch(source) and not _HOST.fullmatch(source):
        _refuse(option, source, "is no source", "https://cdn.example", "or a path without '?' and '#' below it")
    return source


def checked_other(directive: str, value: str, option: str) -> str:
    """A value of a directive that takes something else than sources.

    Raises:
        BadOption: it cannot stand there.
    """
    check_characters(value, option)
    quoted = value if value.startswith("'") else f"'{value}'"
    if directive in ("require-trusted-types-for", "trusted-types") and quoted.lower() in OTHER_KEYWORDS:
        if quoted != value and not (directive == "trusted-types" and value.lower() == "script"):
            _refuse(option, value, "is no keyword without single quotes", quoted)
        return value.lower()
    if directive == "sandbox" and not _FLAG.fullmatch(value):
        _refuse(option, value, "is no flag of a sandbox", "allow-scripts")
    if directive in ("trusted-types", "report-to") and value != "*" and not _NAME.fullmatch(value):
        _refuse(option, value, "is not a name", "default")
    if "'" in value and value.lower() not in OTHER_KEYWORDS:
        _refuse_quoted(value, option, OTHER_KEYWORDS)
    return value


def checked_unknown(value: str, option: str) -> str:
    """A value of a directive nobody here knows: its characters, and the quotes of words that are keywords elsewhere."""
    check_characters(value, option)
    if f"'{value.lower()}'" in KEYWORDS:
        _refuse(option, value, "is no keyword without single quotes", f"'{value.lower()}'")
    if "'" in value[1:-1]:
        _refuse(option, value, "has a quote inside", "'self'")
    return value


def check_characters(text: str, option: str) -> None:
    """Refuse what would end the source, the directive, the policy or the header.

    Raises:
        BadOption: a character that is no visible ASCII, or ";" or ",".
    """
    if not text:
        _refuse(option, text, "is empty", "'self'")
    bad = next((char for char in text if not "!" <= char <= "~" or char in ";,"), None)
    if bad is None:
        return
    if bad in " \t":
        mend = "write each source as an entry of its own"
    elif bad in ";,":
        mend = f"write '%{ord(bad):X}' for it in a path, and each directive, source and policy as an entry of its own"
    else:
        mend = "write a host in its ASCII form (xn--...), and %-encode a path"
    raise BadOption(option, f"{_shown(text)} has {bad!r} in it", mend)


def _checked_hash(source: str, option: str) -> str:
    if source.lower().lstrip("'").startswith("nonce-"):
        problem = f"{_shown(source)} would be the same in every response, so that an attacker can use it"
        raise BadOption(option, problem, f'write NONCE, or "{NONCE}", which stands for a new one in each response')
    if not source.startswith("'"):
        _refuse(option, source, "would be a host: hashes stand in single quotes", f"'{source}'")
    match = _HASH.fullmatch(source)
    if match is None or _length(match[2]) != _HASH_BYTES[match[1].lower()]:
        example = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
        _refuse(option, source, "is not the base64 of such a hash", example)
    return f"'{match[1].lower()}-{match[2]}'"


def _length(base64: str) -> int:
    try:
        return len(a2b_base64(base64.replace("-", "+").replace("_", "/").rstrip("=") + "=="))
    except Error:
        return -1


def _refuse_quoted(source: str, option: str, keywords: frozenset[str]) -> NoReturn:
    from perfkit._wording import closest

    known = closest(source, sorted(keywords))
    if known is not None and known != source:
        raise BadOption(option, f"{_shown(source)} is no keyword", f"did you mean {known!r}?")
    _refuse(option, source, "is no keyword, and only keywords and hashes stand in quotes", "'self'")


def _refuse(option: str, source: str, problem: str, example: str, more: str = "") -> NoReturn:
    raise BadOption(option, f"{_shown(source)} {problem}", f'write "{example}"{more and " " + more}')


def _shown(source: str) -> str:
    from perfkit._wording import show

    return show(source)
