"""The alerts that say of all processes together what the feature `Thresholds` says of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfkit._alerts.document import Alert
from perfkit._alerts.expressions import enough_durations, enough_requests, error_share
from perfkit._alerts.naming import Matcher, Naming, any_of, literal
from perfkit.features.metrics._labels import METHODS, OTHER
from perfkit.features.metrics._series import DURATION, METHOD, ROUTE
from perfkit.features.thresholds import Match, Rule
from perfkit.features.thresholds._options import PERCENTILES
from perfkit.features.thresholds._quantities import duration_text, share, share_text

AFTER = "2m"


def thresholds(rule: Rule, naming: Naming, bounds: Sequence[float]) -> Iterator[Alert]:
    """One alert for each limit of the rule that the buckets can tell.

    Args:
        rule: the rule.
        naming: how series are called.
        bounds: of the buckets of durations, in seconds.
    """
    matchers = matchers_of(rule.match)
    window = prometheus_duration(rule.window_seconds())
    for option in PERCENTILES:
        limit = rule.duration(option)
        if limit is not None and limit < bounds[-1]:
            yield _percentile(rule, naming, matchers, (option, limit))
    if rule.error_rate is not None:
        limit = float(share("error_rate", rule.error_rate))
        yield Alert(
            "PerfkitThresholdErrorRate",
            f"{error_share(naming, window, *matchers)}\n> {limit:.12g}\n"
            f"{enough_requests(naming, window, rule.minimum, *matchers)}",
            rule.severity,
            f"{{{{ $labels.job }}}}: more than {share_text(limit)} of the requests of {rule.name} fail",
            f"{{{{ $value | humanizePercentage }}}} of those of the last {window} have failed.",
            after=AFTER,
            labels={"rule": rule.name},
        )
    slow = rule.duration("slow")
    if slow is not None and slow <= bounds[-1]:
        yield _slow(rule, naming, matchers, min(bound for bound in bounds if bound >= slow))


def left_out(rule: Rule, bounds: Sequence[float]) -> Iterator[str]:
    """Which limits of the rule no alert can be made of, and what would help."""
    longest = bounds[-1]
    for option in (*PERCENTILES, "slow"):
        limit = rule.duration(option)
        if limit is not None and (limit > longest or (limit == longest and option != "slow")):
            yield (
                f"Left out: {option} of {rule.name}. {duration_text(limit)} is beyond the buckets of the metrics, "
                f"which go to {duration_text(longest)}: see metrics.buckets."
            )


def _percentile(rule: Rule, naming: Naming, matchers: Sequence[Matcher], limit: tuple[str, float]) -> Alert:
    name, seconds = limit
    window = prometheus_duration(rule.window_seconds())
    buckets = naming.select(DURATION, *matchers, suffix="_bucket")
    return Alert(
        f"PerfkitThreshold{name.upper()}",
        f"histogram_quantile(0.{name.removeprefix('p')},\n"
        f"  sum by (job, le) (rate({buckets}[{window}]))\n"
        f") > {seconds:.12g}\n"
        f"{enough_durations(naming, window, rule.minimum, *matchers)}",
        rule.severity,
        f"{{{{ $labels.job }}}}: {name} of {rule.name} is above {duration_text(seconds)}",
        f"{name} of the last {window} is {{{{ $value | humanizeDuration }}}}.",
        after=AFTER,
        labels={"rule": rule.name},
    )


def _slow(rule: Rule, naming: Naming, matchers: Sequence[Matcher], bound: float) -> Alert:
    window = prometheus_duration(rule.window_seconds())
    counted = naming.select(DURATION, *matchers, suffix="_count")
    quick = naming.select(DURATION, *matchers, Matcher("le", "=", repr(float(bound))), suffix="_bucket")
    return Alert(
        "PerfkitThresholdSlow",
        # Half a request, since both sides are rounded floats.
        f"sum by (job) (increase({counted}[{window}]))\n- sum by (job) (increase({quick}[{window}]))\n> 0.5",
        rule.severity,
        f"{{{{ $labels.job }}}}: requests of {rule.name} took more than {duration_text(bound)}",
        f'{{{{ $value | printf "%.3g" }}}} of those of the last {window} did.',
        labels={"rule": rule.name},
    )


def matchers_of(match: Match) -> tuple[Matcher, ...]:
    """The series of the requests that a rule is for. A path is held against the template of the route."""
    found: list[Matcher] = []
    if match.all_methods:
        # Methods without a name in the metrics share one.
        known = dict.fromkeys(method if method in METHODS else OTHER for method in match.all_methods)
        found.append(any_of(METHOD, known))
    if match.routes:
        found.append(any_of(ROUTE, match.routes))
    if match.patterns:
        found.append(Matcher(ROUTE, "=~", "|".join(map(_pattern, match.patterns))))
    return tuple(found)


def _pattern(path: str) -> str:
    return ".*".join(map(literal, path.split("*")))


def prometheus_duration(seconds: float) -> str:
    """A duration as PromQL has it: ``"5m"``, ``"90s"``, ``"1500ms"``."""
    for unit, size in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"
