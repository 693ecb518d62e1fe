"""The rooms of the SQLite journal: a row for each, which outlives its messages.

A room that is removed keeps its row, so that its numbers never mean something else. Rooms are read by the
index of their names: however many there are, none but those that are asked for are in memory.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from chatcore.journal import RoomRecord
from chatcore.journal.sqlite.connection import SqliteConnection

__all__ = ["NO_ROOM", "RoomRow", "SqliteRooms"]


class RoomRow(NamedTuple):
    """A room: its number in the file, its last position and the time of that, if that is known.

    A removed one is not listed. The time is in seconds since 1970.
    """

    number: int
    head: int
    at: float | None
    removed: bool


NO_ROOM = RoomRow(0, 0, None, removed=True)
"""What a room is that has never held a message."""


class SqliteRooms(SqliteConnection):
    """A connection to the file, with all that is asked of its rooms."""

    def room(self, name: str) -> RoomRow | None:
        """Return what is known of a room."""
        row = self.db.execute(
            f"SELECT {self._columns_of_rooms} FROM rooms WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else _room_row(*row)

    def all_rooms(self) -> Iterator[tuple[str, RoomRow]]:
        """Yield every room in the order of names, removed ones too."""
        rows = self.db.execute(f"SELECT name, {self._columns_of_rooms} FROM rooms ORDER BY name")
        for name, *row in rows:
            yield name, _room_row(*row)

    def listed(self, after: str | None, prefix: str, limit: int) -> list[RoomRecord]:
        """Return rooms in the order of names, after a name, of those that begin with a prefix."""
        # With one lower bound it is always the index that finds the first one.
        lower = "name >= :prefix" if after is None or after < prefix else "name > :after"
        rows = self.db.execute(
            f"SELECT name, head, at FROM rooms INDEXED BY rooms_listed WHERE removed = 0 AND {lower}"
            " AND name < :prefix || char(0x10ffff) ORDER BY name LIMIT :limit",
            {"after": after, "prefix": prefix, "limit": limit},
        )
        return [RoomRecord(name, head, _time(at)) for name, head, at in rows]

    def add_room(self, name: str) -> RoomRow:
        """Add a room without messages, which is not listed."""
        (number,) = self.db.execute(
            "INSERT INTO rooms (name, head, count, bytes, removed) VALUES (?, 0, 0, 0, 1) RETURNING id",
            (name,),
        ).fetchone()
        return NO_ROOM._replace(number=int(number))

    def grow(self, room: int, head: int, at: float, count: int, size: int) -> None:
        """Note new messages of a room, the last position and its time."""
        self.db.execute(
            "UPDATE rooms SET head = ?, at = ?, count = count + ?, bytes = bytes + ? WHERE id = ?",
            (head, at, count, size, room),
        )

    def enlist(self, room: int) -> None:
        """List a room that was removed, or is new."""
        self.db.execute("UPDATE rooms SET removed = 0 WHERE id = ?", (room,))

    def shrink(self, room: int, count: int, size: int) -> None:
        """Note that messages of a room are gone."""
        self.db.execute(
            "UPDATE rooms SET count = count - ?, bytes = bytes - ? WHERE id = ?", (count, size, room)
        )

    def unlist(self, room: int, head: int) -> None:
        """List a room no more, unless it has gone on since it had this head."""
        self.db.execute("UPDATE rooms SET removed = 1 WHERE id = ? AND head = ?", (room, head))

    def sizes(self, room: int) -> tuple[int, int]:
        """Return how many messages of a room are stored, and the bytes of their lines."""
        count, size = self.db.execute("SELECT count, bytes FROM rooms WHERE id = ?", (room,)).fetchone()
        return count, size

    @cached_property
    def _columns_of_rooms(self) -> str:
        return "id, head, at, removed" if self.version() > 2 else "id, head, NULL, 0"


def _room_row(number: int, head: int, at: float | None, removed: int) -> RoomRow:
    return RoomRow(number, head, at, bool(removed))


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
