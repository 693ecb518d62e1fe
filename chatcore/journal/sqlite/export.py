"""Reads a journal's messages from its file, without a server and beside one that runs.

The lines are what the journal stored and the typed wire sends, byte for byte. They are read a page at a
time, each page in a read of its own: however slow the caller is, the server can write and tidy its file
between two pages. So messages may expire while they are exported, and new ones are not included.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from chatcore.errors import JournalError, UsageError
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.names import fold

__all__ = ["stored_lines"]

PAGE = 1_000
"""Messages read at once."""


def stored_lines(
    path: Path, rooms: Iterable[str] = (), *, after: int = 0, before: int | None = None
) -> Iterator[bytes]:
    """Yield the stored messages of some rooms, one line of JSON each, room by room, oldest first.

    Without ``rooms``, of all rooms, by name. ``after`` and ``before`` are numbers of messages, both
    exclusive. Raises `UsageError` if there is no such file or room, and `JournalError` if the file is not a
    journal or cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"there is no journal {path}")
    try:
        with contextlib.closing(SqliteFile(path, read_only=True)) as file:
            file.check_kind()
            heads = file.heads()
            for room in dict.fromkeys(map(fold, rooms)) or sorted(heads):
                if room not in heads:
                    raise UsageError(f"the journal {path} has no room {room}")
                end = heads[room] + 1
                yield from _lines(file, room, after, end if before is None else min(before, end))
    except sqlite3.Error as error:
        raise JournalError(f"cannot read the journal {path}: {error}") from error


def _lines(file: SqliteFile, room: str, after: int, before: int) -> Iterator[bytes]:
    number, _ = file.room(room) or (0, 0)
    while rows := list(file.read(number, after, before, PAGE)):
        for row in rows:
            yield row.line
        after = rows[-1].seq
