"""One recorder for each registry of prometheus-client, made when something first needs it."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY

from perfkit._figure_sources import SOURCES
from perfkit._span_observers import add_observer
from perfkit.errors import ConfigurationError
from perfkit.features.metrics._families import Plan
from perfkit.features.metrics._figures import Figures
from perfkit.features.metrics._memory import Collector, MemoryBackend
from perfkit.features.metrics._processes import ProcessesBackend, count_together
from perfkit.features.metrics._recorder import Recorder
from perfkit.features.metrics._series import ALL

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Shelf:
    """What all stacks share whose metrics go into the same registry.

    Attributes:
        plan: how they are counted.
        lock: guards the values.
        figures: what features count by themselves.
        recorder: counts all else.
        in_files: whether several processes count together, in files.
    """

    def __init__(self, registry: CollectorRegistry, plan: Plan) -> None:
        self.plan = plan
        self.lock = RLock()
        # What counts for the whole process is told where the process's own metrics are.
        sources = SOURCES if registry is REGISTRY else ()
        self.figures = Figures([series.named(plan.names) for series in ALL], plan.max_series, sources)
        self.in_files = count_together()
        if self.in_files:
            files = ProcessesBackend()
            self.recorder = Recorder(plan, files, self.lock)
            files.register(registry)
        else:
            memory = MemoryBackend()
            self.recorder = Recorder(plan, memory, self.lock)
            registry.register(Collector(memory, self.lock, self.recorder.flush, self.figures.collect))


_shelves: Final[WeakKeyDictionary[Any, Shelf]] = WeakKeyDictionary()
_making: Final = RLock()


def shelf_of(registry: CollectorRegistry, plan: Plan) -> Shelf:
    """What the stacks with this registry share.

    Raises:
        ConfigurationError: another stack counts in another way, or somebody else's metrics have our names.
    """
    with _making:
        shelf = _shelves.get(registry)
        if shelf is None:
            shelf = _shelves[registry] = _made(registry, plan)
    for name, theirs, ours in zip(plan._fields, shelf.plan, plan, strict=True):
        if theirs != ours:
            problem = f"another stack of this process has {theirs!r} here, and both count into one registry"
            raise ConfigurationError(f"metrics.{name}", problem, "write the same, or give each a registry of its own")
    return shelf


def _made(registry: CollectorRegistry, plan: Plan) -> Shelf:
    try:
        shelf = Shelf(registry, plan)
    except ConfigurationError:
        raise
    except ValueError as error:
        problem = f"somebody else's metrics in it have names of ours: {error}"
        mend = "write metrics.names = 'short', or give a registry of its own"
        raise ConfigurationError("metrics.registry", problem, mend) from None
    add_observer(shelf.recorder)
    return shelf


# A thread may hold a lock when another one forks, and in the child nobody would ever let go of it. So whoever forks
# takes all locks before, and lets go of them on both sides.

_held: Final[list[Shelf]] = []


def _before_fork() -> None:
    _making.acquire()
    for shelf in list(_shelves.values()):
        shelf.lock.acquire()
        _held.append(shelf)


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()
    _making.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
