"""One connection to the file of the SQLite journal: its tables, and what is noted of the log as a whole.

`Database` is how the file is opened, and what makes a write last.
"""

import sqlite3

from chatcore.errors import JournalError
from chatcore.journal.sqlite.migration import add_ends, add_seals
from chatcore.sqlite.database import Database, FileKind, Synchronous

__all__ = ["SqliteConnection", "Synchronous", "note_meta"]

_APPLICATION = 0x63686174  # "chat"

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


class SqliteConnection(Database):
    """A connection; everything raises `sqlite3.Error` as SQLite does.

    Opened for writing, a file of an older version is brought up to date.
    """

    KIND = FileKind(
        noun="journal",
        option="--journal",
        application=_APPLICATION,
        version=3,
        tables=_TABLES,
        error=JournalError,
    )

    def _migrate(self, version: int) -> None:
        if version < 2:
            add_seals(self.db)
        if version < 3:
            add_ends(self.db)

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
                note_meta(self.db, **values)
        finally:
            self.db.execute(f"PRAGMA synchronous = {self._synchronous}")

    def checkpoint(self) -> bool:
        """Move everything into the file proper and sync it; false if a reader stands in the way."""
        busy, _, _ = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def note_meta(db: sqlite3.Connection, **values: str | int) -> None:
    """Note something of a log as a whole, within a transaction."""
    db.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        values.items(),
    )
