"""A SQLite journal in a test's own directory, and files that fail on demand."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatcore.journal.sqlite import SqliteJournal, Times
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import HistoryLimits
from tests.journal.contract.harness import DEADLINE, Harness
from tests.server.driver import Clock

__all__ = ["QUICK", "Faults", "damage", "faulty", "open_journal", "texts"]

QUICK = 0.02
"""Seconds between two attempts to use a failed file, for tests that wait for the recovery."""


@contextlib.contextmanager
def open_journal(
    path: Path,
    clock: Clock | None = None,
    *,
    limits: HistoryLimits | None = None,
    retry: float = QUICK,
    retention: float = 60.0,
    **options: Any,
) -> Iterator[Harness]:
    """Open a journal and close it at the end."""
    clock = clock or Clock()
    times = Times(now=clock, retry=retry, retention=retention)
    harness = Harness(SqliteJournal(path, limits, times=times, **options), clock)
    try:
        yield harness
    finally:
        harness.journal.close()


def texts(harness: Harness, room: str = "lobby") -> list[str]:
    """Return the committed texts of a room, in sequence."""
    return [message.text for message in harness.messages if message.room == room]


def damage(path: Path, *seqs: int, room: str = "lobby") -> None:
    """Overwrite the stored lines of some messages."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "UPDATE messages SET line = x'00ff' || substr(line, 3)"
            " WHERE seq = ? AND room = (SELECT id FROM rooms WHERE name = ?)",
            [(seq, room) for seq in seqs],
        )


class Faults:
    """What goes wrong with a journal's file, and when; all of it on the writer's connection.

    ``plan`` says of the next commits whether they fail ``before`` anything was written or ``after``
    everything was; ``opening`` is how many attempts to open the file will fail.
    """

    def __init__(self) -> None:
        self.plan: list[str] = []
        self.opening = 0
        self.commits = 0  # counts transactions, including failed ones
        self.pages: int | None = None  # the most that the file may have, to simulate a full disk
        self.busy_seconds = 1.0
        self.in_transaction = threading.Event()
        self.may_commit = threading.Event()  # each transaction waits for this
        self.may_commit.set()
        self.expired = threading.Semaphore(0)  # counts the steps of retention
        self.connections: list[SqliteFile] = []


def faulty(faults: Faults) -> type[SqliteFile]:
    """Return a class of files that have these faults."""

    class FaultyFile(SqliteFile):
        BUSY_SECONDS = faults.busy_seconds

        def __init__(self, path: Path, *args: Any, read_only: bool = False) -> None:
            self._is_writer = not read_only
            if self._is_writer and faults.opening:
                faults.opening -= 1
                raise sqlite3.OperationalError("unable to open database file")
            super().__init__(path, *args, read_only=read_only)
            if self._is_writer:
                faults.connections.append(self)
                self.limit_pages()

        def limit_pages(self) -> None:
            self.db.execute(f"PRAGMA max_page_count = {faults.pages or 2**30}")

        def commit(self) -> None:
            faults.commits += 1
            faults.in_transaction.set()
            assert faults.may_commit.wait(DEADLINE)
            fault = faults.plan.pop(0) if faults.plan else "no"
            if fault == "before":
                raise sqlite3.OperationalError("disk I/O error")
            super().commit()
            if fault == "after":
                raise sqlite3.OperationalError("disk I/O error")

        def expire(self, room: int, **options: Any) -> int:
            deleted = super().expire(room, **options)
            faults.expired.release()
            return deleted

    return FaultyFile
