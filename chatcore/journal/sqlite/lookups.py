"""Short questions to the SQLite journal: where something begins, where a room ends, which rooms there are."""

from chatcore.journal import Head, Place, RoomPage
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import SqliteFile

__all__ = ["head", "place", "rooms"]

COUNT = 10_000
"""The most messages that are counted for an answer, where counting is needed: a millisecond or two."""


def place(file: SqliteFile, room: str, back: int, before: int, after: int) -> Place:
    """Find a place, as `Journal.seek` describes it."""
    number, head, *_ = file.room(room) or NO_ROOM
    found = file.position_back(number, back, before)
    position = file.position_below(number, before, head) if found is None else found
    oldest = file.position_before_all(number, head)
    skipped = _count(file, number, head, oldest, max(after, oldest), position)
    return Place(file.epoch(), position, oldest, skipped)


def _count(file: SqliteFile, number: int, head: int, oldest: int, after: int, through: int) -> int | None:
    """Count the messages between two positions, or return ``None`` where that would take long."""
    stored, _ = file.sizes(number) if number else (0, 0)
    if stored == head - oldest:  # then there is one for each number
        return max(through - after, 0)
    count = file.count_between(number, after, through, at_most=COUNT + 1)
    return count if count <= COUNT else None


def head(file: SqliteFile, room: str) -> Head:
    """Answer `Journal.head`."""
    return Head(file.epoch(), (file.room(room) or NO_ROOM).head)


def rooms(file: SqliteFile, after: str | None, prefix: str, limit: int) -> RoomPage:
    """Answer `Journal.rooms`."""
    found = file.listed(after, prefix, limit + 1)
    return RoomPage(tuple(found[:limit]), len(found) > limit)
