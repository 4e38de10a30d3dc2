"""Cookies: attributes that the application's own may lack (RFC 6265bis)."""

from __future__ import annotations

from perfkit.features.security_headers._options import Cookies


class Hardening:
    """Adds attributes to the lines of Set-Cookie; those a cookie has stay."""

    __slots__ = ("_all", "_names", "_samesite", "_secure")

    def __init__(self, options: Cookies) -> None:
        self._secure = options.secure
        samesite = "Lax" if options.samesite is True else options.samesite
        self._samesite = f"; SameSite={samesite}" if samesite else ""
        self._names = frozenset(options.httponly)
        self._all = "*" in self._names

    def hardened(self, line: str, *, https: bool) -> str:
        """The line with the attributes it lacks."""
        pair, *attributes = line.split(";")
        present = {attribute.partition("=")[0].strip().lower() for attribute in attributes}
        added = ""
        if "secure" not in present and (self._secure is True or (self._secure == "auto" and https)):
            added += "; Secure"
        if "httponly" not in present and (self._all or pair.partition("=")[0].strip() in self._names):
            added += "; HttpOnly"
        if "samesite" not in present:
            added += self._samesite
        return line + added
