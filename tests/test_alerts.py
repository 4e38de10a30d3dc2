"""`perfkit alerts`: what it prints for which settings. What Prometheus says is in tests/integrations."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Thresholds, cli
from perfkit._alerts import rules
from perfkit._alerts.document import Alert, Group, document
from perfkit._alerts.naming import Naming, literal, quoted
from perfkit._alerts.thresholds import prometheus_duration
from perfkit.features.metrics import MetricsOptions
from perfkit.features.metrics._series import REQUESTS


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)


def alerts(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The alerts of a file, by their name and the rule they are for."""
    found = [alert for group in yaml.safe_load(text)["groups"] for alert in group["rules"]]
    by_name = {(alert["alert"], alert["labels"].get("rule", "")): alert for alert in found}
    assert len(by_name) == len(found)
    return by_name


def printed(rule: dict[str, Any], metrics: MetricsOptions | None = None, job: str | None = None) -> str:
    section = Thresholds(rules=[{"name": "api", **rule}]).options
    return rules(metrics, section, job)


def expression(rule: dict[str, Any], name: str, metrics: MetricsOptions | None = None) -> str:
    expression: str = alerts(printed(rule, metrics))[name, "api"]["expr"]
    return expression


# The command


def test_without_thresholds_it_prints_what_suits_every_application(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["alerts"]) == 0
    assert set(alerts(capsys.readouterr().out)) == {
        ("PerfkitInstanceDown", ""),
        ("PerfkitHighErrorRate", ""),
        ("PerfkitEventLoopLag", ""),
        ("PerfkitRateLimitStoreErrors", ""),
        ("PerfkitRateLimitRefusesMany", ""),
        ("PerfkitMetricsOverflow", ""),
    }


def test_it_prints_an_alert_for_each_limit_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("perfkit.toml").write_text(
        """
        [[thresholds.rules]]
        name = "api"
        match = { prefix = "/api" }
        p50 = "100ms"
        p95 = "300ms"
        p99 = 1
        error_rate = "5%"
        slow = "2s"
        severity = "critical"
        """
    )
    assert cli.main(["alerts"]) == 0
    found = {name: alert for (name, rule), alert in alerts(capsys.readouterr().out).items() if rule == "api"}
    assert list(found) == [
        "PerfkitThresholdP50",
        "PerfkitThresholdP95",
        "PerfkitThresholdP99",
        "PerfkitThresholdErrorRate",
        "PerfkitThresholdSlow",
    ]
    for alert in found.values():
        assert alert["labels"] == {"severity": "critical", "rule": "api"}
        assert 'http_route=~"/api|/api/.*"' in alert["expr"]


def test_it_uses_the_names_of_the_metrics(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFKIT_METRICS__NAMES", "short")
    assert cli.main(["alerts"]) == 0
    out = capsys.readouterr().out
    assert "http_requests_total{status=~" in out
    assert "http_server_" not in out


def test_it_can_be_for_one_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["alerts", "--job", "shop"]) == 0
    found = alerts(capsys.readouterr().out)
    assert found["PerfkitInstanceDown", ""]["expr"] == 'up{job="shop"} == 0\n'
    for alert in found.values():
        assert alert["expr"].count('{job="shop"') == len(re.findall(r"_(?:total|bucket|count)\b|\bup\b", alert["expr"]))


def test_it_says_what_is_wrong_with_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("perfkit.toml").write_text('[[thresholds.rules]]\nname = "api"\n')
    assert cli.main(["alerts"]) == 2
    assert capsys.readouterr().err.startswith(
        "perfkit: thresholds.rules[0].p95: the rule has no limit (in perfkit.toml)"
    )


# Expressions


def test_a_percentile() -> None:
    assert expression({"p95": "300ms", "window": "10m", "minimum": 50}, "PerfkitThresholdP95") == (
        "histogram_quantile(0.95,\n"
        "  sum by (job, le) (rate(http_server_request_duration_seconds_bucket[10m]))\n"
        ") > 0.3\n"
        "and sum by (job) (increase(http_server_request_duration_seconds_count[10m])) >= 50\n"
    )


