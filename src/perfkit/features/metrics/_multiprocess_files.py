"""The files in which the processes of a server leave their counts for whoever is scraped.

prometheus-client writes one file for each kind of metric and each process, named after the process id, and never
deletes those of counters and histograms: a total must not fall because a process ended. Here the files of ended
processes are folded into one archive for each kind, under a lock that everybody takes who reads or folds.

The steps of a fold, so that a crash between any two of them neither loses nor doubles a count:

1. Claim: the files of ended processes are renamed, so that no new process with the same id can open them.
2. Write the new archives (old archive and claims summed up) beside the old ones.
3. Commit: create the mark. From here on the new archives count.
4. Rename the new archives over the old ones, delete the claims, delete the mark.

Whoever takes the lock first clears up after a crash: with the mark, step 4 is done again; without it, the new archives
are dropped, and the claims wait for the next fold.
"""

from __future__ import annotations

import logging
import os
import re
import struct
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from perfkit.errors import ConfigurationError
from perfkit.features.metrics._multiprocess_ids import identity, is_id, open_files, runs
from perfkit.features.metrics._multiprocess_values import Stamped, combine

logger = logging.getLogger("perfkit")

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

LOCK: Final = "perfkit.lock"
MARK: Final = "perfkit.committed"
NEW: Final = ".new"
CLAIMED: Final = ".dead"
# Stands in the name of an archive where the others have the process id. prometheus-client's own collector reads it too.
ARCHIVE: Final = "archive"

_NAME: Final = re.compile(
    r"(?P<kind>counter|histogram|summary|gauge_(?:live)?(?:all|sum|max|min|mostrecent))_(?P<process>[^.]+)\.db"
)
# Gauges that have a series for each process, ended or not: nothing to fold.
_KEPT: Final = "gauge_all"

# In a file a key is the JSON text in which prometheus-client writes name, labels and help.
Entries: TypeAlias = "Iterable[tuple[str, float, float]]"


class Reading(NamedTuple):
    """What one file said when it was read.

    Attributes:
        kind: of metric: ``counter``, ``histogram``, ``summary``, or ``gauge_`` with the mode.
        process: the id of the process that wrote it, or `ARCHIVE`.
        entries: key, value and time. To be gone through once; the file is not needed for it.
    """

    kind: str
    process: str
    entries: Entries


