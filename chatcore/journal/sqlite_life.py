"""The life of a SQLite journal: who has it open, and under which epoch its numbers are given out.

A file that was replaced by an older copy would give numbers out twice, and readers who resume would
miss messages in silence. So would one that lost its last commits, because it is not synced at each.
Such a file begins a new life, with a new epoch.

Beside the journal stands a second, tiny database that tells: it counts how often the journal was
opened, and on which file. It is locked for as long as a server has the journal open.
"""

import secrets
import sqlite3
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.sqlite_file import SqliteFile, Synchronous

__all__ = ["Life", "witness_path"]


def witness_path(path: Path) -> Path:
    """Return where the second database of a journal is."""
    return path.with_name(f"{path.name}-life")


class Life:
    """Holds a journal for one process. ``epoch`` names the life of the record.

    Raises `JournalError` if another process has it, and `sqlite3.Error` as SQLite does.
    """

    def __init__(self, file: SqliteFile, path: Path, synchronous: Synchronous) -> None:
        self._file = file
        self._path = path
        self._witness = sqlite3.connect(
            witness_path(path), isolation_level=None, check_same_thread=False, timeout=0.0
        )
        try:
            seen = self._lock()
            self.epoch = self._begin(seen, synchronous)
        except BaseException:
            self._witness.close()
            raise

    def end(self) -> None:
        """Let go of the journal; whether it was closed in order is for its file to say."""
        self._witness.close()

    def _lock(self) -> tuple[int, int] | None:
        try:
            self._witness.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._witness.execute("CREATE TABLE IF NOT EXISTS witness (opened INTEGER, inode INTEGER)")
            self._witness.execute("BEGIN EXCLUSIVE")  # the mode keeps the lock that this takes
            self._witness.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JournalError(f"the journal {self._path} is in use by another server") from error
            raise
        row: tuple[int, int] | None = self._witness.execute("SELECT opened, inode FROM witness").fetchone()
        return row

    def _begin(self, seen: tuple[int, int] | None, synchronous: Synchronous) -> str:
        meta = self._file.meta()
        opened, inode = int(meta.get("opened", 0)), self._path.stat().st_ino
        replaced = opened > 0 and seen != (opened, inode)
        lossy = not meta.get("clean", 1) and meta.get("synchronous") != "FULL"
        epoch = str(meta.get("epoch", ""))
        if not epoch or replaced or lossy:
            epoch = secrets.token_hex(8)
        self._file.set_meta(epoch=epoch, opened=opened + 1, clean=0, synchronous=synchronous)
        self._file.checkpoint()
        self._witness.execute("BEGIN")
        self._witness.execute("DELETE FROM witness")
        self._witness.execute("INSERT INTO witness VALUES (?, ?)", (opened + 1, inode))
        self._witness.execute("COMMIT")
        return epoch
