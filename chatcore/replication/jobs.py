"""Jobs for the thread that follows a log: what others ask of it, and what its log reports.

What the log reports is bounded by having it wait.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["Job", "JobQueue"]

Job = Callable[[], None]

LOG_BYTES: Final = 16 * 1024 * 1024
"""Bytes of entries that wait to be applied, beyond which the log waits; a single call may have more."""


class JobQueue:
    """A queue of jobs: any thread puts, one thread takes. ``changed`` guards it, and is notified of jobs."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._jobs: deque[Job] = deque()
        self._takes_jobs = True
        self._has_room = threading.Condition()  # guards the last
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def put(self, job: Job) -> bool:
        """Add a job; return whether it will be done."""
        with self._changed:
            if self._takes_jobs:
                self._jobs.append(job)
                self._changed.notify()
            return self._takes_jobs

    def put_entries(self, job: Job, size: int) -> None:
        """Add a job of the log, and wait until there is room for its bytes: `release` makes it."""
        with self._has_room:
            self._has_room.wait_for(lambda: self._bytes < LOG_BYTES or not self._takes_jobs)
            self._bytes += size
        self.put(job)

    def release(self, size: int) -> None:
        """Note that bytes of the log are applied."""
        with self._has_room:
            self._bytes -= size
            self._has_room.notify_all()

    def end(self) -> None:
        """Take no more jobs, not even of a log that waits; those that are here can still be taken."""
        with self._changed:
            self._takes_jobs = False
        with self._has_room:
            self._has_room.notify_all()

    def wait(self, timeout: float | None) -> None:
        """Wait for a job, at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs, timeout)

    def take(self) -> list[Job]:
        """Take all jobs."""
        with self._changed:
            jobs, self._jobs = self._jobs, deque()
            return list(jobs)
