"""One server of a cluster in virtual time: a replica that is told when to go on, killed and started again."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from chatcore.journal import Draft, Feed, Outcome, Page, Stored, Unavailable
from chatcore.journal.replicated.inbox import Inbox
from chatcore.journal.replicated.machine import SLOTS, Applied
from chatcore.journal.replicated.replica import Replica
from chatcore.journal.replicated.state import StateFile
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.page import DamageLog, page
from tests.journal.replicated.faulty_log import FaultyConnection, FaultyLog

__all__ = ["Copies", "FailingFile", "Node", "dump"]

QUEUE = 4_096
MANY = 1_000_000


class FailingFile(StateFile):
    """A state whose commits fail as planned: with nothing stored, or with everything."""

    def __init__(self, path: Path, plan: list[str]) -> None:
        self._plan: list[str] = []
        super().__init__(path, "NORMAL")
        self._plan = plan

    def commit(self) -> None:
        """End a transaction, if that is planned."""
        fate = self._plan.pop() if self._plan else ""
        if fate == "before":
            raise sqlite3.OperationalError("planned")
        super().commit()
        if fate == "after":
            raise sqlite3.OperationalError("planned")


class Copies:
    """Older copies of a file, each as it was at some time."""

    def __init__(self, path: Path, random: Random) -> None:
        self.random = random
        self._path = path
        self._copies: list[Path] = []

    def make(self) -> None:
        """Make a copy of the file, as it is now."""
        to = self._path.with_name(f"{self._path.name}-{len(self._copies)}")
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
        self._copies.append(to)

    def put_back(self) -> None:
        """Put one of them in the place of the file, or none at all; nobody may use it."""
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        if self._copies and self.random.random() < 0.8:
            with (
                closing(sqlite3.connect(self.random.choice(self._copies))) as source,
                closing(sqlite3.connect(self._path)) as copy,
            ):
                source.backup(copy)


class Node:
    """A server. It is down until `start`."""

    tail_bytes = 0

    def __init__(self, path: Path, log: FaultyLog, clock: Callable[[], float], random: Random) -> None:
        self.path = path
        self.waits = 0  # how often somebody was ahead
        self.epoch = ""
        self.heads: dict[str, int] = {}  # as reported
        self.replica: Replica | None = None
        self.readers: list[Callable[[Sequence[Stored]], None]] = []
        self.on_opened: list[Callable[[], None]] = []
        self._plan: list[str] = []
        self.log = log
        self._clock = clock
        self._connection: FaultyConnection | None = None
        self._inbox = Inbox(QUEUE)
        self._copies = Copies(path, random)

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self.replica is not None

    @property
    def connection(self) -> FaultyConnection:
        """Its connection to the log."""
        assert self._connection is not None
        return self._connection

    def running(self) -> Replica:
        """Return its replica; it has to be up."""
        assert self.replica is not None
        return self.replica

    # --- its days --------------------------------------------------------------------------------

    def start(self) -> None:
        """Start with what its file has."""
        self._connection = self.log.connect()
        self._inbox = Inbox(QUEUE)
        self.heads = {}
        self.replica = Replica(
            self.path,
            partial(FailingFile, self.path, self._plan),
            self._connection,
            self._inbox,
            self,
            self._clock,
        )
        self.replica.begin()
        self.replica.begin_without_log()

    def kill(self) -> None:
        """End without a word."""
        self.running().follower.close()
        self.connection.close()
        self.replica = None
        self.readers, self.on_opened = [], []

    def fail(self, fate: str) -> None:
        """Have the next commit fail."""
        self._plan.append(fate)

    def step(self) -> None:
        """Let it do what is due."""
        self.running().step()

    def copy(self) -> None:
        """Make a copy of its file, as it is now."""
        self._copies.make()

    def put_back(self) -> None:
        """Put an older copy of its file in its place, or none at all; it has to be down."""
        self._copies.put_back()

    # --- the feed --------------------------------------------------------------------------------

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Note an epoch."""
        self.epoch = epoch
        self.heads = {room: head(room) for room in ("a", "b")}
        for call in self.on_opened:
            call()

    def committed(self, messages: Sequence[Stored]) -> None:
        """Note messages, each of which has to follow the one before in its room."""
        for stored in messages:
            assert stored.prev == self.heads.get(stored.room, 0) < stored.seq, (self.path.name, stored)
            self.heads[stored.room] = stored.seq
        for call in self.readers:
            call(messages)

    # --- what is asked ---------------------------------------------------------------------------

    def submit(self, drafts: Sequence[Draft], done: Callable[[Sequence[Outcome]], None]) -> None:
        """Submit drafts."""
        if not self._inbox.put(drafts, done):
            done([Unavailable(1.0)] * len(drafts))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Ask for a position."""
        replica = self.running()
        self.waits += seq // SLOTS > replica.header.position
        self._inbox.put_job(lambda: replica.reach(room, seq, deliver))

    def request(
        self, content: dict[str, Any], deliver: Callable[[Applied | Unavailable], None] = lambda _: None
    ) -> None:
        """Ask for something to be in the log."""
        replica = self.running()
        self._inbox.put_task(lambda file: replica.request(content, deliver))

    def read(self, room: str, after: int) -> Page | None:
        """Read all that follows a position, unless the file has failed."""
        file = self.running().follower.file
        if file is None:
            return None
        bounds = Bounds(after=after)
        return page(file, damage=DamageLog(), room=room, bounds=bounds, limit=MANY, max_bytes=MANY)


def dump(path: Path) -> list[object]:
    """Return everything that is in a state."""
    with closing(sqlite3.connect(path)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        ]
        return [(name, *row) for name in names for row in db.execute(f"SELECT * FROM {name} ORDER BY 1, 2")]


_: type[Feed] = Node
