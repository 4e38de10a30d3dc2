"""Security headers: the constant ones, worked out at start-up and added where the application set none itself.

Content-Security-Policy and Cross-Origin-Resource-Policy are not among them: both depend on what the body is.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from msgspec import Meta

from perfkit.exchange import Exchange, HeaderBlock
from perfkit.feature import Position
from perfkit.options import BadOption, ConfiguredFeature, Options

T = TypeVar("T")

YEAR: Final = 31_536_000  # seconds; also the least the preload list takes (hstspreload.org)

Frame: TypeAlias = Literal["deny", "sameorigin"]
ReferrerPolicy: TypeAlias = Literal[
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
]
OpenerPolicy: TypeAlias = Literal["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"]

# Names of policy-controlled features; any of them is also a key of a structured dictionary (RFC 9651 section 3.2).
_FEATURE: Final = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
# A serialised origin: lower case, no path, no final slash. A leading "*." stands for all subdomains.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


class Hsts(Options, frozen=True, kw_only=True):
    """Strict-Transport-Security (RFC 6797).

    Attributes:
        max_age: for how many seconds a browser uses https only; 0 takes it back.
        include_subdomains: whether that goes for all subdomains too.
        preload: consent to be built into browsers, which is hard to take back.
    """

    max_age: Annotated[int, Meta(ge=0)] = YEAR
    include_subdomains: bool = False
    preload: bool = False

    def __post_init__(self) -> None:
        if self.preload and not (self.include_subdomains and self.max_age >= YEAR):
            raise BadOption(
                "preload",
                f"the preload list takes only hosts that include their subdomains for {YEAR} seconds or more",
                f"write preload = false, or include_subdomains = true and max_age = {YEAR}",
            )

    def __str__(self) -> str:
        """The value of the header field."""
        subdomains = "; includeSubDomains" if self.include_subdomains else ""
        return f"max-age={self.max_age}{subdomains}{'; preload' if self.preload else ''}"


class SecurityHeadersOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``security_headers``.

    Where an option may be a bool, True stands for the value of the preset, and False leaves the header out.

    Attributes:
        preset: what True stands for.
        nosniff: X-Content-Type-Options.
        frame: X-Frame-Options: which pages may show this one in a frame.
        referrer_policy: Referrer-Policy.
        coop: Cross-Origin-Opener-Policy.
        origin_agent_cluster: Origin-Agent-Cluster.
        permissions: Permissions-Policy: per browser feature the origins that may use it, ``"self"``, ``"*"`` or an
            origin such as ``"https://maps.example"``; no origin forbids it to all.
        hsts: Strict-Transport-Security, sent over https only.
    """

    preset: Literal["balanced"] = "balanced"
    nosniff: bool = True
    frame: bool | Frame = True
    referrer_policy: bool | ReferrerPolicy = True
    coop: bool | OpenerPolicy = True
    origin_agent_cluster: bool = True
    permissions: bool | dict[str, tuple[str, ...]] = True
    hsts: bool | Hsts = True

    def __post_init__(self) -> None:
        if not isinstance(self.permissions, bool):
            for feature, origins in self.permissions.items():
                _check_permission(feature, origins)


class _Preset(NamedTuple):
    frame: Frame
    referrer_policy: ReferrerPolicy
    coop: OpenerPolicy
    permissions: dict[str, tuple[str, ...]]
    hsts: Hsts


_PRESETS: Final = {
    "balanced": _Preset(
        frame="deny",
        referrer_policy="strict-origin-when-cross-origin",
        coop="same-origin",
        # Only features that browsers know: each other one is a warning in the console of every page.
        permissions={"camera": (), "geolocation": (), "microphone": ()},
        # Without subdomains: one of them may still be served over http by somebody else.
        hsts=Hsts(),
    )
}


class SecurityHeaders(ConfiguredFeature[SecurityHeadersOptions]):
    """Adds security headers to every response; what the application has set stays.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``SecurityHeaders(frame="sameorigin")``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "security_headers"
    position = Position.SECURITY_HEADERS
    Options = SecurityHeadersOptions

    def __init__(self, options: SecurityHeadersOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        fields = _fields(self.options)
        hsts = _chosen(self.options.hsts, _PRESETS[self.options.preset].hsts)
        self._http = HeaderBlock(fields)
        # Not over http, where anyone on the way could have put it in (RFC 6797 section 7.2).
        self._https = HeaderBlock(fields | {"Strict-Transport-Security": str(hsts)}) if hsts else self._http

    def on_response(self, exchange: Exchange) -> None:
        exchange.set_default_headers(self._https if exchange.scheme == "https" else self._http)


def _fields(options: SecurityHeadersOptions) -> dict[str, str]:
    """The header fields that are the same on every scheme."""
    preset = _PRESETS[options.preset]
    frame = _chosen(options.frame, preset.frame)
    permissions = _chosen(options.permissions, preset.permissions)
    fields = {
        "X-Content-Type-Options": "nosniff" if options.nosniff else None,
        "X-Frame-Options": frame and frame.upper(),
        "Referrer-Policy": _chosen(options.referrer_policy, preset.referrer_policy),
        "Cross-Origin-Opener-Policy": _chosen(options.coop, preset.coop),
        "Origin-Agent-Cluster": "?1" if options.origin_agent_cluster else None,
        "Permissions-Policy": permissions and _permissions_policy(permissions),
    }
    return {name: value for name, value in fields.items() if value}


def _chosen(option: bool | T, preset: T) -> T | None:
    """What an option asks for: True the value of the preset, False nothing."""
    if isinstance(option, bool):
        return preset if option else None
    return option


def _check_permission(feature: str, origins: tuple[str, ...]) -> None:
    if not _FEATURE.fullmatch(feature):
        problem = f"{feature!r} is not the name of a browser feature"
        raise BadOption("permissions", problem, "write for example 'camera'")
    for index, origin in enumerate(origins):
        option = f"permissions.{feature}[{index}]"
        if origin == "*" and len(origins) > 1:
            raise BadOption(option, "'*' already allows every origin", "write ['*'], or leave it out")
        if origin not in ("self", "*") and not _ORIGIN.fullmatch(origin):
            mend = "write 'self', '*' or an origin in lower case without a path, as in 'https://maps.example'"
            raise BadOption(option, f"{origin!r} is not an origin", mend)


def _permissions_policy(permissions: dict[str, tuple[str, ...]]) -> str:
    """The value of Permissions-Policy: a dictionary of lists (RFC 9651 section 3.2)."""
    return ", ".join(f"{feature}={_allowlist(origins)}" for feature, origins in permissions.items())


def _allowlist(origins: tuple[str, ...]) -> str:
    if origins == ("*",):
        return "*"
    # "self" is a token, an origin a string.
    members = (origin if origin == "self" else f'"{origin}"' for origin in origins)
    return f"({' '.join(members)})"
