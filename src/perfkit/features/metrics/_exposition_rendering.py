"""Writes the metrics of a registry as text, whatever one of its collectors does."""

from __future__ import annotations

import copy
import logging
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from perfkit.exchange import CONTENT_TYPE, HeaderName, Reply
from perfkit.features.metrics._exposition_formats import OPENMETRICS, Encoder, encoder

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

logger = logging.getLogger("perfkit")

CACHE_CONTROL: Final = HeaderName("Cache-Control")
CONTENT_ENCODING: Final = HeaderName("Content-Encoding")
VARY: Final = HeaderName("Vary")

# What OpenMetrics ends with.
END: Final = b"# EOF\n"
# Metrics repeat themselves: level 1 makes a thirtieth of them, in half the time in which level 6 makes a little less.
LEVEL: Final = 1
GZIP_WINDOW: Final = 31  # 32 KiB, and a gzip header


class Rendering:
    """Writes the metrics of a registry.

    Metrics are written one by one, so that one that cannot be written is left out and the others are not. Its error
    is logged, once for each kind.

    Args:
        registry: a registry of prometheus-client's, or anything with its `collect`.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._reported: set[tuple[str, type[Exception]]] = set()

    def reply(self, words: str, names: frozenset[str], *, gzip: bool) -> Reply:
        """The whole answer to a scrape.

        Args:
            words: the format, as `chosen` gave it.
            names: of the samples that are wanted; empty for all.
            gzip: whether to compress it.
        """
        encode, content_type = encoder(words)
        chunks = self._chunks(encode, names)
        if content_type.startswith(OPENMETRICS):
            chunks = _ended(chunks)
        headers = {CONTENT_TYPE: content_type, CACHE_CONTROL: "no-store", VARY: "Accept, Accept-Encoding"}
        if gzip:
            headers[CONTENT_ENCODING] = "gzip"
            chunks = _compressed(chunks)
        return Reply(200, headers, b"".join(chunks))

    def _chunks(self, encode: Encoder, names: frozenset[str]) -> Iterator[bytes]:
        for source, metric in self._metrics():
            wanted = _restricted(metric, names) if names else metric
            if wanted is not None:
                yield self._encoded(encode, wanted, source)

    def _metrics(self) -> Iterator[tuple[str, Metric]]:
        """The metrics, each with the name of what collects it."""
        for collector in self._collectors():
            source = type(collector).__qualname__
            try:
                for metric in collector.collect():
                    yield source, metric
            except Exception as error:  # noqa: BLE001 - it is somebody else's, and the others are still wanted
                self._report(source, error)

    def _collectors(self) -> Iterable[Any]:
        """What is registered, or the registry itself where that is not prometheus-client's own.

        Its own `collect` ends with the first collector that fails.
        """
        registry = self._registry
        registered = getattr(registry, "_collector_to_names", None)
        if registered is None:
            return (registry,)
        return (_TargetInfo(registry), *list(registered))

    def _encoded(self, encode: Encoder, metric: Metric, source: str) -> bytes:
        try:
            try:
                return encode(_Only(metric))
            except Exception:  # noqa: BLE001 - most likely it is the text of a label
                return encode(_Only(_clean(metric)))
        except Exception as error:  # noqa: BLE001 - it is somebody else's, and the others are still wanted
            self._report(f"{source} ({getattr(metric, 'name', metric)!r})", error)
            return b""

    def _report(self, what: str, error: Exception) -> None:
        if (what, type(error)) not in self._reported and len(self._reported) < 100:
            self._reported.add((what, type(error)))
            logger.error(
                "metrics: %s failed and is left out of the scrape; later errors of this kind are not logged",
                what,
                exc_info=error,
            )


class _Only:
    """A registry of one metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return (self._metric,)


class _TargetInfo:
    """What a registry says of itself, which no collector does."""

    def __init__(self, registry: Any) -> None:
        self._labels = registry.get_target_info()

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.metrics_core import InfoMetricFamily

        return (InfoMetricFamily("target", "Target metadata", self._labels),) if self._labels else ()


def _restricted(metric: Metric, names: frozenset[str]) -> Metric | None:
    """The metric with the samples of these names only; None where it has none of them."""
    return _with(metric, [sample for sample in metric.samples if sample.name in names])


def _with(metric: Metric, samples: list[Sample]) -> Metric | None:
    if not samples:
        return None
    restricted = copy.copy(metric)
    restricted.samples = samples
    return restricted


def _clean(metric: Metric) -> Metric:
    """The metric with texts that can be written: lone surrogates become what Python shows of them."""
    cleaned = copy.copy(metric)
    cleaned.documentation = _text(metric.documentation)
    cleaned.samples = [_clean_sample(sample) for sample in metric.samples]
    return cleaned


def _clean_sample(sample: Sample) -> Sample:
    exemplar = sample.exemplar
    if exemplar is not None:
        exemplar = exemplar._replace(labels=_texts(exemplar.labels))
    return sample._replace(labels=_texts(sample.labels), exemplar=exemplar)


def _texts(labels: Any) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in labels.items()}


def _text(value: object) -> str:
    # Not "replace", which would make one text of two, and one series of two.
    return str(value).encode("utf-8", "backslashreplace").decode()


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Several OpenMetrics texts as one."""
    for chunk in chunks:
        yield chunk.removesuffix(END)
    yield END


def _compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    for chunk in chunks:
        yield deflate.compress(chunk)
    yield deflate.flush()
