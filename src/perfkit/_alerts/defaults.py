"""The alerts that suit every application."""

from __future__ import annotations

from collections.abc import Iterator

from perfkit._alerts.document import Alert
from perfkit._alerts.expressions import enough_requests, error_share
from perfkit._alerts.naming import Matcher, Naming
from perfkit.features.metrics._series import ACTIVE, LOOP_LAG, OVERFLOW, RATE_LIMIT


def defaults(naming: Naming) -> Iterator[Alert]:
    """What is wrong wherever it happens."""
    yield _down(naming)
    yield Alert(
        "PerfkitHighErrorRate",
        f"{error_share(naming, '5m')}\n> 0.05\n{enough_requests(naming, '5m', 20)}",
        "critical",
        "{{ $labels.job }}: more than 5 % of the requests fail",
        "{{ $value | humanizePercentage }} of the requests of the last 5 minutes have failed.",
        after="5m",
    )
    yield Alert(
        "PerfkitEventLoopLag",
        "histogram_quantile(0.99,\n"
        f"  sum by (job, instance, le) (rate({naming.select(LOOP_LAG, suffix='_bucket')}[5m]))\n"
        ") > 0.25",
        "warning",
        "{{ $labels.instance }}: the event loop is held up",
        "1 of 100 times it was {{ $value | humanizeDuration }} late: something blocks it, or there is too much to do.",
        after="5m",
    )
    yield from _rate_limit(naming)
    yield Alert(
        "PerfkitMetricsOverflow",
        f"sum by (job, metric) (increase({naming.select(OVERFLOW)}[1h])) > 0",
        "info",
        "{{ $labels.job }}: {{ $labels.metric }} has as many series as it may have",
        "New combinations of its labels count as __overflow__: see metrics.max_series, and look for the label.",
    )


def _down(naming: Naming) -> Alert:
    expression = f"{naming.select_name('up')} == 0"
    if naming.job is None:  # other targets of the same Prometheus are not ours to watch
        expression += f"\nand on (job, instance) present_over_time({naming.select(ACTIVE)}[1d])"
    return Alert(
        "PerfkitInstanceDown",
        expression,
        "critical",
        "{{ $labels.instance }} of {{ $labels.job }} is down",
        "Prometheus cannot collect its metrics.",
        after="1m",
    )


def _rate_limit(naming: Naming) -> Iterator[Alert]:
    yield Alert(
        "PerfkitRateLimitStoreErrors",
        f"sum by (job) (rate({naming.select(RATE_LIMIT, Matcher('outcome', '=', 'store_error'))}[5m])) > 0",
        "warning",
        "{{ $labels.job }}: the store of the rate limit does not answer",
        '{{ $value | printf "%.3g" }} requests a second were decided without it, as rate_limit.on_error says.',
        after="2m",
    )
    refused = naming.select(RATE_LIMIT, Matcher("outcome", "=~", "banned|refused"))
    decided = naming.select(RATE_LIMIT, Matcher("outcome", "=~", "allowed|banned|refused"))
    yield Alert(
        "PerfkitRateLimitRefusesMany",
        f"sum by (job, rule) (rate({refused}[15m]))\n/ sum by (job, rule) (rate({decided}[15m]))\n> 0.1",
        "info",
        "{{ $labels.job }}: the rate limit {{ $labels.rule }} refuses many requests",
        "It has refused {{ $value | humanizePercentage }} of them in the last 15 minutes: an attack, or a tight limit.",
        after="15m",
    )
