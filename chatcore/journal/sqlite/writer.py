"""The writing half of the SQLite journal: a thread and a connection of its own.

- It takes everything that was submitted since the last time into one transaction, so that many posts share
  one sync. The more are on the way, the larger the group.
- The order of things is commit, then deliver, then answer.
- Nothing ends the thread before its time, for then everybody would wait forever. Whatever goes wrong with
  the file, or in delivering, is a failed write. What goes wrong in taking an answer is logged.
- When a write fails, everything that was submitted is refused. Before anything new is taken, the writer finds
  out what of the failed write is in the file after all. It delivers that then, and recognises it when it is
  sent again.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from chatcore.durations import DurationCounter, Durations
from chatcore.journal import Draft, Feed, Outcome, Stored, Unavailable
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.epoch import EpochGuard
from chatcore.journal.sqlite.group import Group
from chatcore.journal.sqlite.log_events import (
    answer_lost,
    journal_broken_write,
    journal_not_closed,
    journal_not_cut,
    journal_recovered,
    journal_replaced,
    journal_still_unwritable,
    journal_unreadable,
    journal_unwritable,
)
from chatcore.journal.sqlite.queue import DraftQueue, Submission, Task
from chatcore.journal.sqlite.retention import Removal, Retention
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import Row, SqliteFile
from chatcore.limits import HistoryLimits
from chatcore.sqlite.words import log_failure

__all__ = ["SqliteWriter", "Times", "refusals"]

T = TypeVar("T")

GROUP = 4_096
"""The most drafts in one transaction."""

PIECE = 512
"""How many old messages are removed together, or twice as many as came if that is more."""


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds between attempts, and a clock in seconds since 1970."""

    now: Callable[[], float] = time.time
    retry: float = 1.0  # between attempts to use a failed file, and until a refused sender may try
    retention: float = 60.0  # between looks for what has become too old


