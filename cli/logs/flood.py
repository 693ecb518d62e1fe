"""Keeps a log short, whatever happens: so many lines a minute of each event, and a count of the others.

Events say how many they are worth. What comes from elsewhere, as from a library, is counted by its logger.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from chatcore.logs import LOG_EVENTS
from cli.logs.events import lines_left_out

__all__ = ["Flood"]

MINUTE: Final = 60.0

FOREIGN: Final = 10
"""Lines a minute of a logger that is not ours."""


class Flood(logging.Filter):
    """Lets records through until they are too many. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()  # in this minute
        self._left_out: Counter[str] = Counter()  # since the last report
        self._ends = clock() + MINUTE

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be logged."""
        event = LOG_EVENTS.get(getattr(record, "event", ""))
        kind = record.name if event is None else event.name
        with self._lock:
            self._turn()
            self._counts[kind] += 1
            passes = self._counts[kind] <= (FOREIGN if event is None else event.per_minute)
            if not passes:
                self._left_out[kind] += 1
        return passes

    def report(self) -> None:
        """Log how many lines were left out since the last report, if any were."""
        with self._lock:
            left_out, self._left_out = self._left_out, Counter()
        for kind, count in left_out.items():
            lines_left_out.log(count=count, of=kind)

    def _turn(self) -> None:
        now = self._clock()
        if now >= self._ends:
            self._ends = now + MINUTE
            self._counts.clear()
