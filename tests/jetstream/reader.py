"""A node of a log: what it was told, to wait for."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from chatcore.replication import DurabilityWord, LogEntry, LogListener
from transports.jetstream import JetStreamLog, Servers, Stream

__all__ = ["Heard", "Node", "make_logs"]

DEADLINE = 30.0


_changed = threading.Condition()  # whenever a node was told something, or something was logged


class Heard(logging.Handler):
    """The events that are logged, for which a node may wait."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take an event."""
        if hasattr(record, "event"):
            with _changed:
                self.events.append((record.event, dict(record.__dict__["fields"])))
                _changed.notify_all()

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the fields of all events of a name."""
        return [fields for each, fields in self.events if each == name]


class Node:
    """Reports of one connection; entries that come again have to be the same."""

    def __init__(self, log: JetStreamLog, after: int = 0) -> None:
        self.log = log
        self.openings: list[tuple[str, int, int, str]] = []
        self.read: dict[int, LogEntry] = {}
        self._following: int | None = None
        log.start(self, after)

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """Note that it is connected."""
        with _changed:
            self.openings.append((identity, first, last, durability))
            self._following = None
            is_other = identity != self.openings[max(len(self.openings) - 2, 0)][0]
            if is_other or last < max(self.read, default=0):
                self.read.clear()
            _changed.notify_all()

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """Note entries."""
        with _changed:
            for entry in entries:
                assert self._following in (None, entry.position), (self._following, entry.position)
                assert self.read.setdefault(entry.position, entry) == entry
                self._following = entry.position + 1
            _changed.notify_all()

    def wait(self, condition: Callable[[], object], deadline: float = DEADLINE) -> None:
        """Wait until something holds of what was reported."""
        with _changed:
            assert _changed.wait_for(condition, deadline), (self.openings, list(self.read)[-3:])

    def wait_for(self, *data: bytes) -> list[bytes]:
        """Wait until entries with these bytes were reported; return those of all, in order."""
        self.wait(lambda: set(data) <= {entry.data for entry in self.read.values()})
        return self.data

    def has_read(self, *data: bytes, within: float) -> bool:
        """Tell whether entries with these bytes are reported within so many seconds."""
        with _changed:
            return _changed.wait_for(
                lambda: set(data) <= {entry.data for entry in self.read.values()}, within
            )

    def wait_until_open(self, times: int = 1) -> tuple[str, int, int, str]:
        """Wait until it was connected so often; return how it was last."""
        self.wait(lambda: len(self.openings) >= times)
        return self.openings[-1]

    @property
    def data(self) -> list[bytes]:
        """The bytes of all entries, in order."""
        return [self.read[position].data for position in sorted(self.read)]


def make_logs(servers: Servers, *streams: Stream) -> None:
    """Make streams before a chat server starts, which waits two seconds for them, and makes them later."""
    for stream in streams:
        node = Node(JetStreamLog(servers, stream))
        node.wait_until_open()
        node.log.close()


_: type[LogListener] = Node
