"""What the SQLite journal forgets, and when: old messages, removed rooms, and the ids of what is gone.

- It is done in pieces between the writes, so that no post waits for long, however much is to go.
- A room may hold up to one in a hundred more than the limits say, so that one sync removes many messages.
- Number and size never cost a room its newest message; age may.
- Age is counted from the time that a message shows. Where that lies ahead of the clock, the clock was wrong
  when the message was stored; then it is at least as old as any that was stored after it. If none was, its
  age is counted from when it was first found here with such a time.
- A room that is removed loses what it held when that was asked for. It is listed until the last of that is
  gone, so a crash leaves it listed, with less in it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chatcore.journal import Unavailable
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import HistoryLimits

__all__ = ["Removal", "Retention"]

LOOK = 1_000
"""Rooms whose oldest message is looked at together."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A room to be removed up to a position, and what to call with the answer."""

    room: str
    through: int
    deliver: Callable[[bool | Unavailable], None]


class Retention:
    """The rooms that hold more than they should. For one thread."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._limits = limits
        self._rooms: dict[int, None] = {}  # in the order in which they were found
        self._removals: deque[Removal] = deque()
        self._next_look: int | None = None  # after which room to look for what is too old

    @property
    def due(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._rooms or self._removals) or self._next_look is not None

    def look_at(self, rooms: Iterable[tuple[int, int, int]]) -> None:
        """Find those of some rooms that hold too much; each is its number, messages and bytes."""
        keep, keep_bytes = self._limits.history_messages, self._limits.history_bytes
        for room, count, size in rooms:
            if _is_over(count, keep) or (_is_over(size, keep_bytes) and count > 1):
                self._rooms[room] = None

    def look_at_all(self, file: SqliteFile, now: float) -> None:
        """Begin to look for rooms that hold what is too old, and forget ids."""
        if self._limits.history_seconds is not None and self._next_look is None:
            self._next_look = 0
        file.forget_ids(now, at_most=10_000)

    def remove(self, removal: Removal) -> None:
        """Begin to remove a room."""
        self._removals.append(removal)

    def step(self, file: SqliteFile, now: float, at_most: int) -> None:
        """Forget some messages, of one room or of several that hold little too much, and ids."""
        if self._removals:
            self._remove(file, self._removals[0], now, at_most)
            return
        if self._next_look is not None and not self._rooms:
            self._look(file, self._next_look, now)
        if self._rooms:
            self._expire(file, now, at_most)

    def finish(self, file: SqliteFile, now: float, at_most: int) -> None:
        """Remove what is to be removed, but nothing that only is too old."""
        while self._removals:
            self.step(file, now, at_most)

    def give_up(self, retry_after: float) -> None:
        """Remove no room, since that fails; whoever asked may ask again."""
        removals, self._removals = self._removals, deque()
        for removal in removals:
            removal.deliver(Unavailable(retry_after))

    def _look(self, file: SqliteFile, after: int, now: float) -> None:
        assert self._limits.history_seconds is not None
        than = now - self._limits.history_seconds
        file.note_ahead(now, after, LOOK)
        found, last = file.rooms_with_older(than, now, after, LOOK)
        self._rooms.update(dict.fromkeys(found))
        self._next_look = last or None

    def _expire(self, file: SqliteFile, now: float, at_most: int) -> None:
        rooms, left = deque(self._rooms), at_most
        with file.transaction():
            while rooms:
                gone = self._expire_from(file, rooms[0], now, left)
                if gone == left:
                    rooms.rotate(-1)  # after the others, since it may hold more
                    break
                rooms.popleft()
                left -= gone
            file.forget_ids(now, at_most)
        self._rooms = dict.fromkeys(rooms)

    def _expire_from(self, file: SqliteFile, room: int, now: float, at_most: int) -> int:
        limits = self._limits
        return file.expire(
            room,
            keep=limits.history_messages,
            keep_bytes=limits.history_bytes,
            since=None if limits.history_seconds is None else now - limits.history_seconds,
            now=now,
            until=now + limits.dedupe_seconds,
            at_most=at_most,
        )

    def _remove(self, file: SqliteFile, removal: Removal, now: float, at_most: int) -> None:
        room = file.room(removal.room)
        if room is None or (room.removed and not file.has_messages(room.number, removal.through)):
            self._removals.popleft()
            removal.deliver(False)
            return
        with file.transaction():
            until = now + self._limits.dedupe_seconds
            gone = file.remove_through(room.number, removal.through, until=until, at_most=at_most)
            if gone < at_most:
                file.unlist(room.number, removal.through)
        if gone < at_most:
            self._removals.popleft()
            removal.deliver(True)


def _is_over(size: int, limit: int | None) -> bool:
    return limit is not None and size > limit + limit // 100
