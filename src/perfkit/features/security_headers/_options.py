"""The options of the section ``security_headers``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta

from perfkit.exchange import check_header_value, is_token
from perfkit.features.security_headers._changes import PathRule, Policies, checked_policies
from perfkit.features.security_headers._csp import FRAME_ANCESTORS, Directives
from perfkit.features.security_headers._policies import PRESETS
from perfkit.features.security_headers._profiles import PROFILES
from perfkit.features.security_headers._values import (
    Corp,
    EmbedderPolicy,
    Frame,
    Hsts,
    OpenerPolicy,
    ReferrerPolicy,
    check_permissions,
)
from perfkit.options import BadOption, Options

# A place to report to: a URL or a path, without what would end it in one of the two headers that name it.
_ENDPOINT: Final = re.compile(r"(?:https?://[A-Za-z0-9.:\[\]-]+)?/[!#-&(-+\--:<-\[\]-~]*", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
# Without them a response cannot be read, or a session not be kept.
_NEEDED: Final = frozenset(
    "cache-control content-encoding content-length content-type location set-cookie transfer-encoding vary".split()
)

# The headers that have an option of their own.
_OPTION_OF: Final = {
    "clear-site-data": "paths[...].clear_site_data",
    "content-security-policy": "csp",
    "content-security-policy-report-only": "csp_report_only",
    "cross-origin-embedder-policy": "coep",
    "cross-origin-opener-policy": "coop",
    "cross-origin-resource-policy": "corp",
    "origin-agent-cluster": "origin_agent_cluster",
    "permissions-policy": "permissions",
    "referrer-policy": "referrer_policy",
    "reporting-endpoints": "reporting",
    "strict-transport-security": "hsts",
    "x-content-type-options": "nosniff",
    "x-frame-options": "frame",
}


class Csp(Options, frozen=True, kw_only=True):
    """Content-Security-Policy, by what the response is: a policy, several, the name of one, or a bool.

    Attributes:
        html: of pages.
        api: of what is neither of the others.
        static: of images, fonts, scripts, style sheets and media.
        download: of what browsers save.
    """

    html: Policies = True
    api: Policies = True
    static: Policies = True
    download: Policies = True

    def __post_init__(self) -> None:
        for profile in PROFILES:
            checked_policies(getattr(self, profile), None, profile)


class Reporting(Options, frozen=True, kw_only=True):
    """Where browsers report to.

    Attributes:
        csp: URL, or path on the same origin, for reports on Content-Security-Policy.
        sample: the share of responses that ask for reports. A policy that only reports is left out of the others.
    """

    csp: str
    sample: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if not _ENDPOINT.fullmatch(self.csp) or self.csp.startswith("//"):
            mend = "write for example 'https://reports.example/csp' or '/csp-reports', without spaces, ';' and quotes"
            raise BadOption("csp", f"{self.csp!r} is no place to report to", mend)


class Cookies(Options, frozen=True, kw_only=True):
    """What is added to the application's cookies where they do not say otherwise.

    Attributes:
        secure: ``"auto"``: Secure over https; or always, or never.
        samesite: SameSite, ``"Lax"`` or ``"Strict"``; True: ``"Lax"``.
        httponly: names of the cookies that get HttpOnly, or ``"*"`` for all.
    """

    secure: bool | Literal["auto"] = "auto"
    samesite: bool | Literal["Lax", "Strict"] = True
    httponly: tuple[str, ...] = ()


class HttpsRedirect(Options, frozen=True, kw_only=True):
    """Requests over http are sent on to https.

    Attributes:
        exempt: paths that are answered over http, with ``*`` as in ``paths``. Those of ACME (RFC 8555) always are.
        host: the host to go to; by default the one of the request.
    """

    exempt: tuple[str, ...] = ()
    host: str | None = None

    def __post_init__(self) -> None:
        if self.host is not None and not _HOST.fullmatch(self.host):
            raise BadOption("host", f"{self.host!r} is no host", "write for example 'shop.example'")
        for index, path in enumerate(self.exempt):
            if not path.startswith(("/", "*")):
                raise BadOption(f"exempt[{index}]", f"{path!r} is no path", "begin it with '/', as in '/health*'")


class SecurityHeadersOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``security_headers``.

    Where an option may be a bool, True stands for the value of the preset, and False leaves the header out.

    Attributes:
        preset: what True stands for.
        nosniff: X-Content-Type-Options.
        frame: which pages may show this one in a frame: X-Frame-Options, and frame-ancestors in each policy that does
            not name it.
        referrer_policy: Referrer-Policy.
        coop: Cross-Origin-Opener-Policy.
        coep: Cross-Origin-Embedder-Policy.
        corp: Cross-Origin-Resource-Policy.
        origin_agent_cluster: Origin-Agent-Cluster.
        permissions: Permissions-Policy: per browser feature the origins that may use it, ``"self"``, ``"*"`` or an
            origin such as ``"https://maps.example"``; no origin forbids it to all.
        hsts: Strict-Transport-Security, sent over https only.
        csp: Content-Security-Policy.
        csp_report_only: Content-Security-Policy-Report-Only, of pages.
        reporting: where browsers report to. None: nowhere.
        paths: what differs on some paths.
        debug: whether pages of status 404 and 500 get no enforced policy, so that those that help to debug work.
            ``"auto"``: where the framework is in its debug mode and the host can tell (Django, Starlette, FastAPI).
        headers: other headers for all responses, as constants: names and values.
        force: names of headers of this feature that take the place of the application's own.
        remove: names of headers to take out of responses.
        cookies: what is added to the application's cookies.
        https_redirect: whether requests over http are sent on to https.
    """

    preset: Literal["balanced", "strict", "api", "owasp"] = "balanced"
    nosniff: bool = True
    frame: bool | Frame = True
    referrer_policy: bool | ReferrerPolicy = True
    coop: bool | OpenerPolicy = True
    coep: bool | EmbedderPolicy = True
    corp: bool | Corp = True
    origin_agent_cluster: bool = True
    permissions: bool | dict[str, tuple[str, ...]] = True
    hsts: bool | Hsts = True
    csp: bool | Csp = True
    csp_report_only: Policies = True
    reporting: Reporting | None = None
    paths: tuple[PathRule, ...] = ()
    debug: bool | Literal["auto"] = "auto"
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    force: tuple[str, ...] = ()
    remove: bool | tuple[str, ...] = True
    cookies: bool | Cookies = True
    https_redirect: bool | HttpsRedirect = False

    def __post_init__(self) -> None:
        if not isinstance(self.permissions, bool):
            check_permissions(self.permissions)
        checked_policies(self.csp_report_only, None, "csp_report_only")
        self._check_frame()
        self._check_headers()
        self._check_names("force", self.force)
        if not isinstance(self.remove, bool):
            self._check_names("remove", self.remove)
            for index, name in enumerate(self.remove):
                if name.lower() in _NEEDED:
                    raise BadOption(f"remove[{index}]", f"responses need {name}", "remove it from the list")

    def policies(self) -> Iterator[tuple[str, Directives]]:
        """The policies given in the settings, each with the setting."""
        preset = PRESETS[self.preset]
        if isinstance(self.csp, Csp):
            for profile in PROFILES:
                for policy in checked_policies(getattr(self.csp, profile), preset.csp[profile], profile):
                    yield f"csp.{profile}", policy
        for policy in checked_policies(self.csp_report_only, None, "csp_report_only"):
            yield "csp_report_only", policy
        for index, rule in enumerate(self.paths):
            for option in ("csp", "csp_report_only"):
                for policy in rule.replacement(option, None) or ():
                    yield f"paths[{index}].{option}", policy

    def _check_frame(self) -> None:
        """One setting says who may frame a page: two that differ are a slip."""
        if isinstance(self.frame, bool) or not isinstance(self.csp, Csp):
            return
        meant = "'none'" if self.frame == "deny" else "'self'"
        for policy in checked_policies(self.csp.html, None, "html"):
            if policy.get(FRAME_ANCESTORS, (meant,)) != (meant,):
                raise BadOption(
                    "frame",
                    f"{self.frame!r} is not what frame-ancestors in csp.html says",
                    "remove one of them: frame-ancestors alone also sets X-Frame-Options where that can say the same",
                )

    def _check_headers(self) -> None:
        for name, value in self.headers.items():
            option = f"headers.{name}"
            if not is_token(name):
                raise BadOption(option, f"{name!r} is not the name of a header", "write for example 'Integrity-Policy'")
            if name.lower() in _NEEDED:
                raise BadOption(option, f"{name} is not the same for all responses", "set it in the application")
            if name.lower() in _OPTION_OF:
                raise BadOption(option, "another option sets it", f"write {_OPTION_OF[name.lower()]} = ... instead")
            try:
                check_header_value(value)
            except ValueError as error:
                raise BadOption(option, str(error), "see RFC 9110 section 5.5") from None

    def _check_names(self, option: str, names: tuple[str, ...]) -> None:
        for index, name in enumerate(names):
            if not is_token(name):
                raise BadOption(f"{option}[{index}]", f"{name!r} is not the name of a header", "write 'x-powered-by'")
