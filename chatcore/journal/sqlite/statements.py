"""The file of the SQLite journal: the statements that read and write its rows.

Everything here raises `sqlite3.Error` as SQLite does. `Row.intact` says whether a row is what was stored.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from pydantic_core import to_json

from chatcore.journal import RoomRecord
from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.journal.sqlite.migration import intact_message
from chatcore.journal.sqlite.seal import checksum
from chatcore.messages import Stored

__all__ = ["Known", "NewRow", "Row", "SqliteFile"]

NewRow = tuple[int, int, int, str, float, bytes, bytes, str | None, int]
"""A message to be stored: room, seq, prev, id, at, line, digest, author, crc."""


class Row(NamedTuple):
    """A message as it is stored: the columns of its row. ``crc`` is ``None`` in a file of version 1."""

    seq: int
    prev: int
    id: bytes
    line: bytes
    crc: int | None

    @property
    def intact(self) -> bool:
        """Whether this is what was stored; nothing but ``seq`` can be trusted where it is not."""
        seq, prev, id_, line, crc = self
        if crc is None:
            return intact_message(seq, prev, id_, line) is not None
        try:
            return crc == checksum(seq, prev, id_, line)
        except TypeError:
            return False

    def stored(self, room: str) -> Stored:
        """Return it as readers of a room get it; it has to be intact."""
        return Stored(room, self.seq, self.prev, self.id.decode(), self.line)


class Known(NamedTuple):
    """What is known of an id: its message, and the digest of what was posted."""

    seq: int
    digest: bytes


_NEW = "room, seq, prev, id, at, line, digest, author, crc"
_NO_BOUND = 2**63 - 1
_ALL = -1


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

    def listed(self, after: str | None, prefix: str, limit: int) -> list[RoomRecord]:
        """Return rooms in the order of their names, after a name, of those that begin with a prefix."""
        rows = self.db.execute(
            "SELECT name, head, at FROM rooms WHERE removed = 0 AND name > :after AND name >= :prefix"
            " AND name < :prefix || char(0x10ffff) ORDER BY name LIMIT :limit",
            {"after": after or "", "prefix": prefix, "limit": limit},
        )
        return [RoomRecord(name, head, datetime.fromtimestamp(at or 0.0, UTC)) for name, head, at in rows]

    def add_room(self, name: str) -> int:
        """Add a room without messages; return its number."""
        (number,) = self.db.execute(
            "INSERT INTO rooms (name, head, count, bytes) VALUES (?, 0, 0, 0) RETURNING id", (name,)
        ).fetchone()
        return int(number)

    def grow(self, room: int, head: int, at: float, count: int, size: int) -> None:
        """Note new messages of a room."""
        self.db.execute(
            "UPDATE rooms SET head = ?, at = ?, count = count + ?, bytes = bytes + ?, removed = 0"
            " WHERE id = ?",
            (head, at, count, size, room),
        )

    def last_at(self, room: int) -> float:
        """Return the time of a room's last message, 0 if that is unknown."""
        (at,) = self.db.execute("SELECT at FROM rooms WHERE id = ?", (room,)).fetchone()
        return at or 0.0

    def remove(self, name: str, until: float) -> bool:
        """Remove a room's messages and do not list it; return whether it was listed.

        Ids are remembered until a time, in seconds since 1970.
        """
        row = self.db.execute("SELECT id, removed FROM rooms WHERE name = ?", (name,)).fetchone()
        if row is None:
            return False
        number, removed = row
        self.expire(number, keep=0, keep_bytes=None, since=None, until=until, at_most=_ALL)
        self.db.execute("UPDATE rooms SET removed = 1 WHERE id = ?", (number,))
        return not removed

    def known(self, room: int, ids: list[str]) -> dict[str, Known]:
        """Return what is known of those ids that are known: one statement, however many there are."""
        rows = self.db.execute(
            "SELECT id, seq, digest FROM (SELECT value AS wanted FROM json_each(:ids))"
            " CROSS JOIN messages ON room = :room AND id = wanted"
            " UNION ALL SELECT id, seq, digest FROM (SELECT value AS wanted FROM json_each(:ids))"
            " CROSS JOIN expired_ids ON room = :room AND id = wanted",
            {"room": room, "ids": to_json(ids).decode()},
        )
        return {id_: Known(*known) for id_, *known in rows}

    def insert(self, rows: list[NewRow]) -> None:
        """Add messages."""
        self.db.executemany(f"INSERT INTO messages ({_NEW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def read(self, room: int, after: int, before: int, limit: int, *, newest: bool = False) -> Iterator[Row]:
        """Yield messages between two numbers, both exclusive; the newest first if asked to."""
        order = "DESC" if newest else "ASC"
        rows = self.db.execute(
            f"SELECT {self._columns} FROM messages WHERE room = ? AND seq > ? AND seq < ?"
            f" ORDER BY seq {order} LIMIT ?",
            (room, after, before, limit),
        )
        return map(Row._make, rows)

    def position_below(self, room: int, before: int, head: int) -> int:
        """Return the last position below a number, also if what was there has expired."""
        row = next(self.read(room, before - 1, _NO_BOUND, 1), None)
        return min(head if row is None else self._position_before(room, row), max(before - 1, 0))

    def position_before_all(self, room: int, head: int) -> int:
        """Return the position before the oldest message that is stored."""
        row = next(self.read(room, 0, _NO_BOUND, 1), None)
        return head if row is None else self._position_before(room, row)

    def count(self, room: int, after: int, through: int) -> int:
        """Return how many messages are stored after one position and up to another."""
        (count,) = self.db.execute(
            "SELECT count(*) FROM messages WHERE room = ? AND seq > ? AND seq <= ?", (room, after, through)
        ).fetchone()
        return int(count)

    def position_back(self, room: int, back: int, before: int) -> int | None:
        """Return the position before the last ``back`` stored messages below a number."""
        (seq,) = self.db.execute(
            "SELECT min(seq) FROM (SELECT seq FROM messages WHERE room = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?)",
            (room, before, back),
        ).fetchone()
        if seq is None:
            return None
        return self._position_before(room, next(self.read(room, seq - 1, seq + 1, 1)))

    def _position_before(self, room: int, row: Row) -> int:
        if row.intact:
            return row.prev
        below = next(self.read(room, 0, row.seq, 1, newest=True), None)
        return row.seq - 1 if below is None else below.seq

    @cached_property
    def _columns(self) -> str:
        # Damage may have changed the kinds of values, and text that is no UTF-8 can't be fetched.
        crc = "CAST(crc AS INTEGER)" if self.version() > 1 else "NULL"
        return f"seq, CAST(prev AS INTEGER), CAST(id AS BLOB), CAST(line AS BLOB), {crc}"

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
            "SELECT seq, CAST(at AS REAL), length(line) FROM messages WHERE room = ? ORDER BY seq LIMIT ?",
            (room, at_most),
        )
        gone = dropped = last = 0
        for seq, at, length in oldest:
            too_many = keep is not None and count - gone > keep
            too_large = keep_bytes is not None and size - dropped > keep_bytes and count - gone > 1
            too_old = since is not None and at < since
            if not (too_many or too_large or too_old):
                break
            gone, dropped, last = gone + 1, dropped + length, seq
        if gone:
            self.db.execute(
                "INSERT OR REPLACE INTO expired_ids"
                " SELECT room, id, seq, digest, ? FROM messages WHERE room = ? AND seq <= ?",
                (until, room, last),
            )
            self.db.execute("DELETE FROM messages WHERE room = ? AND seq <= ?", (room, last))
            self.db.execute(
                "UPDATE rooms SET count = count - ?, bytes = bytes - ? WHERE id = ?",
                (gone, dropped, room),
            )
        return gone

    def forget_ids(self, now: float, at_most: int) -> int:
        """Forget the ids of expired messages whose time is over; return how many."""
        return self.db.execute(
            "DELETE FROM expired_ids WHERE (room, id) IN"
            " (SELECT room, id FROM expired_ids WHERE until <= ? LIMIT ?)",
            (now, at_most),
        ).rowcount
