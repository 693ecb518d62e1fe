"""The rooms of the SQLite journal: a row for each, which outlives its messages.

A room that is removed keeps its row, so that its numbers never mean something else. Rooms are read by the
index of their names: however many there are, none but those that are asked for are in memory.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from pydantic_core import to_json

from chatcore.journal import RoomRecord
from chatcore.journal.sqlite.connection import SqliteConnection

__all__ = ["NO_ROOM", "GrownRoom", "RoomRow", "SqliteRooms"]


class RoomRow(NamedTuple):
    """A room: its number in the file, its last position and the time of that, if that is known.

    A removed one is not listed. The time is in seconds since 1970. ``messages`` is how many are stored, and
    ``size`` the bytes of their lines.
    """

    number: int
    head: int
    at: float | None
    removed: bool
    messages: int
    size: int


NO_ROOM = RoomRow(0, 0, None, removed=False, messages=0, size=0)
"""What a room is that has never held a message."""

GrownRoom = tuple[int, str, int, float, int, int]
"""A room with new messages: number, name, head, at, messages, size."""


class SqliteRooms(SqliteConnection):
    """A connection to the file, with all that is asked of its rooms."""

    def room(self, name: str) -> RoomRow | None:
        """Return what is known of a room."""
        row = self.db.execute(
            f"SELECT {self._columns_of_rooms} FROM rooms WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else _room_row(*row)

    def rooms(self, names: Collection[str]) -> dict[str, RoomRow]:
        """Return what is known of rooms, by name: one statement, however many there are.

        A new room has the number under which it is stored once it has grown.
        """
        found = dict(self._rooms_among(names))
        if new := [name for name in names if name not in found]:
            (last,) = self.db.execute("SELECT coalesce(max(id), 0) FROM rooms").fetchone()
            found.update((name, NO_ROOM._replace(number=number)) for number, name in enumerate(new, last + 1))
        return found

    def all_rooms(self) -> Iterator[tuple[str, RoomRow]]:
        """Yield every room in the order of names, removed ones too."""
        rows = self.db.execute(f"SELECT name, {self._columns_of_rooms} FROM rooms ORDER BY name")
        for name, *row in rows:
            yield name, _room_row(*row)

    def rooms_after(self, name: str, limit: int) -> list[tuple[str, RoomRow]]:
        """Return rooms in the order of names, after a name, removed ones too."""
        rows = self.db.execute(
            f"SELECT name, {self._columns_of_rooms} FROM rooms WHERE name > ? ORDER BY name LIMIT ?",
            (name, limit),
        )
        return [(name, _room_row(*row)) for name, *row in rows]

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

    def grow(self, rooms: Iterable[GrownRoom]) -> None:
        """Note what rooms hold now; new ones are added."""
        self.db.executemany(
            "INSERT INTO rooms (id, name, head, at, count, bytes) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET head = excluded.head, at = excluded.at,"
            " count = excluded.count, bytes = excluded.bytes",
            rooms,
        )

    def enlist(self, rooms: Iterable[int]) -> None:
        """List rooms that were removed."""
        self.db.executemany("UPDATE rooms SET removed = 0 WHERE id = ?", ((room,) for room in rooms))

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

    def count(self) -> int:
        """Return how many messages are stored in all rooms."""
        (count,) = self.db.execute("SELECT coalesce(sum(count), 0) FROM rooms").fetchone()
        return int(count)

    def _rooms_among(self, names: Collection[str]) -> Iterator[tuple[str, RoomRow]]:
        rows = self.db.execute(
            f"SELECT name, {self._columns_of_rooms} FROM json_each(?) CROSS JOIN rooms ON name = value",
            (to_json(list(names)).decode(),),
        )
        for name, *row in rows:
            yield name, _room_row(*row)

    @cached_property
    def _columns_of_rooms(self) -> str:
        ends = "at, removed" if self.version() > 2 else "NULL, 0"
        return f"rooms.id, head, {ends}, count, bytes"


def _room_row(number: int, head: int, at: float | None, removed: int, messages: int, size: int) -> RoomRow:
    return RoomRow(number, head, at, bool(removed), messages, size)


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
