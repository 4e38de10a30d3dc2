"""A file of alerting rules: YAML, written by hand, since it takes no library to write what one knows.

Source: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from perfkit._alerts.naming import quoted

HEAD: Final = """\
# Alerting rules for Prometheus, made by `perfkit alerts`: make them again when the settings change.
"""


class Alert(NamedTuple):
    """One rule.

    Attributes:
        name: of the alert.
        expression: PromQL, in lines; what it gives is what is wrong.
        severity: the label ``severity``.
        summary: what is wrong, in a few words. A template, as the next one.
        description: the figures, and what may be done.
        after: how long it has to be wrong before somebody is told: ``"5m"``; None for at once.
        labels: more labels.
    """

    name: str
    expression: str
    severity: str
    summary: str
    description: str
    after: str | None = None
    labels: Mapping[str, str] = {}


class Group(NamedTuple):
    """Rules that are looked at together."""

    name: str
    alerts: tuple[Alert, ...]


def document(groups: Iterable[Group], notes: Iterable[str] = ()) -> str:
    """The file. Groups without rules are left out."""
    lines = [HEAD.rstrip("\n"), *(f"# {note}" for note in notes), "groups:"]
    for group in groups:
        if group.alerts:
            lines += [f"  - name: {group.name}", "    rules:"]
            for alert in group.alerts:
                lines += _alert(alert)
    return "\n".join(lines) + "\n"


def _alert(alert: Alert) -> Iterator[str]:
    yield f"      - alert: {alert.name}"
    yield "        expr: |"
    # A block, in which nothing needs quoting: all of it can be printed.
    yield from (f"          {line}" for line in alert.expression.splitlines())
    if alert.after is not None:
        yield f"        for: {alert.after}"
    yield from _mapping("labels", {"severity": alert.severity, **alert.labels})
    yield from _mapping("annotations", {"summary": alert.summary, "description": alert.description})


def _mapping(name: str, values: Mapping[str, str]) -> Iterator[str]:
    yield f"        {name}:"
    # In quotes, so that `on` and `1` are texts.
    yield from (f"          {key}: {quoted(value)}" for key, value in values.items())
