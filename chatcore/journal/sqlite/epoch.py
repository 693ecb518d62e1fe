"""The epoch of a SQLite journal: under which name its numbers are given out, and who has it open.

A file that was replaced by an older copy would give numbers out twice, and readers who resume would miss
messages in silence. So would one that lost its last commits, because it is not synced at each. Such a file
gets a new epoch.

Beside the journal is a second, tiny database, the *witness*. A server holds it locked for as long as it has
the journal open. The two count together how often that began and ended cleanly (their *turn*), so a copy
from before differs from the witness. They count in one order, such that a crash in between is not taken for
a copy: the witness notes that a turn may come, the journal takes it, the witness forgets the one before.
"""

import secrets
import sqlite3
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal import Stored
from chatcore.journal.sqlite.connection import Synchronous
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import SqliteFile

__all__ = ["EpochGuard", "witness_path"]


def witness_path(path: Path) -> Path:
    """Return where the second database of a journal is."""
    return path.with_name(f"{path.name}-life")


class EpochGuard:
    """Holds a journal for one process: made before its file is opened, released after it is closed.

    ``epoch`` is known once `begin` was called. Raises `JournalError` if another process holds the
    journal, and `sqlite3.Error` as SQLite does.
    """

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self.epoch = ""
        self._path = path
        self._synchronous = synchronous
        self._turn = 0
        self._held: int | None = None  # the inode of the file that this epoch belongs to
        self._is_new = not witness_path(path).exists()
        self._witness = sqlite3.connect(
            witness_path(path), isolation_level=None, check_same_thread=False, timeout=0.0
        )
        try:
            self._lock()
        except BaseException:
            self._witness.close()
            raise

    def begin(self, file: SqliteFile, *, anew: bool = False) -> None:
        """Find out whether the file continues its epoch, and begin that one or, if not, a new one."""
        meta = file.meta()
        self._turn = int(meta.get("turn", 0))
        self.epoch = str(meta.get("epoch", ""))
        replaced = self._turn > 0 and (self._turn, self._inode()) not in self._seen()
        lossy = not meta.get("clean", 1) and meta.get("synchronous") != "FULL"
        if anew or not self.epoch or replaced or lossy:
            self.epoch = secrets.token_hex(8)
        self._count(file, clean=0)

    def resume(self, file: SqliteFile, delivered: Stored | None) -> None:
        """Continue after a failure, with the file as it is now.

        If it is another file, or lacks anything that was delivered, a new epoch begins. ``delivered`` is
        the last message that was, if any. An older copy, and a file that has lost its last writes, lack that
        one if they lack anything: what is written later is in no file without what was written before.
        """
        meta = file.meta()
        room = NO_ROOM if delivered is None else file.room(delivered.room) or NO_ROOM
        same = (
            meta.get("epoch") == self.epoch
            and meta.get("turn") == self._turn
            and (self._turn, self._inode()) in self._seen()
            and (delivered is None or room.head >= delivered.seq)
        )
        if same:
            file.set_meta(clean=0)
            file.check_identity()
            self._held = self._inode()
        else:
            self.epoch = secrets.token_hex(8)
            self._count(file, clean=0)

    def end(self, file: SqliteFile) -> None:
        """Note that the journal was closed cleanly."""
        self._count(file, clean=1)

    def check(self) -> None:
        """Fail if the journal's file is not the one that the epoch belongs to; callable from any thread."""
        try:
            replaced = self._inode() != self._held
        except OSError as error:
            raise sqlite3.OperationalError(f"it was removed ({error.strerror})") from error
        if replaced:
            raise sqlite3.OperationalError("it was replaced")

    def release(self) -> None:
        """Let other processes have the journal. Idempotent."""
        if self._is_new and not self._turn:  # nothing was begun: leave nothing beside what is no journal
            witness_path(self._path).unlink(missing_ok=True)
        self._witness.close()

    def _lock(self) -> None:
        try:
            self._witness.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._witness.execute("CREATE TABLE IF NOT EXISTS witness (turn INTEGER, inode INTEGER)")
            self._witness.execute("BEGIN EXCLUSIVE")  # the mode keeps the lock that this takes
            self._witness.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise JournalError(
                    f"the journal {self._path} "
                    "is in use by another server; stop that, or choose another with --journal"
                ) from error
            raise
        except sqlite3.DatabaseError as error:
            witness = witness_path(self._path)
            raise JournalError(
                f"{witness}, which belongs to a journal, is damaged ({error}); "
                "remove it, and every reader starts again from the beginning"
            ) from error

    def _seen(self) -> set[tuple[int, int]]:
        return set(self._witness.execute("SELECT turn, inode FROM witness"))

    def _inode(self) -> int:
        return self._path.stat().st_ino

    def _count(self, file: SqliteFile, *, clean: int) -> None:
        inode, turn = self._inode(), self._turn + 1
        self._witness.execute("INSERT INTO witness VALUES (?, ?)", (turn, inode))
        file.set_meta(epoch=self.epoch, turn=turn, clean=clean, synchronous=self._synchronous)
        file.check_identity()
        self._witness.execute("DELETE FROM witness WHERE (turn, inode) != (?, ?)", (turn, inode))
        self._turn = turn
        self._held = inode
