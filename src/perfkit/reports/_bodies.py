"""What browsers send as reports, read strictly and reduced to what may be kept. Public through `perfkit.reports`.

Two forms: the JSON object of ``report-uri`` (CSP 3 section 5.3, "Report a violation"), and the list of the Reporting
API (section 3.3, "Serialize reports"), whose bodies are defined beside each feature that reports. Everybody can send
them, so nothing here is believed: fields of a wrong type refuse the report, and texts lose what must not be logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

# More of a URL than anybody needs to find the page; also what bounds the work done for one.
MAX_URL: Final = 512

# Types of reports in the Reporting API, and by what name each is defined. Others become OTHER, so that nobody but
# browsers names what is counted.
TYPES: Final = frozenset(
    {
        "coep",
        "coop",
        "crash",
        "csp-hash",
        "csp-violation",
        "deprecation",
        "document-policy-violation",
        "integrity-violation",
        "intervention",
        "network-error",
        "permissions-policy-violation",
        "potential-permissions-policy-violation",
    }
)
OTHER: Final = "other"

# What a report of a browser extension names instead of a page's resource; Safari hides which one it was.
EXTENSIONS: Final = (
    "chrome-extension",
    "moz-extension",
    "ms-browser-extension",
    "safari-extension",
    "safari-web-extension",
    "webkit-masked-url",
)

# A directive, a feature, the identifier of a deprecation.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
# RFC 3986 section 3.1; none that is registered is longer.
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)
# A host as browsers serialise it (punycode, IPv6 in brackets), with its port.
_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?", re.ASCII)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report of a browser, reduced to what may be kept and logged.

    URLs are cut to scheme, host and path: no user, no query and no fragment, since these carry secrets. No text
    contains a space or a control character, and none is longer than 512 characters. What the browser quotes of the
    page (samples, messages, stacks, the policy itself) is not kept at all.

    Attributes:
        type: ``"csp-violation"``, ``"permissions-policy-violation"``, ``"coep"``, ``"deprecation"``, ...; ``"other"``
            for a type perfkit does not know.
        directive: what was broken: the directive of a CSP, the feature of a Permissions-Policy, the identifier of a
            deprecation or an intervention, the reason of a crash; empty where the browser tells none.
        blocked: URL of what was blocked, or a word of the browser's: ``"inline"``, ``"eval"``, ``"data"``.
        document: URL of the page.
        source: URL of the script or style that did it; empty where the browser tells none.
        line: the line in it, counted from 1.
        enforced: whether the browser blocked it; False for a policy that only reports.
    """

    type: str
    directive: str = ""
    blocked: str = ""
    document: str = ""
    source: str = ""
    line: int | None = None
    enforced: bool = True

    @property
    def blocked_origin(self) -> str:
        """`blocked` without the path: ``"https://cdn.example"``, ``"inline"``."""
        scheme, separator, rest = self.blocked.partition("://")
        return scheme + separator + rest.partition("/")[0]

    @property
    def from_extension(self) -> bool:
        """Whether an extension of the visitor's browser caused it, which no site can mend."""
        places = (self.blocked, self.source, self.document)
        return any(place.partition(":")[0] in EXTENSIONS for place in places)


class _LegacyBody(msgspec.Struct, rename="kebab"):
    document_uri: str | None = None
    effective_directive: str | None = None
    violated_directive: str | None = None
    blocked_uri: str | None = None
    source_file: str | None = None
    line_number: int | None = None
    disposition: str | None = None


class _Legacy(msgspec.Struct):
    body: _LegacyBody = msgspec.field(name="csp-report")


class _Body(msgspec.Struct, rename="camel"):
    """The fields of all types of reports that are kept."""

    effective_directive: str | None = None  # CSP
    feature_id: str | None = None  # Permissions-Policy
    policy_id: str | None = None  # Document-Policy, and Permissions-Policy of older browsers
    id: str | None = None  # deprecation, intervention
    reason: str | None = None  # crash
    type: str | None = None  # COEP, COOP, network errors
    destination: str | None = None  # Integrity-Policy
    disposition: str | None = None
    document_url: str | None = msgspec.field(default=None, name="documentURL")
    blocked_url: str | None = msgspec.field(default=None, name="blockedURL")
    source_file: str | None = None
    line_number: int | None = None
    report_only: bool = False  # Integrity-Policy


