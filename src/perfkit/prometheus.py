"""What the servers of an application do for its metrics: hooks for their configuration.

Light on purpose: the server's main process imports it, and prometheus-client must not be loaded there before the
environment is complete.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

__all__ = ["child_exit"]

logger = logging.getLogger("perfkit")

# Workers that have ended and whose files are not folded yet, since somebody was reading them at that moment.
_ended: Final[set[int]] = set()


def child_exit(server: Any, worker: Any) -> None:
    """Gunicorn's hook for a worker that has ended, however it did.

    In ``gunicorn.conf.py``::

        from perfkit.prometheus import child_exit

    What the worker counted stays in the totals, its files do not stay; its gauges of requests in progress end with it.
    Does nothing without the environment variable PROMETHEUS_MULTIPROC_DIR, never waits, and logs its own errors.

    Args:
        server: gunicorn's arbiter; not used.
        worker: gunicorn's worker, of which only `pid` is used.
    """
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not directory:
        return
    from perfkit.features.metrics._multiprocess_files import MultiprocessFiles

    _ended.add(worker.pid)
    try:
        if MultiprocessFiles(Path(directory)).bury(_ended):
            _ended.clear()
    except Exception:
        # Raised, it would end gunicorn.
        logger.exception("metrics: the files of worker %s could not be folded", worker.pid)
