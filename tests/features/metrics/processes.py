"""Processes that are made up: their files are real, and whether they run the test decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from perfkit.features.metrics import _multiprocess_files as files
from perfkit.features.metrics._multiprocess_collector import MultiprocessCollector
from perfkit.features.metrics._multiprocess_files import MultiprocessFiles

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client import Metric


def key(metric: str = "made", name: str = "", labels: Mapping[str, str] | None = None, text: str = "Made.") -> str:
    given = labels or {}
    made: str = mmap_key(metric, name or f"{metric}_total", list(given), list(given.values()), text)
    return made


class Process:
    """A process that writes as prometheus-client does; it opens its files when it first needs them."""

    started: ClassVar[list[Process]] = []

    def __init__(self, folder: Path, pid: int | str) -> None:
        self.started.append(self)
        self.folder = folder
        self.pid = pid
        self.files: dict[str, Any] = {}

    def open(self, kind: str) -> Any:
        if kind not in self.files:
            self.files[kind] = MmapedDict(str(self.folder / f"{kind}_{self.pid}.db"))
        return self.files[kind]

    def add(self, amount: float = 1, kind: str = "counter", name: str | None = None) -> None:
        file, name = self.open(kind), name or key()
        file.write_value(name, file.read_value(name)[0] + amount, 0.0)

    def set(self, value: float, kind: str, stamp: float = 0.0) -> None:
        self.open(kind).write_value(key("level", "level"), value, stamp)

    def end(self) -> None:
        for file in self.files.values():
            file.close()

    @classmethod
    def end_all(cls) -> None:
        while cls.started:
            cls.started.pop().end()


class Machine:
    """The processes that run, by their ids."""

    def __init__(self, folder: Path, monkeypatch: Any, *, own: int | None = None) -> None:
        self.folder = folder
        self.running: dict[int, Process] = {}
        self.files = MultiprocessFiles(folder)
        monkeypatch.setattr(files, "runs", self.runs)
        if own is not None:
            self.start(own)

    def runs(self, pid: int) -> bool:
        return pid in self.running

    def start(self, pid: int) -> Process:
        process = self.running[pid] = Process(self.folder, pid)
        return process

    def kill(self, pid: int) -> None:
        self.running.pop(pid).end()

    def names(self, pattern: str = "*.db") -> set[str]:
        return {path.name for path in self.folder.glob(pattern)}

    def everything(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {files.LOCK}

    def total(self) -> float:
        """What all processes counted, as a scrape shows it."""
        return sum(sample.value for metric in collected(self.files) for sample in metric.samples)


def collected(source: MultiprocessFiles) -> list[Metric]:
    return list(MultiprocessCollector(source).collect())


def values(metrics: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in metrics
        for sample in metric.samples
    }
