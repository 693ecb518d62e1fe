"""``chat history``: what a journal holds, a message a line."""

import sqlite3
import sys
from pathlib import Path

from chatcore.errors import UsageError
from chatcore.journal.sqlite_file import SqliteFile
from chatcore.names import fold

__all__ = ["run"]

ALL = -1


def run(path: Path, rooms: list[str], after: int, before: int) -> None:
    """Print messages as newline-delimited JSON, room by room, oldest first.

    A server may have the journal open meanwhile.
    """
    if not path.is_file():
        raise UsageError(f"there is no journal {path}")
    try:
        file = SqliteFile(path, read_only=True)
        heads = file.heads()
        for room in sorted(heads) if not rooms else dict.fromkeys(map(fold, rooms)):
            if room not in heads:
                raise UsageError(f"the journal {path} has no room {room}")
            number, head = file.room(room) or (0, 0)
            for row in file.read(number, after, min(before, head + 1), ALL):
                sys.stdout.buffer.write(row.line)
        file.close()
    except sqlite3.Error as error:
        raise OSError(f"the journal {path} cannot be read: {error}") from error
