"""What a journal may do besides: count what it stores, for those who watch a server."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from chatcore.durations import Durations
from chatcore.journal import Journal

__all__ = ["JournalStatistics", "MeasuredJournal", "journal_statistics"]


@dataclass(frozen=True, slots=True)
class JournalStatistics:
    """A journal at one moment.

    ``commits`` are how often it made messages safe, and how long each time took; ``failures`` how often it
    could not. Both are since its start. ``queued`` are the posts that wait to be stored now, without those
    that are being stored. ``available`` says that it would try to store what came now: it is false between
    a failure and the moment when the journal can be used again. ``late`` is for how many seconds it has been
    at what it does with its disk now, 0.0 if it waits for posts: more than a moment where the disk hangs,
    which the others do not show.
    """

    commits: Durations
    failures: int
    queued: int
    available: bool
    late: float


@runtime_checkable
class MeasuredJournal(Protocol):
    """A journal that counts."""

    def statistics(self) -> JournalStatistics:
        """Return what was counted. Callable from any thread; MUST NOT wait for a disk or a network."""


def journal_statistics(journal: Journal) -> JournalStatistics | None:
    """Return what a journal has counted, or ``None`` if it does not count."""
    return journal.statistics() if isinstance(journal, MeasuredJournal) else None
