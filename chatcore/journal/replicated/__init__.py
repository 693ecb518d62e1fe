"""A journal that several servers share: each follows one log, and has all that it comes to in a file.

A server appends its drafts to a log (`chatcore.replication`), and what becomes of them is decided where they
are read back, by the same rules on each server. So all of them have the same messages under the same numbers.
Read in this order: `machine`, what an entry does to the state; `state`, the file that this is in;
`postings`, which drafts share an entry; `reaches`, readers who come from a server that is ahead; `replica`,
which puts that together without threads; `inbox`, what waits for it. Here is the thread. `log_events` are
what it logs, and `checking` looks at such a file from outside.
"""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

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
from chatcore.journal.replicated.inbox import Inbox
from chatcore.journal.replicated.machine import Applied, are_limits
from chatcore.journal.replicated.replica import RETRY, Replica
from chatcore.journal.replicated.state import RecordLimits, StateFile
from chatcore.journal.search import Answer, SearchableJournal, SearchRequest, Unsearchable
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.indexer import Indexer
from chatcore.journal.sqlite.lock import FileLock
from chatcore.journal.sqlite.lookups import head, place, rooms
from chatcore.journal.sqlite.page import DamageLog, page
from chatcore.journal.sqlite.reader import SqliteReader
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.journal.statistics import JournalStatistics, MeasuredJournal
from chatcore.messages import DurabilityWord
from chatcore.private import make_directories
from chatcore.replication import Log
from chatcore.replication.follower import ReplicaStatus
from chatcore.sqlite.words import explain

__all__ = ["QUEUE", "RecordLimits", "ReplicatedJournal", "StateFile"]

QUEUE: Final = 16_384
"""Drafts that may wait; more are refused, since an answer that comes too late is no use."""

OPENING: Final = 2.0
"""Seconds that a start waits for its log, where there is no state to begin with."""

CLOSING: Final = 15.0
"""Seconds that an end waits for what is on its way: longer than it takes to give that up."""

T = TypeVar("T")


