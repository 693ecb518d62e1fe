"""A log in memory that several servers of one process share: for tests, and the log in its simplest form.

Each of its nodes has a thread that reports, so that one that is busy holds up no other.
"""

import secrets
import threading
import time
from collections.abc import Callable

from chatcore.messages import DurabilityWord
from chatcore.replication import Log, LogEntry, LogListener

__all__ = ["MemoryLog", "MemoryLogNode"]

TOGETHER = 256
"""Entries that are reported in one call."""


def _now() -> int:
    return time.time_ns() // 1_000


class MemoryLog:
    """The entries, which end with the process. ``clock`` gives microseconds since 1970."""

    durability: DurabilityWord = "memory"

    def __init__(self, clock: Callable[[], int] = _now) -> None:
        self.identity = secrets.token_hex(8)
        self._clock = clock
        self._changed = threading.Condition()  # guards the rest
        self._entries: list[LogEntry] = []

    @property
    def last(self) -> int:
        """The position of the newest entry, 0 if there is none."""
        return len(self._entries)

    def connect(self) -> "MemoryLogNode":
        """Return a connection for one server."""
        return MemoryLogNode(self)

    def append(self, data: bytes) -> None:
        """Append an entry."""
        with self._changed:
            self._entries.append(LogEntry(len(self._entries) + 1, self._clock(), data))
            self._changed.notify_all()

    def entries_after(self, position: int, at_most: int = TOGETHER) -> list[LogEntry]:
        """Return the entries after a position."""
        return self._entries[position : position + at_most]

    def wait_beyond(self, position: int, is_over: Callable[[], bool]) -> None:
        """Wait until there is an entry after a position, or whoever waits is over, and calls `wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self.last > position or is_over())

    def wake(self) -> None:
        """Have all that wait look again."""
        with self._changed:
            self._changed.notify_all()


class MemoryLogNode:
    """One server's connection to a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, listener: LogListener, after: int) -> None:
        """Report in a thread of its own, from the last entry that the listener has."""
        self._thread = threading.Thread(
            target=self._run, args=(listener, max(after - 1, 0)), name="chat-memory-log", daemon=True
        )
        self._thread.start()

    def append(self, data: bytes) -> None:
        """Append an entry immediately."""
        if not self._closed:
            self._log.append(data)

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Deliver the last position immediately."""
        if not self._closed:
            deliver(self._log.last)

    def close(self) -> None:
        """Report no more."""
        self._closed = True
        self._log.wake()
        if self._thread is not None:
            self._thread.join()

    def _run(self, listener: LogListener, position: int) -> None:
        log = self._log
        listener.opened(log.identity, 1, log.last, log.durability)
        while not self._closed:
            if entries := log.entries_after(position):
                listener.entries(entries)
                position = entries[-1].position
            else:
                log.wait_beyond(position, lambda: self._closed)


_: type[Log] = MemoryLogNode
