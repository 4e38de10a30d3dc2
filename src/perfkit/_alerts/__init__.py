"""``perfkit alerts``: alerting rules for Prometheus, made of the settings.

They are about the series of `perfkit.features.metrics`, by the names that its options give them.
"""

from __future__ import annotations

from perfkit._alerts.defaults import defaults
from perfkit._alerts.document import Group, document
from perfkit._alerts.naming import Naming
from perfkit._alerts.thresholds import left_out, thresholds
from perfkit.features.metrics import MetricsOptions
from perfkit.features.thresholds import ThresholdsOptions

__all__ = ["rules"]


def rules(metrics: MetricsOptions | None, section: ThresholdsOptions | None, job: str | None = None) -> str:
    """A file of alerting rules: those for every application, and those for the thresholds in the settings.

    Args:
        metrics: the section ``metrics``, whose options say how series are called and which buckets there are.
        section: the section ``thresholds``.
        job: only series of this job of Prometheus; by default of all jobs, each for itself.
    """
    options = metrics or MetricsOptions()
    naming = Naming(options.names, job)
    groups = [Group("perfkit", tuple(defaults(naming)))]
    notes: list[str] = []
    if section is not None:
        alerts = [alert for rule in section.rules for alert in thresholds(rule, naming, options.bounds)]
        groups.append(Group("perfkit-thresholds", tuple(alerts)))
        notes = [note for rule in section.rules for note in left_out(rule, options.bounds)]
    return document(groups, notes)
