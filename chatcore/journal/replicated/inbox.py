"""What waits for a replica: drafts and requests in their order, and jobs, as what its log reports.

The first are bounded by refusing, as in the SQLite journal. `chatcore.journal.sqlite.queue` has the rules for
drafts, and `chatcore.replication.jobs` those for jobs.
"""

from chatcore.journal.sqlite.queue import DraftQueue
from chatcore.replication.jobs import Job, JobQueue

__all__ = ["Inbox"]


class Inbox(DraftQueue):
    """A queue of drafts that also takes jobs: any thread puts, one thread takes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.jobs = JobQueue(self._changed)
        self._saw_end = False

    def put_job(self, job: Job) -> bool:
        """Add a job that does not wait for drafts; return whether it will be done."""
        return self.jobs.put(job)

    def end(self) -> None:
        """Take no more jobs, not even of a log that waits; those that are here can still be taken."""
        self.jobs.end()

    # --- for the thread that takes ---------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether no more drafts come; what was put may still wait."""
        return not self._open

    def has_any(self, *, drafts: bool) -> bool:
        """Tell whether there is something to take: a job, or one of the drafts and requests."""
        return bool(self.jobs) or (drafts and bool(self._queue))

    def wait(self, timeout: float | None, *, wants_drafts: bool) -> None:
        """Wait for something to do, at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_called(wants_drafts=wants_drafts), timeout)
            self._saw_end = not self._open

    def take_jobs(self) -> list[Job]:
        """Take all jobs."""
        return self.jobs.take()

    def _is_called(self, *, wants_drafts: bool) -> bool:
        has_ended = not self._open and not self._saw_end
        return self.has_any(drafts=wants_drafts) or has_ended
