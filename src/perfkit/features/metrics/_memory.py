"""The values of one process, and what shows them to prometheus-client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Shown
from prometheus_client.samples import Exemplar as ShownExemplar
from prometheus_client.samples import Sample
from prometheus_client.utils import INF, floatToGoString

from perfkit.features.metrics._cells import DistributionCell, Exemplar, NumberCell
from perfkit.features.metrics._families import Labels, Metric

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

C = TypeVar("C")
F = TypeVar("F", bound=Shown)

# How many series are copied while the lock is held: 0.1 ms for histograms. Requests in other threads wait meanwhile.
SLICE: Final = 256


class Table(Generic[C]):
    """The cells of one metric, in the order they were made."""

    def __init__(self, metric: Metric, make: Callable[[Labels], C]) -> None:
        self.metric = metric
        self.cells: list[C] = []
        self._make = make

    def open(self, labels: Labels) -> C:
        """Make the cell of these labels."""
        cell = self._make(labels)
        self.cells.append(cell)
        return cell


class MemoryBackend:
    """Keeps the values in memory.

    Attributes:
        number_tables: counters and gauges.
        distribution_tables: histograms.
    """

    def __init__(self) -> None:
        self.number_tables: list[Table[NumberCell]] = []
        self.distribution_tables: list[Table[DistributionCell]] = []

    def numbers(self, metric: Metric) -> Callable[[Labels], NumberCell]:
        table = Table(metric, NumberCell)
        self.number_tables.append(table)
        return table.open

    def distributions(self, metric: Metric) -> Callable[[Labels], DistributionCell]:
        table = Table(metric, partial(DistributionCell, bounds=metric.bounds))
        self.distribution_tables.append(table)
        return table.open


class Collector:
    """Shows the values to the registry of prometheus-client.

    Args:
        memory: where they are.
        lock: that of the recorder.
        flush: counts what still waits to be counted.
        figures: gives the metrics of what features count by themselves.
    """

    def __init__(
        self,
        memory: MemoryBackend,
        lock: AbstractContextManager[Any],
        flush: Callable[[], None],
        figures: Callable[[], Iterable[Shown]],
    ) -> None:
        self._numbers = memory.number_tables
        self._distributions = memory.distribution_tables
        self._lock = lock
        self._flush = flush
        self._figures = figures

    def describe(self) -> Iterator[Shown]:
        """The metrics without their values: what the registry compares with the names it has."""
        for numbers in self._numbers:
            yield _number_family(numbers.metric)
        for distributions in self._distributions:
            yield _distribution_family(distributions.metric)

    def collect(self) -> Iterator[Shown]:
        """The metrics that have values."""
        self._flush()
        for numbers in self._numbers:
            if numbers.cells:
                yield self._collected_numbers(numbers)
        for distributions in self._distributions:
            if distributions.cells:
                yield self._collected_distributions(distributions)
        yield from self._figures()

    def _collected_numbers(self, table: Table[NumberCell]) -> Shown:
        return _showing(_number_family(table.metric), partial(self._numbers_of, table))

    def _collected_distributions(self, table: Table[DistributionCell]) -> Shown:
        return _showing(_distribution_family(table.metric), partial(self._distributions_of, table))

    def _numbers_of(self, table: Table[NumberCell]) -> Iterator[Sample]:
        name, names = table.metric.name, table.metric.labels
        for cells in slices(table.cells):
            with self._lock:
                values = [cell.value for cell in cells]
            for cell, value in zip(cells, values, strict=True):
                yield Sample(name, dict(zip(names, cell.labels, strict=True)), value)

    def _distributions_of(self, table: Table[DistributionCell]) -> Iterator[Sample]:
        bounds = [floatToGoString(bound) for bound in (*table.metric.bounds, INF)]  # type: ignore[no-untyped-call]
        for cells in slices(table.cells):
            # Of all in one list, since with a list for each the garbage collector might run while the lock is held.
            counts: list[int] = []
            totals: list[float] = []
            exemplars: list[dict[int, tuple[float, Exemplar]] | None] = []
            with self._lock:
                for cell in cells:
                    counts += cell.counts
                    totals.append(cell.total)
                    exemplars.append(cell.exemplars and cell.exemplars.copy())
            for index, (cell, total, told) in enumerate(zip(cells, totals, exemplars, strict=True)):
                own = counts[index * len(bounds) : (index + 1) * len(bounds)]
                labels = dict(zip(table.metric.labels, cell.labels, strict=True))
                yield from _distribution(table.metric.name, labels, bounds, own, total, told or {})


class Samples(Sequence[Sample]):
    """The samples of a metric, each of which is made when it is wanted, and made anew each time.

    Of very many in a list, the garbage collector would look through all, again and again, while nothing else could run:
    of 10,000 histograms for a tenth of a second. It never sees those that are gone as soon as they are written.

    Args:
        make: makes them.
    """

    def __init__(self, make: Callable[[], Iterator[Sample]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Sample]:
        return self._make()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        return list(self)[index]


def _showing(family: F, make: Callable[[], Iterator[Sample]]) -> F:
    """The family with these samples."""
    family.samples = Samples(make)  # type: ignore[assignment] # a list says its annotation; all it needs is to go over it
    return family


def _distribution(
    name: str,
    labels: dict[str, str],
    bounds: Sequence[str],
    counts: Sequence[int],
    total: float,
    exemplars: Mapping[int, tuple[float, Exemplar]],
) -> Iterator[Sample]:
    """The samples of one histogram, as prometheus-client makes them: each bucket has those below it in it too."""
    count = 0
    for index, (bound, own) in enumerate(zip(bounds, counts, strict=True)):
        count += own
        told = exemplars.get(index)
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, count, None, told and _shown(*told))
    yield Sample(f"{name}_count", labels, count)
    yield Sample(f"{name}_sum", labels, total)


def _shown(value: float, exemplar: Exemplar) -> ShownExemplar:
    labels, time = exemplar
    return ShownExemplar(labels, value, time)


def slices(cells: list[C]) -> Iterator[list[C]]:
    """The cells there are by now, some at a time. None is ever removed."""
    for start in range(0, len(cells), SLICE):
        yield cells[start : start + SLICE]


def _number_family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.series.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.series.help, labels=metric.labels)


def _distribution_family(metric: Metric) -> HistogramMetricFamily:
    return HistogramMetricFamily(metric.name, metric.series.help, labels=metric.labels)
