"""What several processes counted, as prometheus-client's registries collect it.

prometheus-client's own `MultiProcessCollector` reads each key of each file anew. As the same key stands in the files of
all processes, letter for letter, the values are combined first here and each key is read once; and the lock is held no
longer than it takes to read the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from perfkit.features.metrics._multiprocess_files import MultiprocessFiles
from perfkit.features.metrics._multiprocess_values import Stamped, combine

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

HISTOGRAM: Final = "histogram"
# Gauges of these kinds have a series for each process.
APART: Final = frozenset({"gauge_all", "gauge_liveall"})

Labels: TypeAlias = tuple[tuple[str, str], ...]


class Key(NamedTuple):
    """What tells one value from all others.

    Attributes:
        metric: name of the metric.
        sample: name of the value: that of the metric, maybe with a suffix.
        labels: names and values, in the order of the names.
        bound: of the bucket of a histogram; None for what is no bucket.
    """

    metric: str
    sample: str
    labels: Labels
    bound: str | None


class MultiprocessCollector:
    """Collects what all processes wrote.

    Args:
        files: where they wrote it.
    """

    def __init__(self, files: MultiprocessFiles) -> None:
        self._files = files

    def collect(self) -> Iterable[Metric]:
        """The metrics of all processes together."""
        raw: dict[tuple[str, str], dict[str, Stamped]] = {}
        for kind, process, entries in self._files.read():
            combine(kind, raw.setdefault((kind, process if kind in APART else ""), {}), entries)
        helps: dict[str, str] = {}
        kinds: dict[str, dict[Key, Stamped]] = {}
        for (kind, process), values in raw.items():
            # Combined once more: the help is part of what stands in a file, and a new release may change it.
            combine(kind, kinds.setdefault(kind, {}), _parsed(kind, process, values, helps))
        for kind, series in kinds.items():
            yield from _metrics(kind.partition("_")[0], series, helps)


def _parsed(
    kind: str, process: str, values: Mapping[str, Stamped], helps: dict[str, str]
) -> Iterator[tuple[Key, float, float]]:
    """Values by their keys, as they were written; keeps the helps of the metrics."""
    for text, (value, stamp) in values.items():
        try:
            key = _key(kind, process, text, helps)
        except (ValueError, TypeError, AttributeError):  # damaged
            continue
        yield key, value, stamp


def _key(kind: str, process: str, text: str, helps: dict[str, str]) -> Key:
    metric, sample, labels, helps[metric] = json.loads(text)
    bound = labels.pop("le", None) if kind == HISTOGRAM else None
    if process:
        labels["pid"] = process
    return Key(metric, sample, tuple(labels.items()), bound)


def _metrics(kind: str, series: Mapping[Key, Stamped], helps: Mapping[str, str]) -> Iterator[Metric]:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

    # All of the same labels has to stand together (OpenMetrics, "Interleaving").
    found: dict[str, dict[Labels, list[tuple[Key, float]]]] = {}
    for key, (value, _) in series.items():
        found.setdefault(key.metric, {}).setdefault(key.labels, []).append((key, value))
    for name, points in found.items():
        metric = Metric(name, helps[name], kind)
        for labels, values in points.items():
            if kind == HISTOGRAM:
                metric.samples += _histogram(name, dict(labels), values)
            else:
                metric.samples += [Sample(key.sample, dict(labels), value) for key, value in values]
        yield metric


def _histogram(name: str, labels: dict[str, str], values: list[tuple[Key, float]]) -> Iterator[Sample]:
    """The samples of one histogram, whose buckets were counted each for itself."""
    from prometheus_client.samples import Sample

    buckets = sorted((float(key.bound), key.bound, value) for key, value in values if key.bound is not None)
    count = 0.0
    for _, bound, value in buckets:
        count += value
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, count)
    yield Sample(f"{name}_count", labels, count)
    for key, value in values:
        if key.bound is None:
            yield Sample(key.sample, labels, value)
