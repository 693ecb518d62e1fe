"""A journal in one SQLite file: durable, ordered, and read without waiting for the writer.

One thread writes (`SqliteWriter`), another reads (`SqliteReader`), each over a connection of its
own; here they are put together.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from chatcore.journal import Draft, Feed, Journal, Outcome, Page, Unavailable
from chatcore.journal.sqlite.connection import Synchronous
from chatcore.journal.sqlite.epoch import EpochGuard
from chatcore.journal.sqlite.errors import explain
from chatcore.journal.sqlite.queue import DraftQueue
from chatcore.journal.sqlite.reader import RETRY_SECONDS, SqliteReader, page, position
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.journal.sqlite.writer import SqliteWriter, Times, refusals
from chatcore.limits import Limits
from chatcore.messages import DurabilityWord

__all__ = ["QUEUE", "SqliteJournal", "Times"]

QUEUE = 16_384
"""Drafts that may wait; more are refused, since an answer that comes too late is none."""

_DURABILITY: dict[Synchronous, DurabilityWord] = {"FULL": "synced", "NORMAL": "written"}


class SqliteJournal:
    """Keeps messages in the file ``path``, made if need be.

    With ``synchronous="FULL"`` an acknowledged message survives a loss of power (``synced``); with
    ``"NORMAL"`` it survives the end of the process (``written``). ``file`` makes its connections.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        *,
        synchronous: Synchronous = "FULL",
        times: Times | None = None,
        file: type[SqliteFile] = SqliteFile,
    ) -> None:
        self._limits = limits or Limits()
        self.path = path
        self.durability = _DURABILITY[synchronous]
        self.dedupe_seconds = self._limits.dedupe_seconds
        self._synchronous: Synchronous = synchronous
        self._times = times or Times()
        self._file = file
        self._queue = DraftQueue(QUEUE)
        self._parts: tuple[SqliteWriter, SqliteReader, EpochGuard] | None = None  # once it is open

    def __repr__(self) -> str:
        return f"<SqliteJournal {self.path} {self.durability}>"

    def start(self, feed: Feed) -> None:
        """Open the file; raises `JournalError` that says what is wrong with it."""
        with contextlib.ExitStack() as opened:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                life = EpochGuard(self.path, self._synchronous)
                opened.callback(life.release)
                file = opened.enter_context(contextlib.closing(self._open()))
                life.begin(file)
                reader = SqliteReader(lambda: self._file(self.path, read_only=True))
                opened.callback(reader.close)
                writer = SqliteWriter(
                    self.path,
                    self._open,
                    self._queue,
                    life,
                    feed,
                    self._limits,
                    self._times,
                    before_recovery=reader.look_again,
                )
                writer.start(file)
            except (sqlite3.Error, OSError) as error:
                raise explain(self.path, error) from error
            opened.pop_all()
        self._parts = (writer, reader, life)

    def submit(self, drafts: Sequence[Draft], done: Callable[[Sequence[Outcome]], None]) -> None:
        """Queue drafts; ``done`` is called by the writer or, after `close`, before this returns."""
        if self._parts is None or not self._queue.put(drafts, done):
            done(refusals(drafts, self._times.retry))

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page in the reader's thread, which also encodes it and calls ``deliver``."""
        if self._parts is None:
            deliver(Unavailable(RETRY_SECONDS))
            return
        self._parts[1].submit(
            lambda file: page(file, room, after=after, before=before, limit=limit, max_bytes=max_bytes),
            deliver,
        )

    def seek(self, room: str, back: int, before: int, deliver: Callable[[int | Unavailable], None]) -> None:
        """Find a position in the reader's thread, which calls ``deliver``."""
        if self._parts is None:
            deliver(Unavailable(RETRY_SECONDS))
            return
        self._parts[1].submit(lambda file: position(file, room, back, before), deliver)

    def close(self) -> None:
        """Write what was submitted, read what was asked, and close the file. Idempotent."""
        self._queue.close()
        if self._parts is not None:
            writer, reader, life = self._parts
            writer.join()
            reader.close()
            life.release()

    def _open(self) -> SqliteFile:
        return self._file(self.path, self._synchronous)


_: type[Journal] = SqliteJournal
