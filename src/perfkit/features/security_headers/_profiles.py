"""Profiles: what a response is, told by its content type."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Profile: TypeAlias = Literal["html", "api", "static", "download"]

PROFILES: Final[tuple[Profile, ...]] = ("html", "api", "static", "download")

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
# What pages load, or browsers show by themselves. A policy here would be that of a worker (a script), or take the
# styles from a drawing (SVG) and the viewer from a PDF.
_STATIC: Final = frozenset(
    {
        "application/ecmascript",
        "application/font-woff",
        "application/font-woff2",
        "application/javascript",
        "application/manifest+json",
        "application/pdf",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "multipart/x-mixed-replace",
        "text/css",
        "text/ecmascript",
        "text/javascript",
        "text/vtt",
    }
)
_STATIC_KINDS: Final = ("image/", "font/", "audio/", "video/", "model/", "application/x-font-")
_DOWNLOADS: Final = frozenset(
    {
        "application/gzip",
        "application/msword",
        "application/octet-stream",
        "application/rtf",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-gzip",
        "application/x-rar-compressed",
        "application/x-tar",
        "application/zip",
        "text/csv",
    }
)
_DOWNLOAD_KINDS: Final = ("application/vnd.openxmlformats-", "application/vnd.oasis.", "application/vnd.ms-")


def profile_of(content_type: str | None) -> Profile:
    """The profile of a response with this Content-Type."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type in _HTML:
        return "html"
    if media_type in _STATIC or media_type.startswith(_STATIC_KINDS):
        return "static"
    if media_type in _DOWNLOADS or media_type.startswith(_DOWNLOAD_KINDS):
        return "download"
    return "api"
