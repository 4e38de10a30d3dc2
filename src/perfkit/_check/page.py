"""What ``perfkit check`` reads in a page itself: the scripts it loads, and the policies in its meta elements."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from perfkit._check.fetching import Response

_HTML: Final = ("text/html", "application/xhtml+xml")


class Script(NamedTuple):
    """A script that a page loads."""

    url: str
    integrity: bool
    relative_scheme: bool  # src="//...", which the Observatory takes for http


class Page(HTMLParser):
    """Collects the scripts and the policies of a page. Anything parses as HTML."""

    def __init__(self, response: Response) -> None:
        super().__init__(convert_charrefs=True)
        self.base = response.url
        self.scripts: list[Script] = []
        self.policies: list[str] = []
        content_type = (response.first("content-type") or "").partition(";")[0].strip().lower()
        if content_type in _HTML:
            self.feed(response.body.decode("utf-8", "replace"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "script" and values.get("src"):
            self._add_script(values["src"].strip(), integrity=bool(values.get("integrity")))
        elif tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(values.get("content", ""))

    def _add_script(self, src: str, *, integrity: bool) -> None:
        try:
            url = urljoin(self.base, src)
            urlsplit(url)
        except ValueError:
            return  # no browser loads it either
        self.scripts.append(Script(url, integrity, src.startswith("//")))

    def is_foreign(self, script: Script) -> bool:
        """Whether a script comes from a site that is not the page's.

        The Observatory compares by the public suffix list; the last two labels of the host are as near as one gets
        without it.
        """
        if script.relative_scheme:
            return True
        return _site(script.url) != _site(self.base)


def _site(url: str) -> list[str]:
    host = urlsplit(url).hostname or ""
    return [host] if host.replace(".", "").isdigit() or ":" in host else host.split(".")[-2:]
