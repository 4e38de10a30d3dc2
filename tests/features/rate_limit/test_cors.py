"""Whether pages of other origins can read refusals: said in the log where they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit import RateLimit
from perfkit.features.rate_limit import ViewRule
from perfkit.features.rate_limit._cors import LOOKED_AT
from tests.features.rate_limit.visits import Visit, limited, rule, visit

ORIGIN = [("Origin", "https://shop.example")]
ALLOWED = [("Access-Control-Allow-Origin", "*")]


def cross(feature: RateLimit, client: str = "192.0.2.1", **given: Any) -> Visit:
    """A request of a page, which a CORS middleware further in lets read the answer."""
    return visit(feature, client=client, request_headers=ORIGIN, headers=ALLOWED, **given)


def looks(feature: RateLimit) -> bool:
    """Whether responses are looked at, beyond what every request needs."""
    return feature._asks_responses


def test_cors_further_in_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    feature = limited(rule("1/minute", "api"), rule("9/minute", "trial", shadow=True))
    assert [cross(feature).status for _ in range(2)] == [200, 429]
    for number in range(5):
        cross(feature, f"192.0.2.{number}")
        cross(feature)
    (record,) = caplog.records
    assert record.message.startswith("rate_limit: pages of other origins cannot read why the rules ['api'] refuse them")
    assert "Put the CORS middleware outside of perfkit" in record.message
    assert not looks(feature)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"request_headers": ORIGIN}, []),  # further out, where we do not see it
        ({}, ALLOWED),  # no pages
    ],
)
def test_otherwise_nothing_is_said(given: dict[str, Any], sent: Any, caplog: pytest.LogCaptureFixture) -> None:
    feature = limited(rule("1/minute"))
    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        visit(feature, client=client, headers=sent, **given)
    assert caplog.records == []


def test_refusals_of_views_get_the_headers_themselves(caplog: pytest.LogCaptureFixture) -> None:
    view = ViewRule("view", "1/minute", {})
    feature = RateLimit()
    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        cross(feature, client, app=lambda exchange: exchange.shared["rate_limit"].take(view, exchange))
    late = limited(rule("1/minute", key="user"))
    for user in ("ada", "ada", "bob"):
        cross(late, user=user, asks_views=True)
    assert caplog.records == []


def test_nothing_is_looked_at_before_a_page_is_refused_or_for_long() -> None:
    feature = limited(rule("200/minute"), rule("1/minute", "page", match={"path": "/page"}))
    for _ in range(2):
        visit(feature, "/page")
    assert not looks(feature)
    visit(feature, "/page", request_headers=ORIGIN)
    assert looks(feature)
    for number in range(LOOKED_AT):
        assert looks(feature)
        visit(feature)  # of no page
        visit(feature, client=f"192.0.3.{number}", request_headers=ORIGIN)
    assert not looks(feature)
