"""What every client sent and received, in its own order; and what the log of each room holds in the end."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from chatcore.journal.sqlite.statements import SqliteFile
from tests.protocol.codec import decode_server
from tests.protocol.frames import ClientFrame, Message, ServerFrame

__all__ = ["Connected", "Event", "Finished", "History", "Log", "Received", "Sent", "log_of", "logs_of"]


class Connected(NamedTuple):
    """A connection begins; the client has to join its rooms again."""

    client: str


class Sent(NamedTuple):
    """A client sent a frame."""

    client: str
    frame: ClientFrame


class Received(NamedTuple):
    """A client received a frame."""

    client: str
    frame: ServerFrame


class Finished(NamedTuple):
    """A client believes that it has read all that there is in a room."""

    client: str
    room: str


Event = Connected | Sent | Received | Finished


class History:
    """The events of all clients. May be written by many threads; those of one client keep their order."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = list(events)
        self._lock = threading.Lock()

    def note(self, event: Event) -> None:
        """Add what happened."""
        with self._lock:
            self._events.append(event)

    def events(self) -> list[Event]:
        """Return all that happened so far."""
        with self._lock:
            return list(self._events)


@dataclass(frozen=True)
class Log:
    """A room's log in the end. What is at or below ``base`` has expired."""

    epoch: str
    messages: list[Message] = field(default_factory=list)
    base: int = 0

    @property
    def head(self) -> int:
        """The last position there is."""
        return self.messages[-1].seq if self.messages else self.base

    @cached_property
    def by_id(self) -> dict[str, Message]:
        """The first message of each id."""
        return {message.id: message for message in reversed(self.messages)}

    @cached_property
    def by_seq(self) -> dict[int, Message]:
        """The first message of each number."""
        return {message.seq: message for message in reversed(self.messages)}


def log_of(epoch: str, lines: Iterable[bytes], base: int) -> Log:
    """Return the log that stored lines make; it has the base only if there are none."""
    messages = [message for message in map(decode_server, lines) if isinstance(message, Message)]
    return Log(epoch, messages, messages[0].prev if messages else base)


def logs_of(path: Path, kind: type[SqliteFile] = SqliteFile) -> dict[str, Log]:
    """Read the log of every room from a SQLite journal that no process has open."""
    file = kind(path)
    try:
        epoch = str(file.meta()["epoch"])
        logs = {}
        for name, room in file.all_rooms():
            lines = [row.line for row in file.read(room.number, 0, room.head + 1, limit=-1)]
            logs[name] = log_of(epoch, lines, room.head)
        return logs
    finally:
        file.close()