class _Envelope(msgspec.Struct):
    type: Annotated[str, msgspec.Meta(min_length=1)]
    url: str = ""
    body: _Body | None = None


_legacy: Final = msgspec.json.Decoder(_Legacy)
# Each member is decoded by itself, so that one bad report does not cost the others. WebKit sends a lone object.
_batch: Final = msgspec.json.Decoder(list[msgspec.Raw])
_one: Final = msgspec.json.Decoder(_Envelope)

# RecursionError is how msgspec refuses JSON nested too deep.
_BROKEN: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class BrokenReportError(ValueError):
    """A body that is not what its content type says."""


def legacy_report(content: bytes) -> Report:
    """The report in a body of the type ``application/csp-report``.

    Raises:
        BrokenReportError: it is not one.
    """
    try:
        body = _legacy.decode(content).body
    except _BROKEN as error:
        raise BrokenReportError(str(error)) from None
    # CSP 2 put the whole directive, sources included, into violated-directive.
    directive = (body.effective_directive or body.violated_directive or "")[:MAX_URL].partition(" ")[0]
    return Report(
        type="csp-violation",
        directive=_name(directive),
        blocked=_url(body.blocked_uri),
        document=_url(body.document_uri),
        source=_url(body.source_file),
        line=_line(body.line_number),
        enforced=body.disposition != "report",
    )


def split_batch(content: bytes) -> list[msgspec.Raw]:
    """The members, not yet decoded, of a body of the type ``application/reports+json``.

    Raises:
        BrokenReportError: it is not JSON, or neither a list nor an object.
    """
    try:
        if content.lstrip()[:1] == b"{":
            return [msgspec.json.decode(content, type=msgspec.Raw)]
        return _batch.decode(content)
    except _BROKEN as error:
        raise BrokenReportError(str(error)) from None


def batch_reports(members: list[msgspec.Raw]) -> Iterator[Report | None]:
    """The report in each member of a batch; None for a member that is none."""
    for member in members:
        try:
            envelope = _one.decode(member)
        except _BROKEN:
            yield None
        else:
            yield _report(envelope)


def _report(envelope: _Envelope) -> Report:
    body = envelope.body or _Body()
    names = (body.effective_directive, body.feature_id, body.policy_id, body.id, body.reason, body.type)
    return Report(
        type=envelope.type if envelope.type in TYPES else OTHER,
        directive=_name(next(filter(None, names), body.destination)),
        blocked=_url(body.blocked_url),
        document=_url(body.document_url or envelope.url),
        source=_url(body.source_file),
        line=_line(body.line_number),
        # CSP says "report", COEP and COOP say "reporting".
        enforced=not (body.report_only or (body.disposition or "").startswith("report")),
    )


def _name(text: str | None) -> str:
    if not text:
        return ""
    return text if _NAME.fullmatch(text) else OTHER


def _url(text: str | None) -> str:
    """A URL without what may be secret: its scheme, host and path; or a word as it is."""
    if not text:
        return ""
    text = text[:MAX_URL].partition("#")[0].partition("?")[0]
    if not text.isprintable() or " " in text:
        text = "".join(char for char in text if char.isprintable() and char != " ")
    scheme, separator, rest = text.partition(":")
    if not separator:
        return _name(text)
    scheme = scheme.lower()
    if not _SCHEME.fullmatch(scheme):
        return OTHER
    if not rest.startswith("//"):
        return scheme  # data:, blob:, about:, whose rest is content
    authority, slash, path = rest[2:].partition("/")
    host = authority.rpartition("@")[2].lower()
    return f"{scheme}://{host}{slash}{path}" if _HOST.fullmatch(host) else scheme


def _line(number: int | None) -> int | None:
    return number if number is not None and 0 < number < 2**31 else None
