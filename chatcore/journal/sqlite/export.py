"""Reads a journal's messages from its file, without a server and beside one that runs.

The lines are what the journal stored and the typed wire sends, byte for byte. They are read a page at a
time, each page in a read of its own: however slow the caller is, the server can write and tidy its file
between two pages. So messages may expire while they are exported, and new ones are not included.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from chatcore.errors import JournalError, UsageError
from chatcore.fields import SEQ_MAX
from chatcore.journal import Stored
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.page import entries
from chatcore.journal.sqlite.rooms import RoomRow
from chatcore.journal.sqlite.statements import Row, SqliteFile
from chatcore.journal.times import milliseconds
from chatcore.messages import Gap, PageGap
from chatcore.names import fold

__all__ = ["stored_entries"]

PAGE = 1_000
"""Messages read at once."""


def stored_entries(
    path: Path,
    rooms: Iterable[str] = (),
    *,
    after: int | None = None,
    before: int | None = None,
    after_at: datetime | None = None,
    before_at: datetime | None = None,
) -> Iterator[Stored | Gap]:
    """Yield the stored messages of some rooms, room by room, oldest first, and a gap where some are damaged.

    Without ``rooms``, of all rooms, by name. ``after`` and ``before`` are numbers of messages, both
    exclusive. ``after_at`` and ``before_at`` are times, of which whole milliseconds count: messages of the
    first are included, those of the second are not. With a lower bound, there is a gap for what has
    expired. Raises `UsageError` for two lower or two upper bounds, or if there is no such file or room, and
    `JournalError` if the file is not a journal or cannot be read.
    """
    bounds = Bounds(_number(after), _number(before), after_at, before_at)
    if not bounds.are_single:
        raise UsageError("give one lower and one upper bound at most: each a number or a time")
    if not path.is_file():
        raise UsageError(f"there is no journal {path}")
    try:
        with contextlib.closing(SqliteFile(path, read_only=True)) as file:
            file.check_kind()
            for name, room in list(_chosen(file, path, list(rooms))):
                yield from _entries(file, name, room, bounds)
    except sqlite3.Error as error:
        raise JournalError(f"cannot read the journal {path}: {error}") from error


def _number(bound: int | None) -> int | None:
    """Return a bound that SQLite can compare: no message has a larger number, or a smaller one."""
    return None if bound is None else max(0, min(bound, SEQ_MAX))


def _chosen(file: SqliteFile, path: Path, rooms: Sequence[str]) -> Iterator[tuple[str, RoomRow]]:
    if not rooms:
        yield from ((name, room) for name, room in file.all_rooms() if not room.removed)
    for name in dict.fromkeys(map(fold, rooms)):
        room = file.room(name)
        if room is None:
            raise UsageError(f"the journal {path} has no room {name}")
        yield name, room


def _entries(file: SqliteFile, name: str, room: RoomRow, asked: Bounds) -> Iterator[Stored | Gap]:
    number, head = room.number, room.head
    oldest = file.position_before_all(number, head)
    bounds = asked.in_numbers(file, number, oldest, head)
    after, before = bounds.after or 0, head + 1 if bounds.before is None else min(bounds.before, head + 1)
    position = _asked_from(asked, room, after, oldest)
    for entry in entries(_rows(file, number, after, before), after, vanished="expired"):
        begin = entry.after if isinstance(entry, PageGap) else entry.prev
        if position is not None and position < begin:
            yield Gap(room=name, after=position, through=begin, reason="expired")
        if isinstance(entry, PageGap):
            yield Gap(room=name, after=entry.after, through=entry.through, reason=entry.reason)
            position = entry.through
        else:
            yield entry.stored(name)
            position = entry.seq
    if position is not None and position < (end := file.position_below(number, before, head)):
        yield Gap(room=name, after=position, through=end, reason="expired")


def _asked_from(asked: Bounds, room: RoomRow, after: int, oldest: int) -> int | None:
    """Return the position from which on everything was asked for; nothing that has expired, without one."""
    if asked.after_at is None:
        return asked.after
    if after > oldest:
        return after
    is_later = room.at is not None and room.at * 1_000 < milliseconds(asked.after_at)
    return None if is_later else 0  # what has expired may be from after that time


def _rows(file: SqliteFile, number: int, after: int, before: int) -> Iterator[Row]:
    while rows := list(file.read(number, after, before, PAGE)):
        yield from rows
        after = rows[-1].seq
