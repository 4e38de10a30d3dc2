"""Reports: the three places that name where they go, from one setting, and how often they are asked for."""

from typing import Any

import pytest

from perfkit import ConfigurationError, SecurityHeaders
from perfkit.features.security_headers import _feature
from tests.memory_exchange import serve

CSP = "Content-Security-Policy"
RO = f"{CSP}-Report-Only"
POLICY = {"default-src": ["'self'"]}


def sent(content_type: str = "text/html", status: int = 200, scheme: str = "https", **options: Any) -> dict[str, str]:
    feature = SecurityHeaders(frame=False, **({"reporting": {"csp": "https://r.example/csp"}} | options))
    return dict(serve(feature, headers=[("Content-Type", content_type)], status=status, scheme=scheme).headers)


@pytest.mark.parametrize("url", ["https://r.example/csp", "/csp-reports", "https://[::1]:8443/a?b=c&d=%20"])
def test_one_setting_names_the_place_everywhere(url: str) -> None:
    headers = sent(csp={"html": POLICY}, csp_report_only=[POLICY, {"img-src": ["*"]}], reporting={"csp": url})
    assert headers["Reporting-Endpoints"] == f'csp="{url}"'
    asked = f"report-uri {url}; report-to csp"
    assert headers[CSP] == f"default-src 'self'; {asked}"
    assert headers[RO] == f"default-src 'self'; {asked}, img-src *; {asked}"


def test_over_http_only_the_old_place_is_named() -> None:
    # Chromium takes no endpoint over http, and ignores report-uri where report-to is present.
    headers = sent(scheme="http", csp={"html": POLICY}, csp_report_only=POLICY, reporting={"csp": "/r"})
    assert "Reporting-Endpoints" not in headers
    assert headers[CSP] == headers[RO] == "default-src 'self'; report-uri /r"


def test_a_policy_may_name_another_place() -> None:
    headers = sent(csp={"html": {**POLICY, "report-to": ["mine"], "report-uri": ["/mine"]}})
    assert headers[CSP] == "default-src 'self'; report-to mine; report-uri /mine"


def test_only_pages_report() -> None:
    for content_type in ("application/json", "image/png", "application/zip"):
        headers = sent(content_type, csp={"html": POLICY})
        assert "Reporting-Endpoints" not in headers
        assert "report" not in headers.get(CSP, "")
    assert "Reporting-Endpoints" not in sent(status=302, csp={"html": POLICY})
    assert "Reporting-Endpoints" not in sent(csp_report_only=False)


def test_without_the_setting_nothing_is_asked_for() -> None:
    headers = sent(csp={"html": POLICY}, csp_report_only=POLICY, reporting=None)
    assert "report" not in f"{headers[CSP]}{headers[RO]}"
    assert "Reporting-Endpoints" not in headers


def test_a_sample_of_the_responses_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0.0, 0.24, 0.25, 0.99])
    monkeypatch.setattr(_feature, "_drawn", lambda: next(drawn))
    options: dict[str, Any] = {"csp": {"html": POLICY}, "csp_report_only": {"img-src": ["*"]}}
    reporting = {"csp": "/r", "sample": 0.25}
    seen = [sent(reporting=reporting, **options) for _ in range(4)]
    assert ["Reporting-Endpoints" in headers for headers in seen] == [True, True, False, False]
    # What is enforced stays so; what only reports has nothing to do without a report.
    assert [headers[CSP] for headers in seen[1:3]] == [
        "default-src 'self'; report-uri /r; report-to csp",
        "default-src 'self'",
    ]
    assert [RO in headers for headers in seen] == [True, True, False, False]


def test_draws_are_between_0_and_1() -> None:
    assert all(0 <= _feature._drawn() < 1 for _ in range(100))


@pytest.mark.parametrize(
    ("reporting", "setting"),
    [
        ({}, "reporting.csp"),
        ({"csp": "reports"}, "reporting.csp"),
        ({"csp": "//evil.example/x"}, "reporting.csp"),
        ({"csp": "ftp://a.example/"}, "reporting.csp"),
        ({"csp": "https://a.example"}, "reporting.csp"),
        ({"csp": "/a b"}, "reporting.csp"),
        ({"csp": "/a;b"}, "reporting.csp"),
        ({"csp": "/a,b"}, "reporting.csp"),
        ({"csp": '/a"b'}, "reporting.csp"),
        ({"csp": "/a\r\nb"}, "reporting.csp"),
        ({"csp": "/é"}, "reporting.csp"),
        ({"csp": "/a\\b"}, "reporting.csp"),
        ({"csp": "/a'nonce'"}, "reporting.csp"),
        ({"csp": "/a", "sample": 0}, "reporting.sample"),
        ({"csp": "/a", "sample": 1.1}, "reporting.sample"),
    ],
)
def test_a_place_that_would_break_a_header_is_refused(reporting: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SecurityHeaders(reporting=reporting)
    assert caught.value.setting == f"security_headers.{setting}"