class ReplicatedJournal:
    """Stores messages in a log, and keeps what that comes to in the file ``path``, made if it is missing.

    The log is its own: it starts and closes it. It starts without a connection as well, with what the file
    has; posts are refused until there is one. `durability` is that of the log, and is known then. What is
    kept of the log is decided by the log as well (`set_limits`).

    ``clock`` gives seconds that never go back, and ``file`` is for tests. One file is for one journal.
    """

    durability: DurabilityWord = "memory"
    dedupe_seconds: float = RecordLimits().dedupe_seconds

    def __init__(
        self,
        path: Path | str,
        log: Log,
        *,
        search: bool = True,
        clock: Callable[[], float] = time.monotonic,
        file: type[StateFile] = StateFile,
    ) -> None:
        self.path = Path(path)
        self._log = log
        self._searches = search
        self._clock = clock
        self._file = file
        self._inbox = Inbox(QUEUE)
        self._damage = DamageLog()  # the reader's
        self._parts: tuple[Replica, SqliteReader, FileLock] | None = None  # once it is open
        self._indexer: Indexer | None = None  # once there is an epoch
        self._awaits_log: Callable[[], None] | None = None  # for the thread
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="chat-replica", daemon=True)

    def __repr__(self) -> str:
        return f"<ReplicatedJournal {self.path} {self.durability}>"

    def start(self, feed: Feed) -> None:
        """Open the file and begin to follow; raises `JournalError` that says what is wrong with the file."""
        with contextlib.ExitStack() as opened:
            try:
                make_directories(self.path.parent)
                path = self.path.resolve()
                lock = FileLock(path)
                opened.callback(lock.release)
                open_file = partial(self._file, path, "NORMAL")
                replica = Replica(path, open_file, self._log, self._inbox, feed, self._clock, self._note)
                opened.callback(replica.end)
                reader = SqliteReader(partial(self._file, path, read_only=True))
            except (sqlite3.Error, OSError) as error:
                raise explain(StateFile.KIND, self.path, error) from error
            opened.pop_all()
        self._parts = (replica, reader, lock)
        replica.begin()
        if not replica.epoch:
            self._inbox.wait(OPENING, wants_drafts=False)
            replica.step()  # which takes no more than that the log is open
            replica.begin_without_log()
        self._note([])
        self._thread.start()

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        """Queue drafts; ``done`` is called by this journal's thread; after `close`, before this returns."""
        if self._parts is None or not self._inbox.put(drafts, done, still_valid):
            done([Unavailable(RETRY)] * len(drafts))

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
        """Read a page in the reader's thread, which calls ``deliver``."""
        bounds = Bounds(after, before, after_at, before_at)
        answer = partial(
            page, damage=self._damage, room=room, bounds=bounds, limit=limit, max_bytes=max_bytes
        )
        self._ask(answer, deliver)

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
        """Remove a room on all servers; ``deliver`` is called once that is done here."""

        def take(applied: Applied | Unavailable) -> None:
            deliver(applied if isinstance(applied, Unavailable) else bool(applied.removed))

        self._request({"remove": room}, take)

    def set_limits(
        self, changes: Mapping[str, float | None], deliver: Callable[[bool | Unavailable], None]
    ) -> None:
        """Change what is kept of the log, on all servers: see `RecordLimits`, whose names these are.

        ``deliver`` is called once that is done here, or with false where a value is invalid.
        """

        def take(applied: Applied | Unavailable) -> None:
            deliver(applied if isinstance(applied, Unavailable) else True)

        if are_limits(changes):
            self._request({"limits": dict(changes)}, take)
        else:
            deliver(False)

    def begin_epoch(self, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Begin an epoch for all servers that have read the same log as this one: all readers start again.

        That ends a fork. A server that has read something else stays as it is, until its file is removed and
        it reads the log again. ``deliver`` is called once that is done here.
        """

        def take(applied: Applied | Unavailable) -> None:
            deliver(applied if isinstance(applied, Unavailable) else True)

        self._request({"epoch": secrets.token_hex(8)}, take)

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Wait until the entry of a position was read, in this journal's thread."""
        parts = self._parts
        if parts is None or not self._inbox.put_job(partial(parts[0].reach, room, seq, deliver)):
            deliver(Unavailable(RETRY))

    @property
    def can_search(self) -> bool:
        """Whether there is an index, or will be one."""
        return self._searches and (self._indexer is None or self._indexer.can_search)

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Search in the index's thread, which calls ``deliver``."""
        if not self._searches:
            deliver(Unsearchable("searching is off on this server"))
        elif self._indexer is None:
            deliver(Unavailable(RETRY))
        else:
            self._indexer.search(request, deliver)

    @property
    def log(self) -> Log:
        """The log that it follows."""
        return self._log

    @property
    def is_connected(self) -> bool:
        """Whether its log was connected since the start, so that `durability` is known. From any thread."""
        return self._parts is not None and self._parts[0].durability is not None

    def when_connected(self, call: Callable[[], None]) -> None:
        """Have ``call`` called by this journal's thread once `is_connected`, unless it is closed before."""

        def wait() -> None:
            self._awaits_log = call
            if self.is_connected:
                self._say_connected()

        self._inbox.put_job(wait)

    @property
    def limits(self) -> RecordLimits:
        """What is kept of the log."""
        return RecordLimits() if self._parts is None else self._parts[0].header.limits

    def status(self) -> ReplicaStatus | None:
        """Return how this follows the log, ``None`` before the start. From any thread."""
        return None if self._parts is None else self._parts[0].status

    def statistics(self) -> JournalStatistics:
        """Return what was counted, and what waits."""
        queue, parts = self._inbox, self._parts
        follower = None if parts is None else parts[0].follower
        return JournalStatistics(
            commits=Durations() if follower is None else follower.commits.durations(),
            failures=0 if follower is None else follower.failures,
            queued=queue.waiting,
            available=parts is not None and queue.accepts,
            late=0.0 if follower is None else follower.late,
        )

    def close(self) -> None:
        """Have what was submitted read back, or give it up, and close everything. Idempotent."""
        self._inbox.close()
        if self._parts is None:
            return
        _, reader, lock = self._parts
        reader.close()
        with self._closing:
            if self._thread.ident is not None:
                self._thread.join()
            lock.release()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._parts is not None
        replica, _, _ = self._parts
        closing_since: float | None = None
        while closing_since is None or (not replica.is_idle and self._clock() < closing_since + CLOSING):
            self._inbox.wait(replica.patience, wants_drafts=replica.wants_drafts)
            try:
                replica.step()
            except Exception as error:  # a bug; if the thread ended, everybody would wait forever
                replica.fail(error)
            if self._inbox.is_closed and closing_since is None:
                closing_since = self._clock()
        self._inbox.end()
        self._log.close()
        for job in self._inbox.take_jobs():  # the last questions; what the log has reported is read again
            job()
        if self._indexer is not None:
            self._indexer.close()
        replica.end()

    def _note(self, results: Sequence[Applied]) -> None:
        """Take over what became known, and have the index learn of messages."""
        assert self._parts is not None
        replica, _, _ = self._parts
        self.dedupe_seconds = replica.header.limits.dedupe_seconds
        if replica.durability is not None:
            self.durability = replica.durability
        if self._indexer is None and self._searches and replica.header.identity:
            path = self.path.resolve()
            self._indexer = Indexer(path, partial(self._file, path, read_only=True), lambda file: None)
        elif self._indexer is not None:
            if any(applied.removed for applied in results):
                self._indexer.forget()
            self._indexer.note([entry for applied in results for entry in applied.entries])
        if self.is_connected:
            self._say_connected()

    def _say_connected(self) -> None:
        call, self._awaits_log = self._awaits_log, None
        if call is not None:
            call()

    def _request(self, content: Mapping[str, Any], take: Callable[[Applied | Unavailable], None]) -> None:
        parts = self._parts
        if parts is None or not self._inbox.put_task(lambda file: parts[0].request(content, take)):
            take(Unavailable(RETRY))

    def _ask(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        if self._parts is None:
            deliver(Unavailable(RETRY))
        else:
            self._parts[1].submit(answer, deliver)


_: type[Journal] = ReplicatedJournal
__: type[SearchableJournal] = ReplicatedJournal
___: type[MeasuredJournal] = ReplicatedJournal
