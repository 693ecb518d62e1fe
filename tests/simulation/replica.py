"""A journal of the simulation that is a real replica, of a log that its hub shares with others.

The replica decides what is stored; the record of this hub is told of it, and what its people get is judged by
that, as with any journal. The steps are those of the log: an entry arrives, or does not; some are reported; a
connection is lost; a commit fails. Questions are answered from the replica's file.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from chatcore.journal import Draft, Feed, Head, Journal, Page, Place, RoomPage, Stored, Unavailable, always
from chatcore.journal.replicated.inbox import Inbox
from chatcore.journal.replicated.machine import Applied
from chatcore.journal.replicated.replica import Replica
from chatcore.journal.replicated.state import StateFile
from chatcore.journal.sqlite import lookups
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.page import DamageLog, page
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import FailingFile
from tests.simulation.journal import SimJournal
from tests.simulation.step import Step
from tests.simulation.submission import Done
from tests.simulation.world import World

__all__ = ["SimReplica"]

T = TypeVar("T")

QUEUE = 100


class SimReplica(SimJournal):
    """The replica of one hub, whose state is at ``path``."""

    def __init__(self, world: World, log: FaultyLog, path: Path) -> None:
        super().__init__(world)
        self.durability = "replicated"
        self.path = path
        self._shared = log
        self._connection = log.connect()
        self._inbox = Inbox(QUEUE)
        self._plan: list[str] = []  # of failures
        self._hub: Feed | None = None
        self._running: Replica | None = None
        self._faults = world.random.choice((0.02, 0.2))
        self._haste = world.random.choice((0.2, 3))  # with which it hears of entries

    @property
    def replica(self) -> Replica:
        """The replica, once it was started."""
        assert self._running is not None
        return self._running

    def fail_soon(self) -> str:
        """Have the next commit fail, with nothing stored or with everything."""
        self._plan.append(self._random.choice(("before", "after")))
        return f"{self.path.name} will fail to commit"

    def heal(self) -> None:
        """Have no commit fail any more, also none that was to fail soon."""
        self._plan.clear()

    # --- the seam --------------------------------------------------------------------------------

    def start(self, feed: Feed) -> None:
        """Begin with a connection, so that the epoch is known."""
        self._hub = feed
        open_file = partial(FailingFile, self.path, self._plan)
        self._running = Replica(
            self.path, open_file, self._connection, self._inbox, self, self._world.clock, lambda _: None
        )
        self.replica.begin()
        self._connection.open()
        self.replica.step()
        self.replica.begin_without_log()

    def submit(self, drafts: Sequence[Draft], done: Done, still_valid: Callable[[], bool] = always) -> None:
        """Queue drafts."""
        self.judge(drafts)
        if not self._inbox.put(drafts, done, still_valid):
            done([Unavailable(1.0)] * len(drafts))

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Note a page to be read from the file."""
        bounds = Bounds(after, before, after_at, before_at)
        look = partial(page, damage=DamageLog(), room=room, bounds=bounds, limit=limit, max_bytes=max_bytes)
        self._heads.append(self._asked_of_file(look, deliver))

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        """Note a place to be found in the file."""
        look = partial(lookups.place, room=room, back=back, before=before, after=after)
        self._reads.append(self._asked_of_file(look, deliver))

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        """Note a head to be looked up in the file."""

        def answer(head: Head | Unavailable) -> None:
            self.loading[room] -= 1
            deliver(head)

        self.loading[room] += 1
        self._heads.append(self._asked_of_file(partial(lookups.head, room=room), answer))

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        """Note a page of rooms to be read from the file."""
        look = partial(lookups.rooms, after=after, prefix=prefix, limit=limit)
        self._reads.append(self._asked_of_file(look, deliver))

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Have a room removed, for all hubs."""

        def take(applied: Applied | Unavailable) -> None:
            deliver(applied if isinstance(applied, Unavailable) else bool(applied.removed))

        self._inbox.put_task(lambda file: self.replica.request({"remove": room}, take))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Have a position waited for."""
        self._inbox.put_job(lambda: self.replica.reach(room, seq, deliver))

    def _asked_of_file(
        self, look: Callable[[StateFile], T], deliver: Callable[[T | Unavailable], None]
    ) -> Callable[[], Callable[[], None]]:
        def answer() -> Callable[[], None]:
            file = self.replica.follower.file
            found = Unavailable(0.5) if file is None or self._world.chance(0.1) else look(file)
            return lambda: deliver(found)

        return answer

    # --- the replica's feed ----------------------------------------------------------------------

    @property
    def tail_bytes(self) -> int:
        """What the hub's tails hold."""
        assert self._hub is not None
        return self._hub.tail_bytes

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Have the record begin a life, and report it."""
        assert self._hub is not None
        if epoch not in self.record.lives:
            self.record.begin({}, epoch)
        self._epoch = epoch
        self.record.open(epoch)
        self._hub.opened(epoch, head)

    def committed(self, messages: Sequence[Stored]) -> None:
        """Have the record store messages, and report them."""
        assert self._hub is not None
        for stored in messages:
            log = self._log(stored.room)
            log.append(stored.message)
            log.tell(stored.seq)
            self._world.stored_at.setdefault(stored.id, self._world.table.step)
        self._hub.committed(messages)

    def _note_expired(self) -> None:
        """Have the record expire what the file no longer has."""
        if (file := self.replica.follower.file) is None:
            return
        for name, room in file.all_rooms():
            log = self._log(name)
            log.expire(log.index_after(file.position_before_all(room.number, room.head)))

    # --- the steps -------------------------------------------------------------------------------

    @property
    def timer(self) -> float | None:
        """When something is to be sent again, or given up."""
        patience = self.replica.patience
        return None if patience is None else self._world.now + patience

    @property
    def idle(self) -> bool:
        """Whether nothing is owed to anybody, here or on the way to the log."""
        asked = self._heads, self._reads, self._deliveries
        behind = self._connection.missing or self._shared.on_its_way
        return not any(asked) and not behind and not self._has_work and self.replica.is_idle

    @property
    def _has_work(self) -> bool:
        wants = self.replica.wants_drafts
        return self._inbox.has_any(drafts=wants) or self.replica.patience == 0.0

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now."""
        yield from self._steps_of_questions()
        if self._shared.on_its_way:
            yield Step(1, self._arrive)
        if self._has_work:
            yield Step(3, self._work)
        if not self._connection.is_open:
            yield Step(3 if self._world.calm else 0.5, self._connect)
        elif self._connection.missing:
            yield Step(3 if self._world.calm else self._haste, self._hear)
        if not self._world.calm:
            yield Step(0 if self._plan else self._faults, self.fail_soon)
            yield Step(self._faults if self._connection.is_open else 0, self._lose)

    def _arrive(self) -> str:
        self._shared.take()
        return f"the log has {self._shared.last} entries"

    def _work(self) -> str:
        self.replica.step()
        self._note_expired()
        return f"{self.path.name} is at {self.replica.header.position}"

    def _connect(self) -> str:
        self._connection.open()
        return f"{self.path.name} connects"

    def _hear(self) -> str:
        self._connection.deliver(self._random.randint(1, 3))
        return f"{self.path.name} hears of entries"

    def _lose(self) -> str:
        self._connection.cut()
        return f"{self.path.name} loses its connection"


_: type[Journal] = SimReplica
__: type[Feed] = SimReplica
