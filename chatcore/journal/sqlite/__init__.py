"""A journal in one SQLite file: durable, in one order, and read without waiting for the writer.

One thread writes (`SqliteWriter`), another reads (`SqliteReader`), each over a connection of its own; here
they are put together. `chatcore.sqlite` has what other files of the library share. Read in this order:
`connection`, the file and its tables; `rooms` and `statements`, its rows; `seal`, what shows that a row is
what was stored; `migration`, from older versions; `queue`, `group` and `writer`; `retention`, what is removed
and when; `reader`, `page`, `bounds` and `lookups`; `lock`, which keeps other servers out, and `epoch`, which
notices a file that is not the one it was. `index_file` is what is searched, `index_filler` and `backlog` fill
it, `index_search` searches it, and `indexer` does that in a thread of its own. `check`, `index_check` and
`export` read files from outside, `backup` copies them, and `kind` is how `--journal` finds all this.
`log_events` are what it logs.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from chatcore.durations import Durations
from chatcore.journal import (
    Draft,
    Feed,
    Head,
    Journal,
    Outcome,
    Page,
    Place,
    RoomPage,
    Unavailable,
    always,
)
from chatcore.journal.search import Answer, SearchableJournal, SearchRequest, Unsearchable
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.backup import JournalCopy, back_up_journal, restore_journal
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.check import JournalReport, check_journal, renew_epoch
from chatcore.journal.sqlite.epoch import EpochGuard, witness_path
from chatcore.journal.sqlite.export import stored_entries
from chatcore.journal.sqlite.index_file import index_path, remove_index
from chatcore.journal.sqlite.indexer import Indexer
from chatcore.journal.sqlite.log_events import journal_exposed, words_left
from chatcore.journal.sqlite.lookups import head, place, rooms
from chatcore.journal.sqlite.page import DamageLog, page
from chatcore.journal.sqlite.queue import DraftQueue
from chatcore.journal.sqlite.reader import RETRY_SECONDS, SqliteReader
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.journal.sqlite.writer import SqliteWriter, Times, refusals
from chatcore.journal.statistics import JournalStatistics, MeasuredJournal
from chatcore.limits import HistoryLimits
from chatcore.messages import DurabilityWord
from chatcore.private import make_directories, worries
from chatcore.sqlite.database import Synchronous
from chatcore.sqlite.words import explain

__all__ = [
    "QUEUE",
    "JournalCopy",
    "JournalReport",
    "SqliteJournal",
    "Times",
    "back_up_journal",
    "check_journal",
    "renew_epoch",
    "restore_journal",
    "stored_entries",
]

QUEUE = 16_384
"""Drafts that may wait; more are refused, since an answer that comes too late is no use."""

T = TypeVar("T")

_DURABILITY: dict[Synchronous, DurabilityWord] = {"FULL": "synced", "NORMAL": "written"}


class SqliteJournal:
    """Stores messages in the file ``path``, which is made if it is missing.

    Beside it is an index, by which it is searched, unless ``search`` is false. One that is there all the same
    stays as it is until a room is removed.

    With ``synchronous="FULL"`` an acknowledged message survives a loss of power (``synced``); with
    ``"NORMAL"`` it survives the end of the process (``written``). ``limits`` say how much history is kept.
    ``times`` and ``file`` are for tests. The hub that it is given to starts and closes it; one file is for
    one hub at a time, and nobody else may open and close it in this process, except with SQLite.
    """

    def __init__(
        self,
        path: Path | str,
        limits: HistoryLimits | None = None,
        *,
        synchronous: Synchronous = "FULL",
        search: bool = True,
        times: Times | None = None,
        file: type[SqliteFile] = SqliteFile,
    ) -> None:
        self._limits = limits or HistoryLimits()
        self.path = Path(path)
        self.durability = _DURABILITY[synchronous]
        self.dedupe_seconds = self._limits.dedupe_seconds
        self._synchronous: Synchronous = synchronous
        self._times = times or Times()
        self._file = file
        self._searches = search
        self._queue = DraftQueue(QUEUE)
        self._damage = DamageLog()  # the reader's
        self._parts: tuple[SqliteWriter, SqliteReader, EpochGuard] | None = None  # once it is open
        self._indexer: Indexer | None = None

    def __repr__(self) -> str:
        return f"<SqliteJournal {self.path} {self.durability}>"

    def start(self, feed: Feed) -> None:
        """Open the file; raises `JournalError` that says what is wrong with it.

        A link counts as what it leads to now. What is created is for its owner alone; where others can read
        or replace what was there before, that is logged.
        """
        with contextlib.ExitStack() as opened:
            try:
                path = _real_path(self.path)
                guard = EpochGuard(path, self._synchronous)
                opened.callback(guard.release)
                file = opened.enter_context(contextlib.closing(self._open(path, guard)))
                guard.begin(file)
                reader = SqliteReader(partial(self._open_for_reading, path, guard))
                opened.callback(reader.close)
                open_for_reading = partial(self._open_for_reading, path, guard)
                if self._searches:
                    self._indexer = indexer = Indexer(path, open_for_reading, guard.check)
                    opened.callback(indexer.close)
                writer = SqliteWriter(
                    path,
                    partial(self._open, path, guard),
                    self._queue,
                    guard,
                    feed,
                    self._limits,
                    self._times,
                    before_recovery=self._look_again,
                    after_commit=self._note,
                    after_recovery=self._note_rooms,
                )
                writer.start(file)
            except (sqlite3.Error, OSError) as error:
                raise explain(SqliteFile.KIND, self.path, error) from error
            opened.pop_all()
        self._parts = (writer, reader, guard)
        for worry in worries(path.parent, (path, witness_path(path), index_path(path))):
            journal_exposed.log(problem=worry)

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        """Queue drafts; ``done`` is called by the writer or, after `close`, before this returns."""
        if self._parts is None or not self._queue.put(drafts, done, still_valid):
            done(refusals(drafts, self._times.retry))

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page in the reader's thread, which also encodes it and calls ``deliver``."""
        self._ask(
            partial(
                page,
                damage=self._damage,
                room=room,
                bounds=Bounds(after, before, after_at, before_at),
                limit=limit,
                max_bytes=max_bytes,
            ),
            deliver,
        )

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        """Find a place in the reader's thread, which calls ``deliver``."""
        self._ask(partial(place, room=room, back=back, before=before, after=after), deliver)

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        """Look a head up in the reader's thread, which calls ``deliver``."""
        self._ask(partial(head, room=room), deliver)

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        """List rooms in the reader's thread, which calls ``deliver``."""
        self._ask(partial(rooms, after=after, prefix=prefix, limit=limit), deliver)

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Remove a room in the writer's thread, which calls ``deliver``."""

        def forget(removed: bool | Unavailable) -> None:
            if removed:  # also if it may have been removed
                self._forget_words()
            deliver(removed)

        if self._parts is None or not self._queue.put_task(self._parts[0].removal(room, forget)):
            deliver(Unavailable(RETRY_SECONDS))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Look a position up in the writer's thread, after what it reports before that."""
        if self._parts is None or not self._queue.put_task(self._parts[0].reaching(room, seq, deliver)):
            deliver(Unavailable(RETRY_SECONDS))

    @property
    def can_search(self) -> bool:
        """Whether there is an index, or will be one."""
        return self._searches and (self._indexer is None or self._indexer.can_search)

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Search in the index's thread, which calls ``deliver``."""
        if not self._searches:
            deliver(Unsearchable("searching is off on this server"))
        elif self._indexer is None:
            deliver(Unavailable(RETRY_SECONDS))
        else:
            self._indexer.search(request, deliver)

    def statistics(self) -> JournalStatistics:
        """Return what the writer has counted, and what waits for it."""
        queue, parts = self._queue, self._parts
        return JournalStatistics(
            commits=Durations() if parts is None else parts[0].commits,
            failures=0 if parts is None else parts[0].failures,
            queued=queue.waiting,
            available=parts is not None and queue.accepts,
            late=0.0 if parts is None else parts[0].late,
        )

    def close(self) -> None:
        """Write what was submitted, read what was asked, and close the file. Idempotent."""
        if self._indexer is not None:
            self._indexer.close()
        if self._parts is not None:
            _, reader, _ = self._parts
            reader.close()  # first: the last to close removes the write-ahead log, which a reader cannot
        self._queue.close()
        if self._parts is not None:
            writer, _, guard = self._parts
            writer.join()
            guard.release()

    def _look_again(self) -> None:
        """Have all that reads let go a file that was moved or replaced."""
        if self._parts is not None:
            _, reader, _ = self._parts
            reader.look_again()
        if self._indexer is not None:
            self._indexer.look_again()

    def _forget_words(self) -> None:
        """Have the index made again without the words of what was removed."""
        if self._indexer is not None:
            self._indexer.forget()
            return
        try:
            remove_index(index_path(_real_path(self.path)))
        except OSError as error:
            words_left.log(error=str(error))

    def _note(self, messages: Sequence[Entry]) -> None:
        if self._indexer is not None:
            self._indexer.note(messages)

    def _note_rooms(self, rooms: Iterable[str]) -> None:
        if self._indexer is not None:
            self._indexer.note_rooms(rooms)

    def _ask(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        if self._parts is None:
            deliver(Unavailable(RETRY_SECONDS))
        else:
            _, reader, guard = self._parts
            reader.submit(partial(_answer, guard, answer), deliver)

    def _open_for_reading(self, path: Path, guard: EpochGuard) -> SqliteFile:
        # What has replaced the file is not read before the writer has given it an epoch of its own.
        file = self._file(path, read_only=True)
        with file.closed_on_error():
            guard.check(file)  # which opens all that reading needs: later there may be no descriptor left
        return file

    def _open(self, path: Path, guard: EpochGuard) -> SqliteFile:
        guard.hold()
        return self._file(path, self._synchronous)


def _answer(guard: EpochGuard, answer: Callable[[SqliteFile], T], file: SqliteFile) -> T:
    """Answer from a file if the epoch of now belongs to that."""
    guard.check(file)
    return answer(file)


def _real_path(path: Path) -> Path:
    """Return a path without links, and create its directory if that is missing."""
    try:
        make_directories(path.parent)
        return path.resolve()
    except RuntimeError as error:  # Python before 3.13 raises it for links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


_: type[Journal] = SqliteJournal
__: type[SearchableJournal] = SqliteJournal
___: type[MeasuredJournal] = SqliteJournal
