"""One connection to the file of the SQLite journal: how it is opened, and what makes a write last.

It is for one thread. The file is in WAL mode, so that a reader never waits for the writer
(https://sqlite.org/wal.html).
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from chatcore.errors import JournalError
from chatcore.journal.sqlite.identity import FileIdentity
from chatcore.journal.sqlite.migration import add_ends, add_seals

__all__ = ["SqliteConnection", "Synchronous"]

Synchronous = Literal["FULL", "NORMAL"]

_VERSION = 3
_APPLICATION = 0x63686174  # "chat": distinguishes a journal from another program's database

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,     -- folded
    head INTEGER NOT NULL,         -- outlives the messages
    count INTEGER NOT NULL,        -- of the messages that are stored
    bytes INTEGER NOT NULL,        -- of their lines
    at REAL,                       -- of the last message, also when it has expired; NULL if unknown
    removed INTEGER NOT NULL DEFAULT 0     -- then it is not listed
);
CREATE INDEX rooms_listed ON rooms (name) WHERE removed = 0;
CREATE TABLE messages (
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    id TEXT NOT NULL,
    at REAL NOT NULL,              -- seconds since 1970, as in the line; never decreases in a room
    line BLOB NOT NULL,            -- the frame as the typed wire writes it
    digest BLOB NOT NULL DEFAULT x'',      -- of what was posted
    author TEXT,                   -- the account that posted it; no nick proves anything
    crc INTEGER NOT NULL DEFAULT -1,       -- of seq, prev, id and line
    clock REAL,                    -- by when it was stored, if `at` was ahead of that
    PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX message_ids ON messages (room, id);
CREATE INDEX message_clocks ON messages (room, clock) WHERE clock IS NOT NULL;
CREATE TABLE expired_ids (
    room INTEGER NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,          -- of the text
    until REAL NOT NULL,           -- when the id may be forgotten
    PRIMARY KEY (room, id)
) WITHOUT ROWID;
CREATE INDEX expired_ids_until ON expired_ids (until);
"""


class SqliteConnection:
    """A connection; everything raises `sqlite3.Error` as SQLite does.

    Opened for writing, a file of an older version is brought up to date.
    """

    BUSY_SECONDS = 1.0
    """How long a statement waits for another program's lock."""

    def __init__(self, path: Path, synchronous: Synchronous = "FULL", *, read_only: bool = False) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._synchronous = synchronous
        before, _ = self._identities_now()
        uri = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
        self.db = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=self.BUSY_SECONDS
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

    def _identities_now(self) -> tuple[FileIdentity | None, FileIdentity | None]:
        try:
            return FileIdentity.at(self._path), FileIdentity.at(self._log)
        except OSError as error:
            raise sqlite3.OperationalError(f"it cannot be reached ({error.strerror})") from error

    def check_kind(self) -> int:
        """Return the format of the file, 0 for an empty one; raises `JournalError` if it cannot be used."""
        (kind,) = self.db.execute("PRAGMA application_id").fetchone()
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        version = self.version()
        if kind != _APPLICATION and tables:
            raise JournalError(f"{self._path} is another program's database; choose another file")
        if version > _VERSION:
            raise JournalError(
                f"the journal {self._path} was written by a later version of chat (format {version}); "
                "update chat"
            )
        return version

    def version(self) -> int:
        """Return the version of the file's format, 0 for an empty file."""
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _open(self) -> None:
        version = self.check_kind()
        (mode,) = self.db.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            (mode,) = self.db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise JournalError(
                f"SQLite cannot use this file system for the journal {self._path} (it has no WAL mode here); "
                "choose another place with --journal"
            )
        self.db.execute(f"PRAGMA synchronous = {self._synchronous}")
        self.db.execute("PRAGMA fullfsync = ON")  # elsewhere than on macOS this is nothing
        self.db.execute("PRAGMA secure_delete = ON")  # what is gone for readers is gone from the file
        if version == 0:
            self._make_tables()
        elif version < _VERSION:
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction():
            version = self.version()  # another program may have been faster
            if version < 2:
                add_seals(self.db)
            if version < 3:
                add_ends(self.db)
            self.db.execute(f"PRAGMA user_version = {_VERSION}")

    def _make_tables(self) -> None:
        with self.transaction():
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute(f"PRAGMA application_id = {_APPLICATION}")
            self.db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close the connection if what is done within fails."""
        try:
            yield
        except BaseException:
            self.db.close()
            raise

    # --- the log as a whole ----------------------------------------------------------------------

    def meta(self) -> dict[str, str | int]:
        """Return what is noted of the log as a whole."""
        return dict(self.db.execute("SELECT key, value FROM meta"))

    def epoch(self) -> str:
        """Return the epoch; fails if there is none yet, as in a file that has just been replaced."""
        row = self.db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if row is None:
            raise sqlite3.OperationalError("it has no epoch")
        return str(row[0])

    def set_meta(self, **values: str | int) -> None:
        """Note something of the log as a whole, synced; fails if nothing can be written."""
        self.db.execute("PRAGMA synchronous = FULL")
        try:
            with self.transaction():
                self.db.executemany(
                    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    values.items(),
                )
        finally:
            self.db.execute(f"PRAGMA synchronous = {self._synchronous}")

    def checkpoint(self) -> bool:
        """Move everything into the file proper and sync it; false if a reader stands in the way."""
        busy, _, _ = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
