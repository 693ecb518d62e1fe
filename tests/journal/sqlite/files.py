"""A SQLite journal in a test's own directory, and files that fail when they are told to."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatcore.journal.sqlite import SqliteJournal, Times
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import Limits
from tests.journal.contract.record import DEADLINE, Record
from tests.server.driver import Clock

__all__ = ["QUICK", "Faults", "faulty", "kept_open", "texts"]

QUICK = 0.02
"""Seconds between two attempts to use a failed file, for tests that wait for a good one."""


@contextlib.contextmanager
def kept_open(
    path: Path,
    clock: Clock | None = None,
    *,
    limits: Limits | None = None,
    retry: float = QUICK,
    retention: float = 60.0,
    **options: Any,
) -> Iterator[Record]:
    """Open a journal and close it at the end."""
    clock = clock or Clock()
    times = Times(now=clock, retry=retry, retention=retention)
    record = Record(SqliteJournal(path, limits, times=times, **options), clock)
    try:
        yield record
    finally:
        record.journal.close()


def texts(record: Record, room: str = "lobby") -> list[str]:
    """Return what was told of a room, in order."""
    return [message.text for message in record.messages if message.room == room]


class Faults:
    """What goes wrong with a journal's file, and when; all of it in the writer's connection.

    ``plan`` says of the next commits whether they fail, ``before`` anything was written or ``after``
    all of it was; ``opening`` is how many attempts to open the file fail.
    """

    def __init__(self) -> None:
        self.plan: list[str] = []
        self.opening = 0
        self.commits = 0  # of transactions, failed ones too
        self.pages: int | None = None  # the most that the file may have, for a full disk
        self.busy_seconds = 1.0
        self.in_transaction = threading.Event()
        self.go_on = threading.Event()  # a transaction waits for this
        self.go_on.set()
        self.expired = threading.Semaphore(0)  # counts the pieces of retention
        self.connections: list[SqliteFile] = []


def faulty(faults: Faults) -> type[SqliteFile]:
    """Return a kind of file that fails as it is told."""

    class FaultyFile(SqliteFile):
        BUSY_SECONDS = faults.busy_seconds

        def __init__(self, path: Path, *args: Any, read_only: bool = False) -> None:
            self._ours = not read_only
            if self._ours and faults.opening:
                faults.opening -= 1
                raise sqlite3.OperationalError("unable to open database file")
            super().__init__(path, *args, read_only=read_only)
            if self._ours:
                faults.connections.append(self)
                self.limit_pages()

        def limit_pages(self) -> None:
            self.db.execute(f"PRAGMA max_page_count = {faults.pages or 2**30}")

        def commit(self) -> None:
            faults.commits += 1
            faults.in_transaction.set()
            assert faults.go_on.wait(DEADLINE)
            fault = faults.plan.pop(0) if faults.plan else "no"
            if fault == "before":
                raise sqlite3.OperationalError("disk I/O error")
            super().commit()
            if fault == "after":
                raise sqlite3.OperationalError("disk I/O error")

        def expire(self, room: int, **options: Any) -> int:
            gone = super().expire(room, **options)
            faults.expired.release()
            return gone

    return FaultyFile
