"""Security headers: worked out at start-up, and added where the application set none itself."""

from perfkit.features.security_headers._changes import (
    Change,
    Override,
    PathRule,
    extend,
    off,
    override,
    replace,
)
from perfkit.features.security_headers._feature import SecurityHeaders
from perfkit.features.security_headers._nonce import Nonce
from perfkit.features.security_headers._options import (
    Cookies,
    Csp,
    HttpsRedirect,
    Reporting,
    SecurityHeadersOptions,
)
from perfkit.features.security_headers._sources import NONCE
from perfkit.features.security_headers._values import YEAR, Corp, Hsts

__all__ = [
    "NONCE",
    "YEAR",
    "Change",
    "Cookies",
    "Corp",
    "Csp",
    "Hsts",
    "HttpsRedirect",
    "Nonce",
    "Override",
    "PathRule",
    "Reporting",
    "SecurityHeaders",
    "SecurityHeadersOptions",
    "extend",
    "off",
    "override",
    "replace",
]
