"""What the shops have in common, which the browser opens on each host: their settings, their page, what they saw.

A shop has `/pages/{name}`, `/seen` and the receiver of reports.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from perfkit.reports import Report, ReportReceiver

SETTINGS = {"security_headers": {"csp": {"html": "nonce"}, "reporting": {"csp": "/reports/csp"}}}
PAGE = """<!doctype html>
<title>Shop</title>
<script nonce="{nonce}">window.own = "ran"</script>
<p>A comment with <script>window.injected = "ran"</script> in it</p>
<img src="data:," onerror="window.handler = 'ran'">
"""
ETAG = '"1"'

statuses: defaultdict[str, list[int]] = defaultdict(list)
reports: list[Report] = []
receiver = ReportReceiver(on_report=reports.append, log_period=0)


class Answer(NamedTuple):
    """What a shop answers."""

    status: int
    headers: dict[str, str]
    body: str


def page(path: str, if_none_match: str | None, nonce: object) -> Answer:
    """A page with a nonce and a validator of its own, made as ETag middleware does: rendered, and then not sent."""
    body = PAGE.format(nonce=nonce)
    status = 304 if if_none_match == ETAG else 200
    statuses[path].append(status)
    headers = {"ETag": ETAG, "Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8"}
    return Answer(status, headers, body if status == 200 else "")


def seen() -> dict[str, Any]:
    """What was answered for each page, and what the browser has reported."""
    kinds = [(each.type, each.directive, each.blocked, each.document, each.enforced) for each in reports]
    return {"statuses": statuses, "reports": kinds, "malformed": receiver.totals().malformed}