def multiprocess_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The directory that processes share; None where the environment names none.

    Raises:
        ConfigurationError: there is no such directory, or it cannot be written.
    """
    if VARIABLE not in environ:
        return None
    name = environ[VARIABLE]
    mend = "create it, empty and writable for the server, before the server starts, or unset the variable"
    if not name or not Path(name).is_dir():
        raise ConfigurationError(VARIABLE, f"{name!r} is not a directory", mend)
    if not os.access(name, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(VARIABLE, f"{name!r} cannot be written by this process", mend)
    return Path(name)


class MultiprocessFiles:
    """The files of one directory.

    Only files named after a process id are folded, which is what prometheus-client does unless it is told otherwise.

    Args:
        directory: where they are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._damaged: set[str] = set()

    def read(self) -> list[Reading]:
        """What all processes, ended ones included, have counted so far.

        Ended processes found on the way are folded, where this process itself writes into the directory: otherwise it
        may be in another container, which sees other processes, and the ids would tell it nothing.
        """
        with self._locked():
            self._clear_up()
            if self._is_written_here():
                self._fold({int(process) for _, _, process in self._files() if is_id(process)})
            return [Reading(kind, process, self._entries(path)) for path, kind, process in self._files()]

    def bury(self, ended: Collection[int]) -> bool:
        """Fold the files of processes that have ended.

        Returns:
            False where somebody else reads or folds at the moment: nothing is waited for, and nothing was done.
        """
        with self._locked(wait=False) as locked:
            if locked:
                self._clear_up()
                self._fold(ended)
            return locked

    def _is_written_here(self) -> bool:
        """Whether this process writes files that are named after its id.

        The name alone says little: uWSGI may count its workers from 1, and ids in a container are as low.
        """
        own = [path for path, _, process in self._files() if process == str(os.getpid())]
        opened = open_files()
        return any(opened is None or identity(path.stat()) in opened for path in own)

    def _files(self) -> list[tuple[Path, str, str]]:
        """Path, kind and process of each file."""
        found = ((entry, _NAME.fullmatch(entry.name)) for entry in sorted(self.directory.iterdir()))
        return [(path, match["kind"], match["process"]) for path, match in found if match]

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock; gives whether it is held."""
        import fcntl  # not on Windows, where there are no files of several processes either

        descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                # By hand, since a process forked meanwhile has the descriptor too, and would go on holding the lock.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _clear_up(self) -> None:
        """Finish, or drop, what somebody left who ended in the middle of a fold."""
        if (self.directory / MARK).exists():
            return self._finish()
        for path in self.directory.glob(f"*{NEW}"):
            path.unlink()
        for path in self.directory.glob(f"*{CLAIMED}"):
            if path.stat().st_nlink > 1:  # it was given back, and has its own name again
                path.unlink()

    def _fold(self, processes: Collection[int]) -> None:
        """Fold the files of those of the processes that have ended, and what was claimed before."""
        for path, kind, process in self._files():
            if kind != _KEPT and is_id(process) and int(process) in processes:
                self._claim(path, int(process))
        claims = sorted(self.directory.glob(f"*{CLAIMED}"))
        if not claims:
            return
        kinds = {path: path.name.rpartition("_")[0] for path in claims}
        for kind in sorted(set(kinds.values())):
            if "_live" not in kind:  # which ends with its process
                self._write(kind, [path for path in claims if kinds[path] == kind])
        (self.directory / MARK).touch()
        self._finish()

    def _claim(self, path: Path, process: int) -> None:
        """Rename a file so that it is ours, unless its process runs."""
        if runs(process):
            return
        claim = path.with_name(f"{path.name}.{os.getpid()}-{time.monotonic_ns()}{CLAIMED}")
        try:
            path.rename(claim)
        except FileNotFoundError:  # prometheus-client's own `mark_process_dead` was quicker, which takes no lock
            return
        if runs(process):
            # A new process got the id meanwhile. It has opened this very file, unless there is another one by now.
            with suppress(FileExistsError):
                path.hardlink_to(claim)
                claim.unlink()

    def _write(self, kind: str, claims: list[Path]) -> None:
        """Write the new archive of a kind."""
        archive = self.directory / f"{kind}_{ARCHIVE}.db"
        values: dict[str, Stamped] = {}
        for path in (archive, *claims):
            combine(kind, values, self._entries(path))
        file = _file_class()(f"{archive}{NEW}")
        try:
            for key, (value, stamp) in values.items():
                file.write_value(key, value, stamp)
        finally:
            file.close()

    def _finish(self) -> None:
        for path in self.directory.glob(f"*{NEW}"):
            path.rename(path.with_name(path.name.removesuffix(NEW)))
        for path in self.directory.glob(f"*{CLAIMED}"):
            path.unlink()
        (self.directory / MARK).unlink()

    def _entries(self, path: Path) -> Entries:
        """What a file says; nothing where there is none, or where its process has only just created it."""
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                return self._readable(path, _file_class().read_all_values_from_file(path))
        return ()

    def _readable(self, path: Path, values: Iterable[tuple[str, float, float, int]]) -> Entries:
        """The entries of a file, as far as they can be read."""
        try:
            for key, value, stamp, _ in values:
                yield key, value, stamp
        except (RuntimeError, ValueError, struct.error) as error:
            if path.name not in self._damaged:
                self._damaged.add(path.name)
                logger.warning("metrics: what follows the damage in %s is not counted: %s", path.name, error)


def _file_class() -> Any:
    """prometheus-client's own, which knows the format; it has no types."""
    from prometheus_client.mmap_dict import MmapedDict

    return MmapedDict
