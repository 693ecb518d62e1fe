"""The file of the SQLite journal: the statements that read and write its rows.

Everything here raises `sqlite3.Error` as SQLite does, and also where a row is not what was stored.
"""

import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import to_json

from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.messages import Message

__all__ = ["Known", "Row", "SqliteFile", "message_of"]


class Row(NamedTuple):
    """A message as it is stored: the columns of its row."""

    seq: int
    prev: int
    id: str
    line: bytes


class Known(NamedTuple):
    """What is known of an id: its line or, if that has expired, the digest of its text."""

    seq: int
    line: bytes | None
    digest: bytes | None

    def is_of(self, text: str) -> bool:
        """Tell whether this is what was said."""
        return message_of(self.line).text == text if self.line else self.digest == _digest(text)


def _digest(text: str) -> bytes:
    """Return the digest that a text is recognised by when its message has expired."""
    return blake2b(text.encode(), digest_size=16).digest()


def message_of(line: bytes) -> Message:
    """Return a message as it was stored."""
    try:
        return Message.model_validate_json(line)
    except ValidationError:
        raise sqlite3.DatabaseError("a message in it is damaged") from None


def _digest_of(line: bytes) -> bytes:
    try:
        return _digest(message_of(line).text)
    except sqlite3.DatabaseError:  # what is damaged may go, and is like no text
        return b""


class SqliteFile(SqliteConnection):
    """One connection to the file, with all that is asked of it."""

    step = 1
    """How far a number is from the one before it. No reader may count on that, so tests change it."""

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
            "INSERT INTO rooms (name, head, count, bytes) VALUES (:name, :head, :count, :size)"
            " ON CONFLICT (name) DO"
            " UPDATE SET head = :head, count = count + :count, bytes = bytes + :size RETURNING id",
            {"name": name, "head": head, "count": count, "size": size},
        ).fetchone()
        return int(number)

    def known(self, room: int, ids: list[str]) -> dict[str, Known]:
        """Return what is known of those ids that are known: one statement, however many there are."""
        rows = self.db.execute(
            "SELECT id, seq, line, NULL FROM (SELECT value AS wanted FROM json_each(:ids))"
            " CROSS JOIN messages ON room = :room AND id = wanted"
            " UNION ALL SELECT id, seq, NULL, digest FROM (SELECT value AS wanted FROM json_each(:ids))"
            " CROSS JOIN expired_ids ON room = :room AND id = wanted",
            {"room": room, "ids": to_json(ids).decode()},
        )
        return {id_: Known(*known) for id_, *known in rows}

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
        """Return the position before the last ``back`` stored messages below a number."""
        row = self.db.execute(
            "SELECT prev FROM (SELECT seq, prev FROM messages WHERE room = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?) ORDER BY seq LIMIT 1",
            (room, before, back),
        ).fetchone()
        return None if row is None else int(row[0])

    # --- retention -------------------------------------------------------------------------------

    def sizes(self, room: int) -> tuple[int, int]:
        """Return how many messages of a room are stored, and the bytes of their lines."""
        count, size = self.db.execute("SELECT count, bytes FROM rooms WHERE id = ?", (room,)).fetchone()
        return count, size

    def rooms_with_older(self, than: float) -> list[int]:
        """Return the rooms whose oldest message was said before a time."""
        rows = self.db.execute(
            "SELECT id FROM rooms WHERE"
            " (SELECT at FROM messages WHERE room = rooms.id ORDER BY seq LIMIT 1) < ?",
            (than,),
        )
        return [number for (number,) in rows]

    def expire(
        self,
        room: int,
        *,
        keep: int | None,
        keep_bytes: int | None,
        since: float | None,
        until: float,
        at_most: int,
    ) -> int:
        """Remove a room's oldest messages beyond what is to be stored; return how many.

        Number and size never cost a room its last message; age may. Their ids are remembered until
        a time, in seconds since 1970.
        """
        count, size = self.sizes(room)
        oldest = self.db.execute(
            "SELECT seq, id, at, line FROM messages WHERE room = ? ORDER BY seq LIMIT ?", (room, at_most)
        )
        gone: list[tuple[int, str, int, bytes, float]] = []
        dropped = 0
        for seq, id_, at, line in oldest:
            too_many = keep is not None and count - len(gone) > keep
            too_large = keep_bytes is not None and size - dropped > keep_bytes and count - len(gone) > 1
            too_old = since is not None and at < since
            if not (too_many or too_large or too_old):
                break
            gone.append((room, id_, seq, _digest_of(line), until))
            dropped += len(line)
        if gone:
            self.db.executemany("INSERT OR REPLACE INTO expired_ids VALUES (?, ?, ?, ?, ?)", gone)
            self.db.execute("DELETE FROM messages WHERE room = ? AND seq <= ?", (room, gone[-1][2]))
            self.db.execute(
                "UPDATE rooms SET count = count - ?, bytes = bytes - ? WHERE id = ?",
                (len(gone), dropped, room),
            )
        return len(gone)

    def forget_ids(self, now: float, at_most: int) -> int:
        """Forget the ids of expired messages whose time is over; return how many."""
        return self.db.execute(
            "DELETE FROM expired_ids WHERE (room, id) IN"
            " (SELECT room, id FROM expired_ids WHERE until <= ? LIMIT ?)",
            (now, at_most),
        ).rowcount
