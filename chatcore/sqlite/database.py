"""One connection to a file: how it is opened, what makes a write last, and which files are refused.

It is for one thread. The file is in WAL mode, so that a reader never waits for the writer
(https://sqlite.org/wal.html).
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatcore.errors import LocalError
from chatcore.sqlite.identity import FileIdentity

__all__ = ["Database", "FileKind", "Synchronous"]

Synchronous = Literal["FULL", "NORMAL"]

_MAGIC = b"SQLite format 3\0"

_APPLICATION = slice(68, 72)
"""Where in its header a database says whose it is."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file holds: how it is called in errors, the option that names it, and its tables.

    ``application`` distinguishes it from other programs' databases, and ``version`` is that of its format.
    ``tables`` are statements, each ending with ``;`` and a new line. ``error`` is raised for files that
    cannot be used.
    """

    noun: str
    option: str
    application: int
    version: int
    tables: str
    error: type[LocalError]

    def begins(self, header: bytes) -> bool:
        """Tell whether a file that begins with ``header`` is of this kind; its first 100 bytes are enough."""
        return header.startswith(_MAGIC) and header[_APPLICATION] == self.application.to_bytes(4)


class Database:
    """A connection; everything raises `sqlite3.Error` as SQLite does.

    Opened for writing, an empty file gets its tables, and one of an older version is brought up to date.
    """

    KIND: FileKind
    """What a file of this class is."""

    CREATES = True
    """Whether a file that is missing is made."""

    BUSY_SECONDS = 1.0
    """How long a statement waits for another program's lock."""

    def __init__(self, path: Path, synchronous: Synchronous = "FULL", *, read_only: bool = False) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._synchronous = synchronous
        before, _ = self._identities_now()
        mode = "ro" if read_only else "rwc" if self.CREATES else "rw"
        self.db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=self.BUSY_SECONDS,
        )
        with self.closed_on_error():
            if not read_only:
                self._open()
            self.version()  # which opens the log, if it is not open yet
            self._identities = self._identities_now()
            if before not in (None, self.identity):
                raise sqlite3.OperationalError("it was replaced")

    @property
    def identity(self) -> FileIdentity:
        """The file that this is connected to."""
        identity, _ = self._identities
        if identity is None:
            raise sqlite3.OperationalError("it was removed")
        return identity

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done within, or undo it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.commit()
        except BaseException:
            if self.db.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the first error is the one to report
                    self.db.execute("ROLLBACK")
            raise

    def commit(self) -> None:
        """End a transaction. If this fails, what was done in it may be in the file or not."""
        self.db.execute("COMMIT")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read within be of one moment."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def check_identity(self) -> None:
        """Fail if the file that has this name, or its log, is not the one that was opened."""
        now = self._identities_now()
        if None in now:
            raise sqlite3.OperationalError("it was removed")
        if now != self._identities:
            raise sqlite3.OperationalError("it was replaced")

    def check_kind(self) -> int:
        """Return the format of the file, 0 for an empty one; raises the kind's error if it cannot be used."""
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        version = self.version()
        if application != self.KIND.application and tables:
            raise self.KIND.error(f"{self._path} is another program's database; choose another file")
        if version > self.KIND.version:
            raise self.KIND.error(
                f"the {self.KIND.noun} {self._path} was written by a later version of chat"
                f" (format {version}); update chat"
            )
        return version

    def version(self) -> int:
        """Return the version of the file's format, 0 for an empty file."""
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _identities_now(self) -> tuple[FileIdentity | None, FileIdentity | None]:
        try:
            return FileIdentity.at(self._path), FileIdentity.at(self._log)
        except OSError as error:
            raise sqlite3.OperationalError(f"it cannot be reached ({error.strerror})") from error

    def _open(self) -> None:
        version = self.check_kind()
        (mode,) = self.db.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            (mode,) = self.db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise self.KIND.error(
                f"SQLite cannot use this file system for the {self.KIND.noun} {self._path}"
                f" (it has no WAL mode here); choose another place with {self.KIND.option}"
            )
        self.db.execute(f"PRAGMA synchronous = {self._synchronous}")
        self.db.execute("PRAGMA fullfsync = ON")  # elsewhere than on macOS this is nothing
        self.db.execute("PRAGMA secure_delete = ON")  # what is gone for readers is gone from the file
        if version < self.KIND.version:
            with self.transaction():
                version = self.version()  # another program may have been faster
                if version == 0:
                    self._make_tables()
                elif version < self.KIND.version:
                    self._migrate(version)
                self.db.execute(f"PRAGMA user_version = {self.KIND.version}")

    def _make_tables(self) -> None:
        for statement in self.KIND.tables.split(";\n"):
            if statement.strip():
                self.db.execute(statement)
        self.db.execute(f"PRAGMA application_id = {self.KIND.application}")

    def _migrate(self, version: int) -> None:
        """Bring the tables of an older version up to date, within a transaction."""
        raise NotImplementedError

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close the connection if what is done within fails."""
        try:
            yield
        except BaseException:
            self.db.close()
            raise
