"""The answers of the endpoints.

The words are those of draft-inadarei-api-health-check, but the type is ``application/json``, which all tools know, and
not ``application/health+json``: the draft, which has expired, wants a list for each check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from perfkit.exchange import CONTENT_TYPE, HeaderName, Reply
from perfkit.features.health._check import Check
from perfkit.features.health._result import Status

CACHE_CONTROL: Final = HeaderName("Cache-Control")
ALLOW: Final = HeaderName("Allow")

METHODS: Final = ("GET", "HEAD")

_HEADERS: Final = {CONTENT_TYPE: "application/json", CACHE_CONTROL: "no-store"}


def _reply(status: Status, **more: Any) -> Reply:
    # What warns is still of use (section 3.1 of the draft): a load balancer is not to take it out.
    return Reply(503 if status == "fail" else 200, _HEADERS, msgspec.json.encode({"status": status, **more}) + b"\n")


PASSED: Final = _reply("pass")
SHUTTING_DOWN: Final = _reply("fail")
SHUTTING_DOWN_IN_DETAIL: Final = _reply("fail", output="shutting down")
# With a type and a body, as all but 204 and 304 have to have one on WSGI (wsgiref.validate).
NOT_ALLOWED: Final = Reply(
    405,
    {ALLOW: ", ".join(METHODS), CONTENT_TYPE: "text/plain; charset=utf-8", CACHE_CONTROL: "no-store"},
    b"Only GET and HEAD are allowed here.\n",
)


def answer(checks: Sequence[Check], *, details: bool, messages: bool) -> Reply:
    """What the verdicts of checks come to, each of which has one."""
    status = status_of(checks)
    if not details:
        return _reply(status)
    return _reply(status, checks={check.name: _detail(check, messages) for check in checks})


def status_of(checks: Iterable[Check]) -> Status:
    """How the whole stands: a check that is not required makes it warn at most."""
    worst: Status = "pass"
    for check in checks:
        status = check.verdict.outcome.status if check.verdict else "fail"
        if status == "fail" and check.required:
            return "fail"
        if status != "pass":
            worst = "warn"
    return worst


def _detail(check: Check, messages: bool) -> dict[str, Any]:
    verdict = check.verdict
    if verdict is None:
        return {"status": "fail", "required": check.required}
    output, message = verdict.outcome.output, verdict.outcome.message
    if messages and message:
        output = f"{output}: {message}"
    return {
        "status": verdict.outcome.status,
        "required": check.required,
        "duration_ms": round(verdict.seconds * 1e3, 1),
        "age_ms": round(max(verdict.age, 0.0) * 1e3),
        **({} if output is None else {"output": output}),
    }
