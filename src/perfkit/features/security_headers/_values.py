"""The values of the headers other than Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from perfkit.options import BadOption, Options

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
EmbedderPolicy: TypeAlias = Literal["require-corp", "credentialless", "unsafe-none"]
ResourcePolicy: TypeAlias = Literal["same-origin", "same-site", "cross-origin"]
# "cache" is among them and not in what True stands for: browsers hang for seconds while they look through theirs.
SiteData: TypeAlias = Literal["cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache", "*"]
Permissions: TypeAlias = Mapping[str, tuple[str, ...]]

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


class Corp(Options, frozen=True, kw_only=True):
    """Cross-Origin-Resource-Policy, by what the response is.

    Attributes:
        html: of pages.
        api: of what is neither of the others.
        static: of images, fonts, scripts, style sheets and media, which other sites may embed.
        download: of what browsers save.
    """

    html: bool | ResourcePolicy = True
    api: bool | ResourcePolicy = True
    static: bool | ResourcePolicy = True
    download: bool | ResourcePolicy = True


def check_permissions(permissions: Permissions) -> None:
    """Refuse what is no feature or no origin.

    Raises:
        BadOption: naming the entry, as in ``permissions.camera[1]``.
    """
    for feature, origins in permissions.items():
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


def permissions_policy(permissions: Permissions) -> str:
    """The value of Permissions-Policy: a dictionary of lists (RFC 9651 section 3.2)."""
    return ", ".join(f"{feature}={_allowlist(origins)}" for feature, origins in permissions.items())


def _allowlist(origins: tuple[str, ...]) -> str:
    if origins == ("*",):
        return "*"
    # "self" is a token, an origin a string.
    members = (origin if origin == "self" else f'"{origin}"' for origin in origins)
    return f"({' '.join(members)})"
