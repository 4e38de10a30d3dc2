"""The answer to a request that is refused."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, Literal, NamedTuple

import msgspec

from perfkit.exchange import CONTENT_TYPE, Exchange, HeaderName, Reply
from perfkit.features.rate_limit._decision import AHEAD

ACCEPT: Final = HeaderName("Accept")
CACHE_CONTROL: Final = HeaderName("Cache-Control")

# The registry of RFC 9457 section 4.2, where the draft of RateLimit registers these.
REGISTRY: Final = "https://iana.org/assignments/http-problem-types#"
Kind = Literal["quota-exceeded", "abnormal-usage-detected", "temporary-reduced-capacity"]

TITLES: Final[Mapping[Kind, str]] = {
    "quota-exceeded": "Too many requests",
    "abnormal-usage-detected": "Too many requests were refused",
    "temporary-reduced-capacity": "Temporarily unavailable",
}

PROBLEM: Final = "application/problem+json"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
# What stands for each in an Accept, the most specific first; problem details are JSON to whoever asks for that.
_RANGES: Final = {
    PROBLEM: (PROBLEM, "application/json", "application/*", "*/*"),
    HTML: (HTML, "text/*", "*/*"),
    TEXT: (TEXT, "text/*", "*/*"),
}
# Longer ones come from nobody who would read the answer.
MAX_ACCEPT: Final = 1000


class Refusal(NamedTuple):
    """Why a request is refused.

    Attributes:
        kind: ``"quota-exceeded"``, ``"abnormal-usage-detected"`` (a ban), or ``"temporary-reduced-capacity"`` (the
            store does not answer, and the rule is to refuse then).
        status: of the answer.
        retry_after: whole seconds, at least 1; None where the request will never be admitted, as it costs more than
            is ever allowed at once.
        rules: the rules that refuse it.
        policies: the names of the policies that are violated, as in RateLimit.
        shadow: whether the rule is in shadow mode, so that the request is not refused in fact.
    """

    kind: Kind
    status: int
    retry_after: int | None
    rules: tuple[str, ...]
    policies: tuple[str, ...]
    shadow: bool = False

    @property
    def title(self) -> str:
        """What happened, in a few words."""
        return TITLES[self.kind]

    @property
    def detail(self) -> str:
        """What to do."""
        if self.retry_after is None:
            return "This request costs more than is ever allowed at once."
        return f"Try again in {self.retry_after} second{'' if self.retry_after == 1 else 's'}."


def seconds_to_wait(seconds: float) -> int | None:
    """Retry-After for a time to wait; None for ever."""
    return None if seconds == float("inf") else max(ceil(seconds - AHEAD), 1)


def reply(exchange: Exchange, refusal: Refusal, fields: Mapping[HeaderName, str], *, negotiate: bool) -> Reply:
    """The answer: problem details (RFC 9457), or a page or a text for those who would rather have that."""
    media_type = preferred(exchange.request_header(ACCEPT)) if negotiate else PROBLEM
    content_type = PROBLEM if media_type == PROBLEM else f"{media_type}; charset=utf-8"
    # RFC 6585 section 4: a 429 must not be stored by a cache.
    headers = {CONTENT_TYPE: content_type, CACHE_CONTROL: "no-store", **fields}
    return Reply(refusal.status, headers, _BODIES[media_type](refusal))


def preferred(accept: str | None) -> str:
    """The type of body that the client likes best; problem details among equals."""
    if accept is None or len(accept) > MAX_ACCEPT:
        return PROBLEM
    weights: dict[str, float] = {}
    for member in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in member.split(";"))
        weights[media_range] = max(_weight(parameters), weights.get(media_range, 0.0))
    return max(_RANGES, key=lambda media_type: _of(media_type, weights))


def _of(media_type: str, weights: Mapping[str, float]) -> float:
    return next((weights[each] for each in _RANGES[media_type] if each in weights), 0.0)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _problem(refusal: Refusal) -> bytes:
    problem = {
        "type": f"{REGISTRY}{refusal.kind}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "violated-policies": refusal.policies,
    }
    return msgspec.json.encode(problem)


def _html(refusal: Refusal) -> bytes:
    from html import escape  # here: it takes long to import, and few clients want a page

    title = escape(refusal.title)
    page = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<h1>{title}</h1>\n<p>{escape(refusal.detail)}</p>\n</body>\n</html>\n"
    )
    return page.encode()


def _text(refusal: Refusal) -> bytes:
    return f"{refusal.title}. {refusal.detail}\n".encode()


_BODIES: Final = {PROBLEM: _problem, HTML: _html, TEXT: _text}
