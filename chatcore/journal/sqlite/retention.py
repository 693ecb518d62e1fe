"""What the SQLite journal forgets, and when: old messages, and the ids of those that are gone.

- It is done in pieces between the writes, so that no post waits for long.
- A room may hold up to one in a hundred more than the limits say, so that one sync removes many messages.
- Number and size never cost a room its newest message; age may.
"""

from collections import deque
from collections.abc import Iterable

from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import HistoryLimits

__all__ = ["Retention"]


class Retention:
    """The rooms that hold more than they should. For one thread."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._limits = limits
        self._rooms: deque[int] = deque()

    @property
    def due(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._rooms)

    def look_at(self, file: SqliteFile, rooms: Iterable[int]) -> None:
        """Find those of some rooms that hold too much."""
        keep, keep_bytes = self._limits.history_messages, self._limits.history_bytes
        for room in rooms:
            count, size = file.sizes(room)
            if _is_over(count, keep) or (_is_over(size, keep_bytes) and count > 1):
                self._add(room)

    def look_at_all(self, file: SqliteFile, now: float) -> None:
        """Find the rooms that hold what is too old, and forget ids."""
        if self._limits.history_seconds is not None:
            for room in file.rooms_with_older(now - self._limits.history_seconds):
                self._add(room)
        file.forget_ids(now, at_most=10_000)

    def step(self, file: SqliteFile, now: float, at_most: int) -> None:
        """Forget some messages of one room, and ids."""
        limits = self._limits
        room = self._rooms.popleft()
        with file.transaction():
            gone = file.expire(
                room,
                keep=limits.history_messages,
                keep_bytes=limits.history_bytes,
                since=None if limits.history_seconds is None else now - limits.history_seconds,
                until=now + limits.dedupe_seconds,
                at_most=at_most,
            )
            file.forget_ids(now, at_most)
        if gone == at_most:
            self._add(room)

    def _add(self, room: int) -> None:
        if room not in self._rooms:
            self._rooms.append(room)


def _is_over(size: int, limit: int | None) -> bool:
    return limit is not None and size > limit + limit // 100
