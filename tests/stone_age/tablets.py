"""A journal whose numbers have holes, and which knows only once it is started how safe its messages are.

All its work is done in the caller's thread, under one lock, which is its order.
"""

import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from chatcore import HistoryLimits, Message, UsageError
from chatcore.journal import (
    Conflict,
    Draft,
    Feed,
    Head,
    Journal,
    JournalKind,
    Outcome,
    Page,
    Place,
    Posted,
    RoomPage,
    RoomRecord,
    Stored,
    Unavailable,
    always,
)

EPOCH = "stone-age"
STEP = 5
"""How far a number is from the one before it."""


class Cave:
    """The tablets of one room; those that were broken leave their numbers, and the time of the last."""

    def __init__(self) -> None:
        self.tablets: list[Stored] = []
        self.head = 0
        self.at = datetime.min.replace(tzinfo=UTC)
        self.known: dict[str, tuple[int, Posted]] = {}  # by id

    def carve(self, draft: Draft, now: datetime, carved: list[Stored]) -> Outcome:
        """Take a draft, unless its id is known; add the message to ``carved``."""
        posted = draft.posted or (draft.kind, draft.target, draft.text)
        if draft.id in self.known:
            seq, before = self.known[draft.id]
            return seq if before == posted else Conflict()
        prev, self.head, self.at = self.head, self.head + STEP, max(now, self.at)
        message = Message(
            room=draft.room,
            seq=self.head,
            prev=prev,
            id=draft.id,
            nick=draft.nick,
            kind=draft.kind,
            target=draft.target,
            text=draft.text,
            at=self.at,
        )
        self.tablets.append(Stored.of(message))
        carved.append(self.tablets[-1])
        self.known[draft.id] = (self.head, posted)
        return self.head

    def smash(self) -> bool:
        """Lose all tablets; return whether there were any."""
        had_any = bool(self.tablets)
        self.tablets = []
        return had_any

    def index_after(self, seq: int) -> int:
        """Return how many tablets are at or below a position."""
        return bisect_left(self.tablets, seq + 1, key=lambda stored: stored.seq)

    def index_at(self, at: datetime) -> int:
        """Return how many tablets are from before the millisecond of a time."""
        return bisect_left(self.tablets, _millisecond(at), key=lambda stored: _millisecond(stored.message.at))

    def position(self, index: int) -> int:
        """Return the position before the tablet with this index."""
        return self.tablets[index].prev if index < len(self.tablets) else self.head


class StoneTablets:
    """A journal in a quarry, which ends with the process."""

    durability: Literal["memory", "written", "synced", "replicated"]
    dedupe_seconds = 60.0

    def __init__(self, quarry: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.quarry = quarry
        self._now = now
        self._caves: dict[str, Cave] = {}
        self._order = threading.Lock()
        self._feed: Feed | None = None

    def start(self, feed: Feed) -> None:
        with self._order:
            self.durability = "replicated"
            self._feed = feed
            feed.opened(EPOCH, lambda room: self._cave(room).head)

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        with self._order:
            if self._feed is None or not still_valid():
                outcomes: list[Outcome] = [Unavailable(1.0) for _ in drafts]
            else:
                now, carved = self._now(), list[Stored]()
                caves = [self._caves.setdefault(draft.room, Cave()) for draft in drafts]
                outcomes = [cave.carve(draft, now, carved) for cave, draft in zip(caves, drafts, strict=True)]
                self._feed.committed(carved)
        done(outcomes)

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
        with self._order:
            cave = self._cave(room)
            oldest = cave.position(0)
            if after_at is not None:
                after = cave.position(cave.index_at(after_at))
            stop = len(cave.tablets) if before is None else cave.index_after(before - 1)
            if before_at is not None:
                stop = min(stop, cave.index_at(before_at))
            end = cave.position(stop)
            if before is not None:
                end = min(end, max(before - 1, 0))
            wanted = cave.tablets[cave.index_after(after or 0) : stop]
        messages = _fitting(wanted if after is not None else wanted[::-1], limit, max_bytes)
        messages.sort(key=lambda stored: stored.seq)
        base = messages[0].prev if messages else max(after or 0, end)
        through = messages[-1].seq if messages else base
        more = len(messages) < len(wanted)
        deliver(Page(EPOCH, base, through, tuple(messages), more, oldest=oldest))

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        with self._order:
            cave = self._cave(room)
            index = max(cave.index_after(before - 1) - back, 0)
            skipped = max(index - cave.index_after(after), 0)
            place = Place(EPOCH, cave.position(index), cave.position(0), skipped)
        deliver(place)

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        deliver(Head(EPOCH, self._cave(room).head))

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        with self._order:
            found = sorted(
                RoomRecord(room, cave.head, cave.at)
                for room, cave in self._caves.items()
                if cave.tablets and room.startswith(prefix) and (after is None or room > after)
            )
        deliver(RoomPage(tuple(found[:limit]), len(found) > limit))

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        with self._order:
            removed = self._cave(room).smash()
        deliver(removed)

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        deliver(seq <= self._cave(room).head)

    def close(self) -> None:
        with self._order:
            self._feed = None
        sys.stdout.write("the tablets are complete\n")

    def _cave(self, room: str) -> Cave:
        return self._caves.get(room) or Cave()


class Kind:
    """``--journal stone-tablets:QUARRY``."""

    name = "stone-tablets"
    summary = "heavy, but durable"

    def open(self, argument: str, limits: HistoryLimits) -> StoneTablets:
        if not argument:
            raise UsageError("the journal stone-tablets needs a quarry")
        return StoneTablets(argument)


def _millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)


def _fitting(wanted: Sequence[Stored], limit: int, max_bytes: int) -> list[Stored]:
    fitting: list[Stored] = []
    for stored in wanted[:limit]:
        max_bytes -= len(stored.line)
        if fitting and max_bytes < 0:
            break
        fitting.append(stored)
    return fitting


kind = Kind()
_: type[Journal] = StoneTablets
__: JournalKind = kind
