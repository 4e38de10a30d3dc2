"""Policies with a name, and the presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from perfkit.features.security_headers._csp import Policy
from perfkit.features.security_headers._sources import NONCE
from perfkit.features.security_headers._values import (
    EmbedderPolicy,
    Frame,
    Hsts,
    OpenerPolicy,
    Permissions,
    ReferrerPolicy,
    ResourcePolicy,
)

PolicyName: TypeAlias = Literal["nonce", "self", "api", "sandbox", "swagger"]

NAMED: Final[Mapping[str, Policy]] = {
    # Scripts run by their nonce, and those they load by 'strict-dynamic'; all else comes from the own origin.
    "nonce": {
        "default-src": ("'none'",),
        "base-uri": ("'none'",),
        "connect-src": ("'self'",),
        "font-src": ("'self'",),
        "form-action": ("'self'",),
        "img-src": ("'self'", "data:"),
        "manifest-src": ("'self'",),
        "script-src": (NONCE, "'strict-dynamic'"),
        "style-src": ("'self'", NONCE),
    },
    # For pages without inline scripts and styles.
    "self": {
        "default-src": ("'self'",),
        "base-uri": ("'none'",),
        "form-action": ("'self'",),
        "img-src": ("'self'", "data:"),
        "object-src": ("'none'",),
    },
    "api": {"default-src": ("'none'",)},
    # What others have uploaded: shown, but without a script and without this origin. As raw.githubusercontent.com.
    "sandbox": {"default-src": ("'none'",), "sandbox": (), "style-src": ("'unsafe-inline'",)},
    # Swagger UI and ReDoc as FastAPI serves them, from a CDN or, as its documentation shows, from the own origin. An
    # inline script starts them, and differs between applications; no handler in an attribute, which is what markup in
    # a description could bring. Swagger UI shows an image that was answered from a blob, and plays a sound from its
    # URL; ReDoc takes fonts from Google and searches in a worker made of a blob. tests/proofs/test_docs.py shows in a
    # browser that each source is needed and that no other is.
    "swagger": {
        "default-src": ("'none'",),
        "base-uri": ("'none'",),
        "connect-src": ("'self'",),
        "font-src": ("https://fonts.gstatic.com",),
        "form-action": ("'none'",),
        "img-src": ("'self'", "blob:", "data:", "https://cdn.redoc.ly", "https://fastapi.tiangolo.com"),
        "media-src": ("'self'",),
        "script-src": ("'self'", "'unsafe-inline'", "https://cdn.jsdelivr.net"),
        "script-src-attr": ("'none'",),
        "style-src": ("'self'", "'unsafe-inline'", "https://cdn.jsdelivr.net", "https://fonts.googleapis.com"),
        "worker-src": ("blob:",),
    },
}


class Preset(NamedTuple):
    """What True stands for; None leaves a header out."""

    frame: Frame
    referrer_policy: ReferrerPolicy
    coop: OpenerPolicy
    coep: EmbedderPolicy | None
    corp: Mapping[str, ResourcePolicy | None]
    permissions: Permissions
    hsts: Hsts
    csp: Mapping[str, PolicyName | None]
    # The policy of pages that only reports, sent where there is a place to report to and no enforced one.
    report_only: PolicyName | None = None
    remove: tuple[str, ...] = ()
    harden_cookies: bool = False
    extra: Mapping[str, str] = {}


# Only features that browsers know: each other one is a warning in the console of every page.
_FEW: Final = ("camera", "geolocation", "microphone")
_MANY: Final = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)

_BALANCED: Final = Preset(
    frame="deny",
    referrer_policy="strict-origin-when-cross-origin",
    coop="same-origin",
    coep=None,  # it breaks pages that embed others
    corp={"html": "same-origin", "api": "same-origin", "static": None, "download": None},
    permissions=dict.fromkeys(_FEW, ()),
    # Without subdomains: one of them may still be served over http by somebody else.
    hsts=Hsts(),
    # No policy fits the pages of every application, and one that does not breaks them.
    csp={"html": None, "api": "api", "static": None, "download": "api"},
    report_only="nonce",
)
_STRICT: Final = _BALANCED._replace(
    referrer_policy="no-referrer",
    corp=dict.fromkeys(("html", "api", "static", "download"), "same-origin"),
    permissions=dict.fromkeys(_MANY, ()),
    hsts=Hsts(max_age=63_072_000, include_subdomains=True),
    csp={"html": "nonce", "api": "api", "static": None, "download": "sandbox"},
    report_only=None,
    remove=("Server", "X-Powered-By"),
    harden_cookies=True,
)

PRESETS: Final[Mapping[str, Preset]] = {
    "balanced": _BALANCED,
    "strict": _STRICT,
    # For applications without pages: what few there are, of errors, load nothing.
    "api": _BALANCED._replace(
        referrer_policy="no-referrer",
        corp=dict.fromkeys(("html", "api", "static", "download"), "same-origin"),
        csp={"html": "api", "api": "api", "static": None, "download": "api"},
        report_only=None,
    ),
    # OWASP Secure Headers Project, without its dead features of Permissions-Policy and its Cache-Control: no-store.
    "owasp": _STRICT._replace(
        coep="require-corp",
        csp={"html": "self", "api": "api", "static": None, "download": "sandbox"},
        extra={"X-Permitted-Cross-Domain-Policies": "none", "X-DNS-Prefetch-Control": "off"},
    ),
}
