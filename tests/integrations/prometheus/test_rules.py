"""The rules and the configuration that integrations/prometheus brings, by Prometheus' own judge."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from perfkit import Thresholds
from perfkit._alerts import rules
from perfkit.features.metrics import MetricsOptions
from tests.proofs.tools import program

FOLDER = Path(__file__).parents[3] / "integrations" / "prometheus"


def promtool(*arguments: str | Path, folder: Path = FOLDER) -> str:
    """What promtool says; the test fails where it is not content."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def test_the_configuration_is_good() -> None:
    assert "2 rule files found" in promtool("check", "config", "prometheus.yml")


@pytest.mark.parametrize("name", ["alert.rules.yml", "recording.rules.yml"])
def test_the_rules_are_good(name: str) -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", name)


def test_the_rules_do_what_they_are_for() -> None:
    assert "SUCCESS" in promtool("test", "rules", "tests.yml")


def test_every_alert_is_tested() -> None:
    names = {line.split()[-1] for line in lines("alert.rules.yml") if "- alert:" in line}
    fired = "".join((FOLDER / "tests.yml").read_text().split("alertname: ")[1:])
    assert len(names) == 6
    assert {name for name in names if f"{name}\n        exp_alerts" in fired} == names


def test_every_record_is_tested() -> None:
    names = {line.split()[-1] for line in lines("recording.rules.yml") if "- record:" in line}
    asked = [line for line in lines("tests.yml") + lines("recording.rules.yml") if "expr:" in line]
    assert len(names) == 9
    assert {name for name in names if any(name in line for line in asked)} == names


def test_the_alerts_are_what_the_command_prints() -> None:
    printed = rules(None, None)
    assert (FOLDER / "alert.rules.yml").read_text() == printed, (
        "perfkit alerts > integrations/prometheus/alert.rules.yml"
    )


# What the command prints for thresholds

RULES: list[dict[str, Any]] = [
    {
        "name": "api",
        "match": {"prefix": "/api", "methods": ["GET"]},
        "p50": "100ms",
        "p95": "300ms",
        "p99": "900ms",
        "error_rate": "5%",
        "slow": "2s",
        "severity": "critical",
    },
    {
        "name": "odd",
        "match": {"route": ['/a"b\\{x}\n', "/ü\ud800\x7f+"]},
        "p95": 0.0005,
        "error_rate": 0,
        "window": "90s",
    },
]

LABELS = 'job="shop",{method}="GET",{route}="/api/books",{status}'
INPUT = """\
      - series: {requests}{{{labels}="200"}}
        values: 0+9x80
      - series: {requests}{{{labels}="500"}}
        values: 0+1x80
      - series: {requests}{{job="shop",{method}="POST",{route}="/api/books",{status}="500"}}
        values: 0+1000x80
      - series: {duration}_bucket{{{labels}="2xx",le="0.25"}}
        values: 0+7x80
      - series: {duration}_bucket{{{labels}="2xx",le="0.5"}}
        values: 0+8x80
      - series: {duration}_bucket{{{labels}="2xx",le="2.5"}}
        values: 0+9x80
      - series: {duration}_bucket{{{labels}="2xx",le="+Inf"}}
        values: 0+10x80
      - series: {duration}_count{{{labels}="2xx"}}
        values: 0+10x80
      - series: {duration}_count{{job="shop",{method}="GET",{route}="/apiary",{status}="2xx"}}
        values: 0+1000x80
"""
TESTS = """\
rule_files: [rules.yml]
tests:
  - interval: 15s
    input_series:
{input}
    alert_rule_test:
      - eval_time: 15m
        alertname: PerfkitThresholdP50
        exp_alerts:
          - exp_labels: {{severity: critical, rule: api, job: shop}}
            exp_annotations:
              summary: "shop: p50 of api is above 100 ms"
              description: "p50 of the last 5m is 178.6ms."
      - eval_time: 15m
        alertname: PerfkitThresholdP95
        exp_alerts:
          - exp_labels: {{severity: critical, rule: api, job: shop}}
            exp_annotations:
              summary: "shop: p95 of api is above 300 ms"
              description: "p95 of the last 5m is 2.5s."
      - eval_time: 15m
        alertname: PerfkitThresholdErrorRate
        exp_alerts:
          - exp_labels: {{severity: critical, rule: api, job: shop}}
            exp_annotations:
              summary: "shop: more than 5 % of the requests of api fail"
              description: "10% of those of the last 5m have failed."
      - eval_time: 15m
        alertname: PerfkitThresholdSlow
        exp_alerts:
          - exp_labels: {{severity: critical, rule: api, job: shop}}
            exp_annotations:
              summary: "shop: requests of api took more than 2.5 s"
              description: "20 of those of the last 5m did."
"""
NAMES = {
    "otel": {
        "requests": "http_server_requests_total",
        "duration": "http_server_request_duration_seconds",
        "method": "http_request_method",
        "route": "http_route",
        "status": "http_response_status_code",
    },
    "short": {
        "requests": "http_requests_total",
        "duration": "http_request_duration_seconds",
        "method": "method",
        "route": "handler",
        "status": "status",
    },
}


@pytest.mark.parametrize("names", ["otel", "short"])
def test_alerts_of_thresholds_fire(names: Any, tmp_path: Path) -> None:
    text = rules(MetricsOptions(names=names), Thresholds(rules=RULES).options)
    (tmp_path / "rules.yml").write_text(text, "utf-8")
    called = NAMES[names]
    series = INPUT.format(labels=LABELS.format(**called), **called)
    (tmp_path / "tests.yml").write_text(TESTS.format(input=series))
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", "rules.yml", folder=tmp_path)
    assert "SUCCESS" in promtool("test", "rules", "tests.yml", folder=tmp_path)


def lines(name: str) -> list[str]:
    return (FOLDER / name).read_text().splitlines()
