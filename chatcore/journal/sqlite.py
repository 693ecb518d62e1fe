"""A journal in one SQLite file: durable, ordered, and read without waiting for the writer.

One thread writes. It takes everything that was submitted since the last time into one transaction,
so that many posts share one sync; the more are on the way, the larger the group. Another thread
reads, over a connection of its own.

When a write fails, everything that was submitted is refused, and whether any of it is in the file
after all is found out before anything new is taken: what is there is delivered then, and recognised
when it is sent again.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal import Draft, Feed, Journal, Outcome, Page, Unavailable
from chatcore.journal.sqlite_file import SqliteFile, Synchronous, digest
from chatcore.journal.sqlite_life import Life
from chatcore.journal.sqlite_reader import SqliteReader, page, position
from chatcore.limits import Limits
from chatcore.messages import DurabilityWord, Message
from chatcore.wire import Wire
from chatcore.wire.ndjson import encode

__all__ = ["SqliteJournal"]

log = logging.getLogger("chat.journal")

GROUP = 4_096
"""Drafts in one transaction at most."""

QUEUE = 16_384
"""Drafts that may wait; more are refused, since an answer that comes too late is none."""

RETRY_SECONDS = 1.0
"""When a refused sender is told to try again, and how often a failed file is tried."""

_DURABILITY: dict[Synchronous, DurabilityWord] = {"FULL": "synced", "NORMAL": "written"}

_Done = Callable[[Sequence[Outcome]], None]


@dataclass(slots=True)
class _Group:
    """What one transaction makes of some drafts. Rooms are known by folded name."""

    outcomes: list[Outcome] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    rows: list[tuple[int, int, int, str, float, bytes]] = field(default_factory=list)
    rooms: dict[str, tuple[int, int]] = field(default_factory=dict)  # the room's number and head
    added: dict[str, list[int]] = field(default_factory=dict)  # lengths of the lines that are new
    fresh: dict[tuple[str, str], Message] = field(default_factory=dict)


class SqliteJournal:
    """Keeps messages in the file ``path``, made if need be.

    With ``synchronous="FULL"`` an acknowledged message survives a loss of power (``synced``); with
    ``"NORMAL"`` it survives the end of the process (``written``).
    """

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        *,
        synchronous: Synchronous = "FULL",
        now: Callable[[], float] = time.time,
    ) -> None:
        limits = limits or Limits()
        self.path = path
        self.durability = _DURABILITY[synchronous]
        self.dedupe_seconds = limits.dedupe_seconds
        self._limits = limits
        self._synchronous: Synchronous = synchronous
        self._now = now
        self._changed = threading.Condition()  # guards the next four
        self._queue: deque[tuple[Sequence[Draft], _Done]] = deque()
        self._queued = 0  # drafts
        self._accepting = False
        self._closing = False
        self._heads: dict[str, int] = {}  # as delivered; the writer's own once it runs

    def __repr__(self) -> str:
        return f"<SqliteJournal {self.path} {self.durability}>"

    # --- the seam --------------------------------------------------------------------------------

    def start(self, feed: Feed) -> None:
        """Open the file; raises `JournalError` that says what is wrong with it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = SqliteFile(self.path, self._synchronous)
            with file.closed_on_error():
                self._life = Life(file, self.path, self._synchronous)
                self._heads = file.heads()
                self._reader = SqliteReader(SqliteFile(self.path, read_only=True))
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self.path} cannot be used: {error}") from error
        self._feed = feed
        feed.opened(self._life.epoch, dict(self._heads))
        self._accepting = True
        self._writer = threading.Thread(
            target=self._write, args=(file,), name="chat-journal-writer", daemon=True
        )
        self._writer.start()

    def submit(self, drafts: Sequence[Draft], done: _Done) -> None:
        """Queue drafts; ``done`` is called by the writer or, if they are refused, before this returns."""
        with self._changed:
            accepted = self._accepting and self._queued + len(drafts) <= QUEUE
            if accepted:
                self._queue.append((drafts, done))
                self._queued += len(drafts)
                self._changed.notify_all()
        if not accepted:
            done(_refusals(drafts))

    def read(
        self,
        room: str,
        wire: Wire,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page in the reader's thread, which also encodes it and calls ``deliver``."""
        self._reader.submit(
            lambda file: page(
                file,
                self._life.epoch,
                room,
                wire,
                after=after,
                before=before,
                limit=limit,
                max_bytes=max_bytes,
            ),
            deliver,
        )

    def seek(self, room: str, back: int, before: int, deliver: Callable[[int | Unavailable], None]) -> None:
        """Find a position in the reader's thread, which calls ``deliver``."""
        self._reader.submit(lambda file: position(file, room, back, before), deliver)

    def close(self) -> None:
        """Write what was submitted, read what was asked, and close the file. Idempotent."""
        with self._changed:
            if self._closing:
                return
            self._accepting = False
            self._closing = True
            self._changed.notify_all()
        self._writer.join()
        self._reader.close()
        self._life.end()

    # --- the writer ------------------------------------------------------------------------------

    def _write(self, file: SqliteFile | None) -> None:
        while file is not None and (batch := self._next_batch()):
            drafts = [draft for each, _ in batch for draft in each]
            try:
                group = self._commit(file, drafts)
            except sqlite3.Error as error:
                log.warning("cannot write to the journal %s: %s", self.path, error)
                self._refuse(batch)
                file.close()
                file = self._recover()
            else:
                self._deliver(group.messages)
                self._answer(batch, group.outcomes)
                self._retain(file, group)
        if file is not None:
            with contextlib.suppress(sqlite3.Error):  # then it was not closed in order: the next life asks
                file.set_meta(clean=1)
                file.checkpoint()
            file.close()

    def _next_batch(self) -> list[tuple[Sequence[Draft], _Done]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            batch: list[tuple[Sequence[Draft], _Done]] = []
            size = 0
            while self._queue and size < GROUP:
                batch.append(self._queue.popleft())
                size += len(batch[-1][0])
            self._queued -= size
            return batch or None

    def _commit(self, file: SqliteFile, drafts: Sequence[Draft]) -> _Group:
        group = _Group()
        at = datetime.fromtimestamp(self._now(), UTC)
        with file.transaction():
            for draft in drafts:
                group.outcomes.append(self._add(file, group, draft, at))
            file.insert(group.rows)
            for room, sizes in group.added.items():
                file.grow(room, group.rooms[room][1], len(sizes), sum(sizes))
        return group

    def _add(self, file: SqliteFile, group: _Group, draft: Draft, at: datetime) -> Outcome:
        room, id_ = draft.room, draft.id
        if room not in group.rooms:
            group.rooms[room] = file.room(room) or (file.grow(room, 0, 0, 0), 0)
        number, head = group.rooms[room]
        if earlier := group.fresh.get((room, id_)):
            return _repeat(earlier.seq, earlier.text == draft.text)
        if known := file.known(number, id_):
            seq, line, mark = known
            same = (
                Message.model_validate_json(line).text == draft.text if line else mark == digest(draft.text)
            )
            return _repeat(seq, same)
        message = Message(room=room, seq=head + 1, prev=head, id=id_, nick=draft.nick, text=draft.text, at=at)
        line = encode(message)
        group.rooms[room] = (number, message.seq)
        group.fresh[room, id_] = message
        group.messages.append(message)
        group.rows.append((number, message.seq, head, id_, at.timestamp(), line))
        group.added.setdefault(room, []).append(len(line))
        return Outcome("stored", message.seq)

    def _deliver(self, messages: Sequence[Message]) -> None:
        if messages and self._feed is not None:
            self._feed.committed(messages)
            self._heads.update((message.room, message.seq) for message in messages)

    def _answer(self, batch: list[tuple[Sequence[Draft], _Done]], outcomes: list[Outcome]) -> None:
        start = 0
        for drafts, done in batch:
            done(outcomes[start : start + len(drafts)])
            start += len(drafts)

    # --- when a write fails ----------------------------------------------------------------------

    def _refuse(self, batch: list[tuple[Sequence[Draft], _Done]]) -> None:
        """Refuse a failed batch and all that waits behind it, so that no sender's order is broken."""
        with self._changed:
            self._accepting = False
            batch = [*batch, *self._queue]
            self._queue.clear()
            self._queued = 0
        for drafts, done in batch:
            done(_refusals(drafts))

    def _recover(self) -> SqliteFile | None:
        """Open the file anew, as often as need be; return ``None`` if the journal is closed first."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, timeout=RETRY_SECONDS):
                    return None
            try:
                file = SqliteFile(self.path, self._synchronous)
                with file.closed_on_error():
                    self._settle(file)
            except (sqlite3.Error, OSError, JournalError) as error:
                log.warning("the journal %s still cannot be used: %s", self.path, error)
                continue
            with self._changed:
                self._accepting = not self._closing
            log.warning("the journal %s can be used again", self.path)
            return file

    def _settle(self, file: SqliteFile) -> None:
        """Find out what of the failed write is in the file, and deliver it.

        It is moved into the file proper first: what a failed sync leaves in the system's memory can be
        read and yet be gone after a loss of power.
        """
        file.set_meta(clean=0)
        file.checkpoint()
        for room, head in file.heads().items():
            number, _ = file.room(room) or (0, 0)
            rows = file.read(number, self._heads.get(room, 0), head + 1, limit=-1)
            self._deliver([Message.model_validate_json(row.line) for row in rows])

    # --- retention -------------------------------------------------------------------------------

    def _retain(self, file: SqliteFile, group: _Group) -> None:
        limits = self._limits
        now = self._now()
        try:
            for room in group.added:
                with file.transaction():
                    file.expire(
                        group.rooms[room][0],
                        keep=limits.history_messages,
                        keep_bytes=limits.history_bytes,
                        since=None if limits.history_seconds is None else now - limits.history_seconds,
                        until=now + limits.dedupe_seconds,
                        at_most=2 * GROUP,
                    )
                    file.forget_ids(now, at_most=2 * GROUP)
        except sqlite3.Error as error:  # it will be tried again with the next messages
            log.warning("cannot remove old messages from %s: %s", self.path, error)


def _repeat(seq: int, same: bool) -> Outcome:
    return Outcome("repeat", seq) if same else Outcome("conflict")


def _refusals(drafts: Sequence[Draft]) -> list[Outcome]:
    return [Outcome("unavailable", retry_after=RETRY_SECONDS)] * len(drafts)


_: type[Journal] = SqliteJournal
