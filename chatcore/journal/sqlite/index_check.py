"""Looks at a search index from outside: what does it hold, and can it be used?"""

import sqlite3
from contextlib import closing
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.sqlite.index_file import IndexFile, OtherFormat, index_path

__all__ = ["check_index"]

_AGAIN = "a server makes it again"

_REMOVE = "stop the server and remove the file: the next start makes it again"


def check_index(path: Path, epoch: str) -> tuple[str, str]:
    """Return what there is of the index of a journal, and what to do about that, if anything."""
    index = index_path(path)
    if not index.exists():
        return "none; a server makes it, unless searching is off", ""
    try:
        with closing(IndexFile(index, read_only=True)) as file:
            return _check(file, epoch)
    except OtherFormat:
        return f"of another version of chat; {_AGAIN}", ""
    except JournalError as error:
        return "not ours", f"{error}; while it is there, nobody can search"
    except sqlite3.Error as error:
        return f"cannot be read: {error}", _REMOVE


def _check(file: IndexFile, epoch: str) -> tuple[str, str]:
    damage = [str(text) for (text,) in file.db.execute("PRAGMA quick_check(1)") if text != "ok"]
    if damage:
        return f"damaged: {damage[0]}", _REMOVE
    if not file.is_of(epoch):
        return f"of another epoch, or of other rules for words; {_AGAIN}", ""
    late = f", {file.late:,} of them late" if file.late else ""
    return f"{file.count:,} messages{late}, no problems found", ""
