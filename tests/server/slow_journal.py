"""A journal that stores and reads only when a test lets it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from chatcore.journal import (
    Draft,
    Feed,
    Head,
    Journal,
    Outcome,
    Page,
    Place,
    RoomPage,
    Unavailable,
    always,
)
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import HistoryLimits
from chatcore.messages import DurabilityWord
from tests.server.driver import Clock

__all__ = ["SlowJournal"]


class SlowJournal:
    """A memory journal that stores and reads only when `work` is called, in the order of the calls.

    Heads of rooms it tells immediately.
    """

    durability: DurabilityWord = "memory"

    def __init__(self, clock: Clock, limits: HistoryLimits | None = None) -> None:
        self.memory = MemoryJournal(limits, clock=clock)
        self.dedupe_seconds = self.memory.dedupe_seconds
        self.waiting: list[Callable[[], None]] = []
        self.submitted = 0  # drafts
        self.reads = 0

    def work(self) -> None:
        """Do everything that is waiting."""
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            job()

    def start(self, feed: Feed) -> None:
        self.memory.start(feed)

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        self.submitted += len(drafts)
        memory = self.memory
        self.waiting.append(lambda: memory.submit(drafts, done, still_valid))

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
        self.reads += 1
        memory = self.memory
        self.waiting.append(
            lambda: memory.read(
                room,
                deliver,
                after=after,
                before=before,
                after_at=after_at,
                before_at=before_at,
                limit=limit,
                max_bytes=max_bytes,
            )
        )

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        memory = self.memory
        self.waiting.append(lambda: memory.seek(room, back, before, deliver, after=after))

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        self.memory.head(room, deliver)

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        memory = self.memory
        self.waiting.append(lambda: memory.rooms(deliver, after=after, prefix=prefix, limit=limit))

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        memory = self.memory
        self.waiting.append(lambda: memory.remove_room(room, deliver))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        memory = self.memory
        self.waiting.append(lambda: memory.reach(room, seq, deliver))

    def close(self) -> None:
        self.memory.close()


_: type[Journal] = SlowJournal
