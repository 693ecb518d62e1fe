"""What waits for a replica: drafts and requests in their order, and what its log reports.

The first are bounded by refusing, as in the SQLite journal. What the log reports is bounded by having it
wait. `chatcore.journal.sqlite.queue` has the rules for drafts.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from chatcore.journal.sqlite.queue import DraftQueue

__all__ = ["Inbox", "Job"]

Job = Callable[[], None]

LOG_BYTES: Final = 16 * 1024 * 1024
"""Bytes of entries that wait to be applied, beyond which the log waits; a single call may have more."""


class Inbox(DraftQueue):
    """A queue of drafts that also takes jobs: any thread puts, one thread takes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._jobs: deque[Job] = deque()
        self._takes_jobs = True
        self._saw_end = False
        self._has_room = threading.Condition()  # guards the last
        self._bytes = 0

    def put_job(self, job: Job) -> bool:
        """Add a job that does not wait for drafts; return whether it will be done."""
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
        self.put_job(job)

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

    # --- for the thread that takes ---------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether no more drafts come; what was put may still wait."""
        return not self._open

    def has_any(self, *, drafts: bool) -> bool:
        """Tell whether there is something to take: a job, or one of the drafts and requests."""
        return bool(self._jobs) or (drafts and bool(self._queue))

    def wait(self, timeout: float | None, *, wants_drafts: bool) -> None:
        """Wait for something to do, at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_called(wants_drafts=wants_drafts), timeout)
            self._saw_end = not self._open

    def take_jobs(self) -> list[Job]:
        """Take all jobs."""
        with self._changed:
            jobs, self._jobs = self._jobs, deque()
            return list(jobs)

    def _is_called(self, *, wants_drafts: bool) -> bool:
        has_ended = not self._open and not self._saw_end
        return self.has_any(drafts=wants_drafts) or has_ended
