"""The reading half of the SQLite journal: a thread and a connection of its own."""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from chatcore.journal import Entry, Page, Unavailable
from chatcore.journal.sqlite_file import Row, SqliteFile
from chatcore.messages import Message
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson

__all__ = ["SqliteReader", "page", "position"]

log = logging.getLogger("chat.journal")

RETRY_SECONDS = 1.0
"""When a reader whose read failed is told to try again."""

T = TypeVar("T")


class SqliteReader:
    """Answers reads in order, one at a time; whoever asks waits for nothing."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._jobs: deque[Callable[[], None] | None] = deque()
        self._added = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="chat-journal-reader", daemon=True)
        self._thread.start()

    def submit(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        """Have a question answered."""
        self._add(partial(self._do, answer, deliver))

    def close(self) -> None:
        """Answer what was asked, and close the connection."""
        self._add(None)
        self._thread.join()

    def _add(self, job: Callable[[], None] | None) -> None:
        with self._added:
            self._jobs.append(job)
            self._added.notify()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job()
        self._file.close()

    def _next(self) -> Callable[[], None] | None:
        with self._added:
            self._added.wait_for(lambda: self._jobs)
            return self._jobs.popleft()

    def _do(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        try:
            result: T | Unavailable = answer(self._file)
        except sqlite3.Error as error:
            log.warning("cannot read the journal: %s", error)
            result = Unavailable(RETRY_SECONDS)
        deliver(result)


def page(
    file: SqliteFile,
    epoch: str,
    room: str,
    wire: Wire,
    *,
    after: int | None,
    before: int | None,
    limit: int,
    max_bytes: int,
) -> Page:
    """Read a page, as `Journal.read` describes it."""
    number, head = file.room(room) or (0, 0)
    low, high = after or 0, head + 1 if before is None else before
    entries: list[Entry] = []
    size, more = 0, False
    for row in file.read(number, low, high, limit + 1, newest=after is None):
        entry = _entry(row, wire)
        size += len(entry.data)
        if len(entries) == limit or (entries and size > max_bytes):
            more = True
            break
        entries.append(entry)
    if after is None:
        entries.reverse()
    base = entries[0].prev if entries else max(low, file.position_below(number, high, head))
    through = entries[-1].seq if entries else base
    return Page(epoch, base, through, tuple(entries), more)


def position(file: SqliteFile, room: str, back: int, before: int) -> int:
    """Find a position, as `Journal.seek` describes it."""
    number, head = file.room(room) or (0, 0)
    found = file.position_back(number, back, before)
    return file.position_below(number, before, head) if found is None else found


def _entry(row: Row, wire: Wire) -> Entry:
    data = row.line if wire is ndjson else wire.encode(Message.model_validate_json(row.line))
    return Entry(row.seq, row.prev, row.id, data)
