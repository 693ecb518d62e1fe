"""The file of the SQLite journal: its tables and its statements.

One object is one connection, for one thread. It is in WAL mode, so that a reader never waits for the
writer (https://sqlite.org/wal.html).
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

from chatcore.errors import JournalError
from chatcore.messages import Message

__all__ = ["Row", "SqliteFile", "Synchronous", "digest"]

Synchronous = Literal["FULL", "NORMAL"]

_VERSION = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,     -- folded
    head INTEGER NOT NULL,         -- outlives the messages
    count INTEGER NOT NULL,        -- of the messages that are kept
    bytes INTEGER NOT NULL         -- of their lines
);
CREATE TABLE messages (
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    id TEXT NOT NULL,
    at REAL NOT NULL,              -- seconds since 1970, for retention
    line BLOB NOT NULL,            -- the frame as the typed wire writes it
    PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX message_ids ON messages (room, id);
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


class Row(NamedTuple):
    """A kept message, as it is stored."""

    seq: int
    prev: int
    id: str
    line: bytes


def digest(text: str) -> bytes:
    """Return what is kept of a text to recognise it by."""
    return blake2b(text.encode(), digest_size=16).digest()


class SqliteFile:
    """One connection to the file; raises `sqlite3.Error` as SQLite does."""

    def __init__(self, path: Path, synchronous: Synchronous = "FULL", *, read_only: bool = False) -> None:
        self._path = path
        uri = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
        self.db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=1.0)
        if not read_only:
            with self.closed_on_error():
                self.db.execute("PRAGMA journal_mode = WAL")
                self.db.execute(f"PRAGMA synchronous = {synchronous}")
                self._migrate()

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done within, or undo it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the first error is the one to be told
                    self.db.execute("ROLLBACK")
            raise

    def _migrate(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise JournalError(f"{self._path} was written by a later version (format {version}); update chat")
        if version == 0:
            with self.transaction():
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        self.db.execute(statement)
                self.db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close the connection if what is done within fails."""
        try:
            yield
        except BaseException:
            self.db.close()
            raise

    # --- rooms and messages ----------------------------------------------------------------------

    def room(self, name: str) -> tuple[int, int] | None:
        """Return a room's number and head."""
        row: tuple[int, int] | None = self.db.execute(
            "SELECT id, head FROM rooms WHERE name = ?", (name,)
        ).fetchone()
        return row

    def heads(self) -> dict[str, int]:
        """Return the head of every room."""
        return dict(self.db.execute("SELECT name, head FROM rooms"))

    def grow(self, name: str, head: int, count: int, size: int) -> int:
        """Note new messages of a room, or a new room; return its number."""
        (number,) = self.db.execute(
            "INSERT INTO rooms (name, head, count, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO"
            " UPDATE SET head = ?2, count = count + ?3, bytes = bytes + ?4 RETURNING id",
            (name, head, count, size),
        ).fetchone()
        return int(number)

    def known(self, room: int, id_: str) -> tuple[int, bytes | None, bytes | None] | None:
        """Return what is known of an id: its seq and its line or, if that has expired, its digest."""
        row = self.db.execute(
            "SELECT seq, line, NULL FROM messages WHERE room = ?1 AND id = ?2"
            " UNION ALL SELECT seq, NULL, digest FROM expired_ids WHERE room = ?1 AND id = ?2",
            (room, id_),
        ).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def insert(self, rows: list[tuple[int, int, int, str, float, bytes]]) -> None:
        """Add messages: room, seq, prev, id, at, line."""
        self.db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", rows)

    def read(self, room: int, after: int, before: int, limit: int, *, newest: bool = False) -> Iterator[Row]:
        """Yield messages between two numbers, both exclusive; the newest first if asked to."""
        order = "DESC" if newest else "ASC"
        rows = self.db.execute(
            "SELECT seq, prev, id, line FROM messages WHERE room = ? AND seq > ? AND seq < ?"
            f" ORDER BY seq {order} LIMIT ?",
            (room, after, before, limit),
        )
        return map(Row._make, rows)

    def position_below(self, room: int, before: int, head: int) -> int:
        """Return the last position below a number, also if what was there has expired."""
        row = self.db.execute(
            "SELECT prev FROM messages WHERE room = ? AND seq >= ? ORDER BY seq LIMIT 1", (room, before)
        ).fetchone()
        return min(head if row is None else int(row[0]), max(before - 1, 0))

    def position_back(self, room: int, back: int, before: int) -> int | None:
        """Return the position in front of the last ``back`` kept messages below a number."""
        row = self.db.execute(
            "SELECT prev FROM (SELECT seq, prev FROM messages WHERE room = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?) ORDER BY seq LIMIT 1",
            (room, before, back),
        ).fetchone()
        return None if row is None else int(row[0])

    # --- retention -------------------------------------------------------------------------------

    def expire(
        self,
        room: int,
        *,
        keep: int | None,
        keep_bytes: int | None,
        since: float | None,
        until: float,
        at_most: int,
    ) -> None:
        """Drop a room's oldest messages beyond what is kept, but never the last one.

        Their ids are remembered until a time, in seconds since 1970.
        """
        count, size = self.db.execute("SELECT count, bytes FROM rooms WHERE id = ?", (room,)).fetchone()
        oldest = self.db.execute(
            "SELECT seq, id, at, line FROM messages WHERE room = ? ORDER BY seq LIMIT ?",
            (room, min(at_most, count - 1)),
        )
        gone: list[tuple[int, str, int, bytes, float]] = []
        dropped = 0
        for seq, id_, at, line in oldest:
            too_many = keep is not None and count - len(gone) > keep
            too_large = keep_bytes is not None and size - dropped > keep_bytes
            too_old = since is not None and at < since
            if not (too_many or too_large or too_old):
                break
            gone.append((room, id_, seq, digest(Message.model_validate_json(line).text), until))
            dropped += len(line)
        if gone:
            self.db.executemany("INSERT OR REPLACE INTO expired_ids VALUES (?, ?, ?, ?, ?)", gone)
            self.db.execute("DELETE FROM messages WHERE room = ? AND seq <= ?", (room, gone[-1][2]))
            self.db.execute(
                "UPDATE rooms SET count = count - ?, bytes = bytes - ? WHERE id = ?",
                (len(gone), dropped, room),
            )

    def forget_ids(self, now: float, at_most: int) -> None:
        """Forget the ids of expired messages whose time is over."""
        self.db.execute(
            "DELETE FROM expired_ids WHERE (room, id) IN"
            " (SELECT room, id FROM expired_ids WHERE until <= ? LIMIT ?)",
            (now, at_most),
        )

    # --- the record as a whole -------------------------------------------------------------------

    def meta(self) -> dict[str, str | int]:
        """Return what is noted of the record as a whole."""
        return dict(self.db.execute("SELECT key, value FROM meta"))

    def set_meta(self, **values: str | int) -> None:
        """Note something of the record as a whole; fails if nothing can be written."""
        with self.transaction():
            self.db.executemany(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                values.items(),
            )

    def checkpoint(self) -> None:
        """Move everything into the file proper and sync it."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
