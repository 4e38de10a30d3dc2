"""Plans: the headers of every kind of response, written out before there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from perfkit.errors import ConfigurationError
from perfkit.exchange import HeaderBlock, HeaderName
from perfkit.features.security_headers._choices import Choices, frame_options, names_frames, with_frames
from perfkit.features.security_headers._csp import (
    Directives,
    for_scheme,
    has_nonce,
    report_only,
    serialize,
    without_nonce,
)
from perfkit.features.security_headers._profiles import PROFILES, Profile, profile_of
from perfkit.features.security_headers._sources import NONCE
from perfkit.features.security_headers._values import permissions_policy

CSP: Final = HeaderName("Content-Security-Policy")
CSP_REPORT_ONLY: Final = HeaderName("Content-Security-Policy-Report-Only")
FRAME_OPTIONS: Final = HeaderName("X-Frame-Options")

# Servers and proxies refuse headers of 8 KB in all, or soon after.
MAX_LENGTH: Final = 8192
# Content types come from the application, and in some from those who upload.
MAX_CONTENT_TYPES: Final = 256
# The name of the endpoint, between the policy and Reporting-Endpoints.
_ENDPOINT: Final = "csp"


class Template(NamedTuple):
    """A header with a nonce in it: the parts around the nonce."""

    name: HeaderName
    parts: tuple[str, ...]


class Head:
    """The headers of one kind of response.

    Attributes:
        block: all of them, for a response that made no nonce.
        fixed: for one that made a nonce: those without it.
        templates: and those with it.
        unframed: the head where the application sets X-Frame-Options itself, which then alone says who may frame.
        unsampled: the head of a response that is to ask for no reports.
        unguarded: the head of a page that helps to debug.
        plain: whether a response with success that has none of the headers in `block` gets just these.
    """

    __slots__ = ("block", "fixed", "plain", "templates", "unframed", "unguarded", "unsampled")

    def __init__(self, fields: Mapping[str, str], policies: Mapping[HeaderName, tuple[Directives, ...]]) -> None:
        texts = {name: ", ".join(map(serialize, each)) for name, each in policies.items() if each}
        plain = {name: ", ".join(serialize(without_nonce(one)) for one in each) for name, each in policies.items()}
        self.block = _block({**fields, **{name.title: text for name, text in plain.items() if text}})
        nonced = {name for name, each in policies.items() if any(map(has_nonce, each))}
        self.fixed = _block({**fields, **{name.title: text for name, text in texts.items() if name not in nonced}})
        self.templates = tuple(Template(name, tuple(texts[name].split(NONCE))) for name in texts if name in nonced)
        self.unframed: Head | None = None
        self.unsampled: Head | None = None
        self.unguarded: Head | None = None
        self.plain = False


def _block(fields: Mapping[str, str]) -> HeaderBlock:
    for name, value in fields.items():
        if len(value) > MAX_LENGTH:
            problem = f"{name} would be {len(value)} characters long, and proxies refuse more than {MAX_LENGTH}"
            raise ConfigurationError("security_headers", problem, "allow wider sources in the place of many")
    return HeaderBlock(fields)


class Plan(dict[str | None, Head]):
    """The heads by content type, for one scheme.

    Attributes:
        bare: the head of redirects and of 304, without what depends on the content. A 304 changes the headers of what a
            cache has stored (RFC 9111 section 3.2), whose nonces are others; and a browser takes the resource policy
            of a redirect for that of the image it leads to.
    """

    def __init__(self, choices: Choices, *, https: bool) -> None:
        super().__init__()
        self._choices = choices
        self._https = https
        self._heads: dict[Profile, Head] = {}
        self.bare = Head(_constant(choices, https), {})

    def __missing__(self, content_type: str | None) -> Head:
        head = self.head(self._choices.profile or profile_of(content_type))
        if len(self) < MAX_CONTENT_TYPES:
            self[content_type] = head
        return head

    def compiled(self) -> Plan:
        """The plan with all heads made, so that what is wrong is known at start-up."""
        for profile in PROFILES:
            self.head(profile)
        return self

    def head(self, profile: Profile) -> Head:
        """The head of this profile."""
        head = self._heads.get(profile)
        if head is None:
            head = self._heads[profile] = self._made(profile)
        return head

    def _made(self, profile: Profile, *, framed: bool = True) -> Head:
        choices = self._choices
        head = self._variant(profile, framed=framed)
        enforced = choices.csp[profile]
        if framed and enforced and choices.frame and not names_frames(enforced):
            head.unframed = self._made(profile, framed=False)
        if profile == "html" and choices.reporting is not None and choices.reporting.sample < 1:
            head.unsampled = self._variant(profile, framed=framed, sampled=False)
        if profile == "html" and enforced:
            head.unguarded = self._variant(profile, framed=framed, guarded=False)
        # A page is not, whose own policy has to be looked at, unless one of the block would stand beside it.
        head.plain = head.unsampled is None and (profile != "html" or CSP.lower in head.block.lower)
        return head

    def _variant(self, profile: Profile, *, framed: bool = True, sampled: bool = True, guarded: bool = True) -> Head:
        choices = self._choices
        enforced = choices.csp[profile] if guarded else ()
        only = choices.report_only.get(profile, ()) if sampled else ()
        fields = _constant(choices, self._https)
        frame = frame_options(choices.csp[profile], choices.frame)
        fields["X-Frame-Options"] = frame.upper() if frame else ""
        fields["Cross-Origin-Resource-Policy"] = choices.corp[profile] or ""
        if enforced and framed and choices.frame and not names_frames(enforced):
            enforced = with_frames(enforced, choices.frame)
        if choices.reporting is not None and sampled and profile == "html" and (enforced or only):
            endpoint = choices.reporting.csp
            if self._https:
                fields["Reporting-Endpoints"] = f'{_ENDPOINT}="{endpoint}"'
            enforced = tuple(_reporting(policy, endpoint, https=self._https) for policy in enforced)
            only = tuple(_reporting(policy, endpoint, https=self._https) for policy in only)
        policies = {
            CSP: _sendable(enforced, self._https),
            CSP_REPORT_ONLY: _sendable(map(report_only, only), self._https),
        }
        return Head({name: value for name, value in fields.items() if value}, policies)


def _sendable(policies: Iterable[Directives], https: bool) -> tuple[Directives, ...]:
    """The policies that still say something over this scheme."""
    fitting = (for_scheme(policy, https=https) for policy in policies)
    return tuple(policy for policy in fitting if policy)


def _reporting(policy: Directives, endpoint: str, *, https: bool) -> Directives:
    """The policy with the place to report to, for browsers with the Reporting API and those without.

    Over http only for the latter: Chromium takes no endpoint there, and ignores report-uri where report-to is present.
    """
    places = {"report-uri": (endpoint,), "report-to": (_ENDPOINT,)} if https else {"report-uri": (endpoint,)}
    return {**policy, **places, **policy}


def _constant(choices: Choices, https: bool) -> dict[str, str]:
    """The header fields that do not depend on the content."""
    permissions = choices.permissions
    fields = {
        "X-Content-Type-Options": "nosniff" if choices.nosniff else None,
        "X-Frame-Options": choices.frame and choices.frame.upper(),
        "Referrer-Policy": choices.referrer_policy,
        "Cross-Origin-Opener-Policy": choices.coop,
        "Cross-Origin-Embedder-Policy": choices.coep,
        "Origin-Agent-Cluster": "?1" if choices.origin_agent_cluster else None,
        "Permissions-Policy": permissions and permissions_policy(permissions),
        # Not over http, where anyone on the way could have put it in (RFC 6797 section 7.2).
        "Strict-Transport-Security": str(choices.hsts) if https and choices.hsts else None,
        # Browsers look at it over https only.
        "Clear-Site-Data": ", ".join(f'"{each}"' for each in choices.clear_site_data) if https else None,
        **choices.headers,
    }
    return {name: value for name, value in fields.items() if value}