class SqliteWriter:
    """Stores what it takes from a queue, until that is closed; then it closes the file."""

    def __init__(
        self,
        path: Path,
        open_file: Callable[[], SqliteFile],
        queue: DraftQueue,
        guard: EpochGuard,
        feed: Feed,
        limits: HistoryLimits,
        times: Times,
        before_recovery: Callable[[], None],
        after_commit: Callable[[Sequence[Entry]], None],
        after_recovery: Callable[[Iterable[str]], None],
    ) -> None:
        self._path = path
        self._open_file = open_file
        self._queue = queue
        self._guard = guard
        self._feed = feed
        self._times = times
        self._before_recovery = before_recovery
        self._after_commit = after_commit
        self._after_recovery = after_recovery
        self._retention = Retention(limits)
        self._next_look = 0.0
        self._next_removal = 0.0  # after one that has failed
        self._removes = True  # the last one did not fail
        self._next_try = 0.0
        self._commits = DurationCounter()
        self._failures = 0
        self._busy_since: float | None = None
        self._file: SqliteFile | None = None  # none between a failure and a recovery
        self._epoch = ""  # as reported
        self._delivered: Stored | None = None  # the last message
        self._doubtful: dict[str, int] = {}  # rooms of a write that failed, and their heads before it
        self._thread = threading.Thread(target=self._run, name="chat-journal-writer", daemon=True)

    def start(self, file: SqliteFile) -> None:
        """Report what is in an open file, and begin to write to it."""
        self._file = file
        self._open_epoch(file)
        self._thread.start()

    def join(self) -> None:
        """Wait until everything was written, or refused, and the file is closed."""
        self._thread.join()

    @property
    def commits(self) -> Durations:
        """How often messages were made safe, and how long that took. From any thread."""
        return self._commits.durations()

    @property
    def failures(self) -> int:
        """How often they could not be. From any thread."""
        return self._failures

    @property
    def late(self) -> float:
        """How long it has been at what it does with its file now, in seconds. From any thread."""
        since = self._busy_since
        return 0.0 if since is None else max(time.monotonic() - since, 0.0)

    def reaching(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> Task:
        """Return the task that answers `Journal.reach`: in this thread, all that is stored was reported."""

        def look(file: SqliteFile | None) -> None:
            head = self._head(file, room)
            deliver(Unavailable(self._times.retry) if head is None else head >= seq)

        return look

    def removal(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> Task:
        """Return the task that begins to remove a room: what it holds by then is removed."""

        def begin(file: SqliteFile | None) -> None:
            head = self._head(file, room)
            if head is None:
                deliver(Unavailable(self._times.retry))
            else:
                self._retention.remove(Removal(room, head, partial(self._call, deliver)))

        return begin

    def _head(self, file: SqliteFile | None, room: str) -> int | None:
        try:
            with self._at_work():
                return None if file is None else (file.room(room) or NO_ROOM).head
        except Exception as error:
            log_failure(journal_unreadable, error, error=str(error))
            return None

    def _run(self) -> None:
        while (taken := self._queue.take(GROUP, self._patience())) is not None:
            if self._file is None:
                self._answer(taken, [])
                if time.monotonic() >= self._next_try:
                    with self._at_work():
                        self._recover()
            elif self._store(self._file, taken):
                with self._at_work():
                    self._forget(self._file, len(taken))
            while (task := self._queue.take_task()) is not None:
                self._call(task, self._file)
        with self._at_work():
            self._end()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Have others see for how long what is done within takes: a disk that hangs shows in nothing else."""
        self._busy_since = time.monotonic()
        try:
            yield
        finally:
            self._busy_since = None

    def _patience(self) -> float:
        if self._file is None:
            return max(self._next_try - time.monotonic(), 0.0)
        if self._retention.due:
            return max(self._next_removal - time.monotonic(), 0.0)
        return self._times.retention

    def _end(self) -> None:
        if self._file is None:
            return
        try:
            self._retention.finish(self._file, self._times.now(), PIECE)
            self._guard.end(self._file)
            self._file.checkpoint()
        except Exception as error:  # the next start will find out what there is
            log_failure(journal_not_closed, error, path=str(self._path), error=str(error))
            self._retention.give_up(self._times.retry)
        self._file.close()

    # --- posts -----------------------------------------------------------------------------------

    def _store(self, file: SqliteFile, taken: list[Submission]) -> bool:
        """Store what was taken and answer; return whether the file is still usable."""
        drafts = [draft for submission in taken if not submission.refused for draft in submission.drafts]
        group = Group(file, drafts, self._times.now())
        began = time.monotonic()
        try:
            with self._at_work():
                group.commit()
                if group.messages:
                    self._commits.add(time.monotonic() - began)
                self._guard.check(file)
            self._deliver(group.messages)
        except Exception as error:
            self._doubtful = group.heads_before()
            self._fail(file, taken, error)
            return False
        self._answer(taken, group.outcomes)
        self._after_commit(group.entries)
        self._retention.look_at(group.sizes())
        return True

    def _fail(self, file: SqliteFile, taken: list[Submission], error: Exception) -> None:
        log_failure(journal_unwritable, error, path=str(self._path), error=str(error))
        self._failures += 1
        self._queue.refuse(taken)
        self._answer(taken, [])
        self._retention.give_up(self._times.retry)
        self._file = None
        self._next_try = time.monotonic() + self._times.retry
        file.close()

    def _deliver(self, messages: Sequence[Stored]) -> None:
        if messages:
            self._delivered = messages[-1]
            self._feed.committed(messages)

    def _answer(self, taken: list[Submission], outcomes: Sequence[Outcome]) -> None:
        """Report what became of everything, in order; the outcomes are those of what is not refused."""
        start = 0
        for submission in taken:
            if submission.refused:
                self._call(submission.done, refusals(submission.drafts, self._times.retry))
            else:
                self._call(submission.done, outcomes[start : start + len(submission.drafts)])
                start += len(submission.drafts)
        self._queue.reported(taken)

    def _call(self, take: Callable[[T], None], answer: T) -> None:
        try:
            take(answer)
        except Exception as error:  # a bug in whoever asked: the others must get their answers all the same
            answer_lost.log_bug(error)

    # --- when a write fails ----------------------------------------------------------------------

    def _recover(self) -> None:
        """Try to use the file again, as it is now."""
        try:
            self._before_recovery()
            doubtful = list(self._doubtful)
            file = self._open_file()
            with file.closed_on_error():
                self._settle(file)
        except Exception as error:
            log_failure(journal_still_unwritable, error, path=str(self._path), error=str(error))
            self._next_try = time.monotonic() + self._times.retry
        else:
            journal_recovered.log(path=str(self._path))
            self._file = file
            self._queue.accept()
            self._after_recovery(doubtful)

    def _settle(self, file: SqliteFile) -> None:
        """Find out what of the failed write is in the file, and deliver it.

        It is moved into the file proper first: what a failed sync leaves in the system's memory can be
        read, and yet be gone after a loss of power.
        """
        file.checkpoint()  # on a full disk, a log that can begin again is all the room there may be
        self._guard.resume(file, self._delivered)
        if self._guard.epoch != self._epoch:
            journal_replaced.log(path=str(self._path))
            self._open_epoch(file)
            return
        found = [
            (room, row) for room, head in self._doubtful.items() for row in _rows_after(file, room, head)
        ]
        if found and not file.checkpoint():
            raise sqlite3.OperationalError("another program is reading it without a pause")
        if not all(row.intact for _, row in found):
            # A tail can't hold a gap, so readers begin again, and meet this one in the file.
            journal_broken_write.log(path=str(self._path))
            self._guard.begin(file, anew=True)
            self._open_epoch(file)
            return
        self._doubtful = {}
        self._deliver([row.stored(room) for room, row in found])

    def _open_epoch(self, file: SqliteFile) -> None:
        self._delivered, self._doubtful = None, {}
        self._epoch = self._guard.epoch
        self._feed.opened(self._epoch, lambda room: (file.room(room) or (0, 0))[1])

    # --- retention -------------------------------------------------------------------------------

    def _forget(self, file: SqliteFile, came: int) -> None:
        now = time.monotonic()
        if now < self._next_removal:
            return
        try:
            if now >= self._next_look:
                self._next_look = now + self._times.retention
                self._retention.look_at_all(file, self._times.now())
            if self._retention.due:
                self._retention.step(file, self._times.now(), max(PIECE, 2 * came))
                self._removes = True
        except Exception as error:  # posts can go on; it will be tried again
            self._next_removal = now + self._times.retry
            self._retention.give_up(self._times.retry)
            if self._removes:  # this is said once, however long it lasts
                self._removes = False
                log_failure(journal_not_cut, error, path=str(self._path), error=str(error))


def _rows_after(file: SqliteFile, room: str, position: int) -> Iterator[Row]:
    number, head, *_ = file.room(room) or NO_ROOM
    return file.read(number, position, head + 1, limit=-1)


def refusals(drafts: Sequence[Draft], retry_after: float) -> list[Outcome]:
    """Refuse every draft."""
    return [Unavailable(retry_after)] * len(drafts)
