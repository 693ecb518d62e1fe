"""A machine over a file, and a log of its own that it applies."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chatcore.journal.replicated.machine import Applied, Machine
from chatcore.journal.replicated.state import StateFile
from chatcore.replication import LogEntry
from tests.journal.replicated.entries import entry

__all__ = ["Applier", "opened"]

BEGIN = 1_800_000_000


class Applier:
    """Applies entries of its own, a second after each other, each in a transaction."""

    def __init__(self, file: StateFile) -> None:
        self.file = file
        self.machine = Machine(file)
        self.now = float(BEGIN)
        if not self.machine.header.identity:
            with file.transaction():
                self.machine.begin("log-1")
        self._numbers: dict[str, int] = {}

    def take(self, data: bytes) -> Applied:
        """Apply bytes."""
        self.now += 1.0
        position = self.machine.header.position + 1
        with self.file.transaction():
            applied = self.machine.apply(LogEntry(position, round(self.now * 1_000_000), data))
            self.machine.finish()
        return applied

    def do(self, content: Mapping[str, Any], node: str = "n1", **fields: Any) -> Applied:
        """Apply the next entry of a node."""
        number = self._numbers.get(node, 0)
        applied = self.take(entry(content, node=node, number=number, **fields))
        self._numbers[node] = number + (not applied.void)
        return applied

    def post(self, *ids: str, room: str = "lobby", text: str = "hi", node: str = "n1") -> Applied:
        """Apply an entry with drafts."""
        return self.do({"drafts": [[room, id_, "ana", text] for id_ in ids]}, node)

    def stored(self, room: str = "lobby") -> list[int]:
        """Return the numbers of what is stored in a room."""
        found = self.file.room(room)
        return [] if found is None else [row.seq for row in self.file.read(found.number, 0, 2**62, -1)]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Applier]:
    """Open a state."""
    with contextlib.closing(StateFile(path, "NORMAL")) as file:
        yield Applier(file)
