"""The epoch of a SQLite journal: under which name its numbers are given out, and who has it open.

A file that was replaced by an older copy would give numbers out twice, and readers who resume would miss
messages in silence. So would one that lost its last commits, because it is not synced at each. Such a file
gets a new epoch.

Beside the journal is a second, tiny database, the *witness*. A server holds it locked for as long as it has
the journal open, like the journal itself (see `lock`). The two count together how often that began and ended
cleanly (their *turn*), so a copy from before differs from the witness. They count in one order, such that a
crash in between is not taken for a copy: the witness notes that a turn may come, the journal takes it, the
witness forgets the one before.

While it runs, the file that the epoch belongs to, and the epoch in it, are compared with those of the
reader's connection before each answer, and with those of the writer's after each write. So once the writer
has noticed that the file was replaced, nothing is answered from the old one.

The journal also notes its path. Under another name of the same file SQLite does not find the log of a server
that was killed, and would take the file for all there is; so that is refused.
"""

import secrets
import sqlite3
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal import Stored
from chatcore.journal.sqlite.lock import FileLock, in_use
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.private import create
from chatcore.sqlite.database import Synchronous
from chatcore.sqlite.identity import FileIdentity

__all__ = ["EpochGuard", "witness_path"]

PROOF = 65_536
"""Characters that are written after a failure, to see that messages can be stored again; the longest line."""


def witness_path(path: Path) -> Path:
    """Return where the second database of a journal is."""
    return path.with_name(f"{path.name}-life")


class EpochGuard:
    """Holds a journal for one process: made before its file is opened, released after it is closed.

    ``path`` is one without links. Raises `JournalError` if another process holds the journal, `OSError` if
    its files cannot be created, and `sqlite3.Error` as SQLite does.
    """

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._path = path
        self._synchronous = synchronous
        self._turn = 0
        self._current: tuple[FileIdentity | None, str] = (None, "")  # the file, and its epoch
        self._is_new = False  # the witness
        self._lock = FileLock(path)
        try:
            self._is_new = create(witness_path(path))
            self._witness = self._locked_witness()
        except BaseException:
            self._remove_new_witness()
            self._lock.release()
            raise

    @property
    def epoch(self) -> str:
        """The epoch, which is known once `begin` was called."""
        return self._current[1]

    def hold(self) -> None:
        """Hold the file that has the journal's path now; connections to an earlier one have to be closed."""
        self._lock.renew()

    def begin(self, file: SqliteFile, *, anew: bool = False) -> None:
        """Find out whether the file continues its epoch, and begin that one or, if not, a new one."""
        meta = file.meta()
        self._refuse_another_name(file, meta)
        self._turn = int(meta.get("turn", 0))
        epoch = str(meta.get("epoch", ""))
        replaced = self._turn > 0 and (self._turn, file.identity.inode) not in self._seen()
        lossy = not meta.get("clean", 1) and meta.get("synchronous") != "FULL"
        if anew or not epoch or replaced or lossy:
            epoch = secrets.token_hex(8)
        self._count(file, epoch, clean=0)
        file.checkpoint()  # so that the path is in the file itself

    def resume(self, file: SqliteFile, delivered: Stored | None) -> None:
        """Continue after a failure, with the file as it is now; fails where nothing can be written.

        If it is another file, or lacks anything that was delivered, a new epoch begins. ``delivered`` is
        the last message that was, if any. An older copy, and a file that has lost its last writes, lack that
        one if they lack anything: what is written later is in no file without what was written before.
        """
        meta = file.meta()
        room = NO_ROOM if delivered is None else file.room(delivered.room) or NO_ROOM
        same = (
            meta.get("epoch") == self.epoch
            and meta.get("turn") == self._turn
            and (self._turn, file.identity.inode) in self._seen()
            and (delivered is None or room.head >= delivered.seq)
        )
        if same:
            # SQLite writes nothing where nothing changes, and there may be room for a page but for no post.
            file.set_meta(clean=0, proof=secrets.token_hex(PROOF // 2))
            file.check_identity()
            self._current = (file.identity, self.epoch)
        else:
            self._count(file, secrets.token_hex(8), clean=0)

    def end(self, file: SqliteFile) -> None:
        """Note that the journal was closed cleanly."""
        self._count(file, self.epoch, clean=1)

    def check(self, file: SqliteFile) -> None:
        """Fail if a file is not the one that the epoch belongs to; callable from any thread."""
        if (file.identity, file.epoch()) != self._current:
            raise sqlite3.OperationalError("it was replaced")

    def release(self) -> None:
        """Let other processes have the journal. Idempotent."""
        self._remove_new_witness()
        self._witness.close()
        self._lock.release()

    def _remove_new_witness(self) -> None:
        if self._is_new and not self._turn:  # nothing was begun: leave nothing beside what is no journal
            witness_path(self._path).unlink(missing_ok=True)
        self._is_new = False

    def _locked_witness(self) -> sqlite3.Connection:
        path = witness_path(self._path)
        witness = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.0)
        try:
            witness.execute("PRAGMA locking_mode = EXCLUSIVE")
            witness.execute("CREATE TABLE IF NOT EXISTS witness (turn INTEGER, inode INTEGER)")
            witness.execute("BEGIN EXCLUSIVE")  # the mode keeps the lock that this takes
            witness.execute("COMMIT")
        except BaseException as error:
            witness.close()
            if isinstance(error, sqlite3.DatabaseError):
                self._explain(error)
            raise
        return witness

    def _explain(self, error: sqlite3.DatabaseError) -> None:
        """Raise what is to be told of an error of the witness, where that is not the error itself."""
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise in_use(self._path) from error
        if not isinstance(error, sqlite3.OperationalError):
            raise JournalError(
                f"{witness_path(self._path)}, which belongs to a journal, is damaged ({error}); "
                "remove it, and every reader starts again from the beginning"
            ) from error

    def _refuse_another_name(self, file: SqliteFile, meta: dict[str, str | int]) -> None:
        other = Path(str(meta.get("path", self._path)))
        log, own = (path.with_name(f"{path.name}-wal") for path in (other, self._path))
        try:
            is_open = log.stat().st_size > 0 and not own.samefile(log)
        except OSError:
            return
        if is_open and FileIdentity.at(other) == file.identity:
            raise JournalError(
                f"the journal {self._path} was last used as {other}, and {log} has messages that are not in "
                "it yet; use it by that name"
            )

    def _seen(self) -> set[tuple[int, int]]:
        return set(self._witness.execute("SELECT turn, inode FROM witness"))

    def _count(self, file: SqliteFile, epoch: str, *, clean: int) -> None:
        inode, turn = file.identity.inode, self._turn + 1
        self._witness.execute("INSERT INTO witness VALUES (?, ?)", (turn, inode))
        file.set_meta(
            epoch=epoch, turn=turn, clean=clean, synchronous=self._synchronous, path=str(self._path)
        )
        file.check_identity()
        self._witness.execute("DELETE FROM witness WHERE (turn, inode) != (?, ?)", (turn, inode))
        self._turn = turn
        self._current = (file.identity, epoch)