def test_a_slow_request_by_the_next_bucket() -> None:
    assert expression({"slow": "2s"}, "PerfkitThresholdSlow") == (
        "sum by (job) (increase(http_server_request_duration_seconds_count[5m]))\n"
        '- sum by (job) (increase(http_server_request_duration_seconds_bucket{le="2.5"}[5m]))\n'
        "> 0.5\n"
    )


@pytest.mark.parametrize(("slow", "bound"), [("1s", "1.0"), (10, "10.0"), ("10ms", "0.01"), ("11ms", "0.025")])
def test_bounds_are_written_as_the_exposition_has_them(slow: str | float, bound: str) -> None:
    assert f'le="{bound}"' in expression({"slow": slow}, "PerfkitThresholdSlow")


def test_buckets_of_your_own_count() -> None:
    metrics = MetricsOptions(buckets=(0.1, 3, 30))
    assert 'le="3.0"' in expression({"slow": "2s"}, "PerfkitThresholdSlow", metrics)
    assert ") > 20" in expression({"p50": "20s"}, "PerfkitThresholdP50", metrics)


def test_what_the_buckets_cannot_tell_is_left_out_and_said() -> None:
    text = printed({"p50": "10s", "p95": "20s", "p99": "9.9s", "slow": "12s", "error_rate": "5%"})
    assert {name for name, rule in alerts(text) if rule} == {"PerfkitThresholdP99", "PerfkitThresholdErrorRate"}
    assert [line for line in text.splitlines() if line.startswith("# Left out")] == [
        f"# Left out: {limit} of api. {what} is beyond the buckets of the metrics, which go to 10 s: "
        "see metrics.buckets."
        for limit, what in [("p50", "10 s"), ("p95", "20 s"), ("slow", "12 s")]
    ]


@pytest.mark.parametrize(
    ("match", "selector"),
    [
        ({"path": "/login"}, '{http_route=~"/login|/login/"}'),
        ({"path": "/a.b/*/c*"}, r'{http_route=~"/a\\.b/.*/c.*"}'),
        ({"prefix": "/api/"}, '{http_route=~"/api|/api/.*"}'),
        ({"prefix": "/"}, ""),
        ({"path": "*"}, ""),
        ({"route": "/books/{id}"}, '{http_route="/books/{id}"}'),
        ({"route": ["a/<int:id>/", "/b+"]}, r'{http_route=~"/a/<int:id>/|/b\\+"}'),
        ({"methods": ["get"]}, '{http_request_method=~"GET|HEAD"}'),
        ({"methods": ["POST"]}, '{http_request_method="POST"}'),
        ({"methods": ["PROPFIND", "MKCOL"]}, '{http_request_method="_OTHER"}'),
        ({"path": "/", "methods": ["PUT"]}, '{http_request_method="PUT",http_route=~"/"}'),
    ],
)
def test_a_rule_is_for_the_series_of_its_requests(match: dict[str, Any], selector: str) -> None:
    found = expression({"p50": 1, "match": match}, "PerfkitThresholdP50")
    assert f"_bucket{selector}[5m]" in found
    assert f"_count{selector}[5m]" in found


@pytest.mark.parametrize(
    ("seconds", "text"), [(300, "5m"), (90, "90s"), (3600, "1h"), (86_400, "24h"), (10.5, "10500ms"), (5400, "90m")]
)
def test_durations_are_those_of_promql(seconds: float, text: str) -> None:
    assert prometheus_duration(seconds) == text


# Safe, whatever is in it


@given(st.text())
def test_a_text_is_a_string_of_promql(text: str) -> None:
    written = quoted(text)
    assert written.isprintable()
    # Python knows all the escapes that are used.
    assert ast.literal_eval(written) == text.encode("utf-8", "replace").decode()


@given(st.text())
def test_a_text_in_a_regular_expression_fits_itself_alone(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), f"{text}x")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text())
def test_the_file_is_yaml_whatever_is_in_it(text: str, value: str) -> None:
    asked = Naming(job=value).select(REQUESTS)
    alert = Alert("Name", f"{asked}\n  > 1", text, text, text, labels={"rule": text})
    [group] = yaml.safe_load(document([Group("perfkit", (alert,))]))["groups"]
    assert group["rules"] == [
        {
            "alert": "Name",
            "expr": f"{asked}\n  > 1\n",
            "labels": {"severity": text, "rule": text},
            "annotations": {"summary": text, "description": text},
        }
    ]
