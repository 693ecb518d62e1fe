"""``chat history``: what a journal holds, a message a line."""

import contextlib
import sqlite3
import sys
from pathlib import Path

from chatcore.errors import UsageError
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.names import fold

__all__ = ["run"]

PAGE = 1_000
"""Messages read at once. Between two reads the server may tidy its file, however slow our reader is."""


def run(path: Path, rooms: list[str], after: int, before: int) -> None:
    """Print messages as newline-delimited JSON, room by room, oldest first.

    A server may have the journal open meanwhile.
    """
    if not path.is_file():
        raise UsageError(f"there is no journal {path}")
    try:
        with contextlib.closing(SqliteFile(path, read_only=True)) as file:
            file.check_kind()
            heads = file.heads()
            for room in sorted(heads) if not rooms else dict.fromkeys(map(fold, rooms)):
                if room not in heads:
                    raise UsageError(f"the journal {path} has no room {room}")
                _print(file, room, after, before)
    except sqlite3.Error as error:
        raise OSError(f"the journal {path} cannot be read: {error}") from error


def _print(file: SqliteFile, room: str, after: int, before: int) -> None:
    number, head = file.room(room) or (0, 0)
    while rows := list(file.read(number, after, min(before, head + 1), PAGE)):
        for row in rows:
            sys.stdout.buffer.write(row.line)
        after = rows[-1].seq
