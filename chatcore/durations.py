"""How long something takes, counted: how often, for how long in all, and how many times up to each bound.

One thread adds, and any other may look. It is the histogram of Prometheus without Prometheus.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["DurationCounter", "Durations"]

# From a fast disk to one that hangs.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Durations:
    """What was counted at one moment.

    ``counts`` has an entry for each of the ``bounds``, in seconds: how many took at most so long and longer
    than the bound before. A last one is for all that took longer. ``seconds`` is the sum of all.
    """

    bounds: ClassVar[tuple[float, ...]] = _BOUNDS

    counts: tuple[int, ...] = (0,) * (len(_BOUNDS) + 1)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def longer_than(self, bound: float) -> int:
        """Return how many took longer than one of the ``bounds``."""
        return sum(self.counts[self.bounds.index(bound) + 1 :])


class DurationCounter:
    """Counts durations. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        with self._lock:
            self._counts[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds += seconds

    def durations(self) -> Durations:
        """Return what was counted until now."""
        with self._lock:
            return Durations(tuple(self._counts), self._seconds)
