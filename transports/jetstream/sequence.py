"""Entries that come in any order, some never: which can be reported, and which is missing."""

from collections import deque
from typing import Final

from chatcore.replication import LogEntry

__all__ = ["Sequence"]

AHEAD: Final = 1_024
"""The most entries that wait for one that is missing; what comes beyond is asked for later."""

WAITING_BYTES: Final = 8 * 1024 * 1024
"""About the most bytes of them, and also of those that wait to be reported."""

TOGETHER_BYTES: Final = 2 * 1024 * 1024
"""About the most bytes of entries that are reported together."""


class Sequence:
    """The entries after a position: each is handed out once, after the one before it.

    What it cannot hold is dropped; it can be asked for again. For one thread.
    """

    def __init__(self, position: int) -> None:
        self._known = position
        self._last = position
        self._ready: deque[LogEntry] = deque()
        self._ready_bytes = 0
        self._ahead: dict[int, LogEntry] = {}
        self._ahead_bytes = 0

    @property
    def position(self) -> int:
        """The last entry that was handed out."""
        return self._ready[0].position - 1 if self._ready else self._known

    @property
    def missing(self) -> int:
        """The first entry that is not there."""
        return self._known + 1

    @property
    def is_behind(self) -> bool:
        """Whether an entry is known to exist, and is not there."""
        return self._last > self._known

    @property
    def is_ready(self) -> bool:
        """Whether there is something to hand out."""
        return bool(self._ready)

    @property
    def is_full(self) -> bool:
        """Whether as much waits to be handed out as may wait."""
        return self._ready_bytes >= WAITING_BYTES

    def note_last(self, position: int) -> None:
        """Note that an entry exists."""
        self._last = max(self._last, position)

    def add(self, entry: LogEntry) -> None:
        """Take an entry."""
        position = entry.position
        self.note_last(position)
        if position == self._known + 1:
            self._extend(entry)
        elif position > self._known and position not in self._ahead and self._has_room_ahead:
            self._ahead[position] = entry
            self._ahead_bytes += len(entry.data)

    def take(self) -> list[LogEntry]:
        """Hand out the next entries."""
        entries: list[LogEntry] = []
        size = 0
        while self._ready and size < TOGETHER_BYTES:
            entry = self._ready.popleft()
            size += len(entry.data)
            entries.append(entry)
        self._ready_bytes -= size
        return entries

    @property
    def _has_room_ahead(self) -> bool:
        return len(self._ahead) < AHEAD and self._ahead_bytes < WAITING_BYTES

    def _extend(self, entry: LogEntry | None) -> None:
        """Take the entry that is missing, and those that waited for it, as far as there is room."""
        while entry is not None and not self.is_full:
            self._ready.append(entry)
            self._ready_bytes += len(entry.data)
            self._known = entry.position
            entry = self._ahead.pop(self._known + 1, None)
            if entry is not None:
                self._ahead_bytes -= len(entry.data)
