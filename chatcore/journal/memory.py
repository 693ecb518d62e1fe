"""A journal that keeps a bounded stretch of every room in memory, and nothing beyond its own life."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from chatcore.journal import Draft, Entry, Feed, Journal, Outcome, Page, Stored, Unavailable
from chatcore.limits import Limits
from chatcore.messages import DurabilityWord, Message
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson

__all__ = ["MemoryJournal"]

_OVERHEAD = 450  # bytes that an entry costs beyond its line: the tuple, its id and numbers, the index


class _Known(NamedTuple):
    """What is known of an id. Texts are told apart by Python's hash: 64 bits, keyed anew in every life."""

    seq: int
    text_hash: int


class _Log:
    """One room's record: the kept entries, and the ids of those that are kept or were lately."""

    __slots__ = ("bytes", "entries", "forgotten", "head", "ids")

    def __init__(self) -> None:
        self.head = 0
        self.entries: deque[Entry] = deque()  # as the typed wire writes them
        self.bytes = 0
        self.ids: dict[str, _Known] = {}
        self.forgotten: deque[tuple[float, str]] = deque()  # (when its id may be forgotten, id)

    def index_after(self, seq: int) -> int:
        """Return how many kept entries are at or below a position. Numbers here have no holes."""
        if not self.entries:
            return 0
        return min(max(seq + 1 - self.entries[0].seq, 0), len(self.entries))

    def forget(self, now: float) -> None:
        """Drop the ids that need not be known any more."""
        while self.forgotten and self.forgotten[0][0] <= now:
            del self.ids[self.forgotten.popleft()[1]]

    def position(self, index: int) -> int:
        """Return the position in front of the kept entry with this index."""
        return self.entries[index].prev if index < len(self.entries) else self.head


class MemoryJournal:
    """Keeps the newest messages of each room, up to ``memory_history_bytes``.

    All work is done in the caller's thread, under one lock: that is the journal's order.
    """

    durability: DurabilityWord = "memory"

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        limits = limits or Limits()
        self.dedupe_seconds = limits.dedupe_seconds
        self.epoch = secrets.token_hex(8)
        self._history_bytes = limits.memory_history_bytes
        self._clock = clock
        self._now = now
        self._order = threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._feed: Feed | None = None

    def start(self, feed: Feed) -> None:
        """Begin. After `close` it may be started again, for another hub, with what it holds."""
        with self._order:
            self._feed = feed
            feed.opened(self.epoch, {room: log.head for room, log in self._logs.items()})

    def submit(self, drafts: Sequence[Draft], done: Callable[[Sequence[Outcome]], None]) -> None:
        """Store drafts at once; ``done`` is called before this returns."""
        with self._order:
            if self._feed is None:
                outcomes = [Outcome("unavailable", retry_after=1.0)] * len(drafts)
            else:
                at, stored = self._now(), list[Stored]()
                rooms = {draft.room for draft in drafts}
                self._forget(rooms)
                outcomes = [self._store(draft, at, stored) for draft in drafts]
                self._feed.committed(stored)
                self._expire(rooms)
        done(outcomes)

    def read(
        self,
        room: str,
        wire: Wire,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page; ``deliver`` is called before this returns."""
        with self._order:
            log = self._logs.get(room) or _Log()
            start = log.index_after(after or 0)
            stop = len(log.entries) if before is None else log.index_after(before - 1)
            until = log.head if before is None else min(log.position(stop), max(before - 1, 0))
            wanted = list(islice(log.entries, start, stop))
        if after is None:
            wanted.reverse()
        entries = _fitting(wanted, wire, limit, max_bytes)
        more = len(entries) < len(wanted)
        if after is None:
            entries.reverse()
        base = entries[0].prev if entries else max(after or 0, until)
        through = entries[-1].seq if entries else base
        deliver(Page(self.epoch, base, through, tuple(entries), more))

    def seek(self, room: str, back: int, before: int, deliver: Callable[[int | Unavailable], None]) -> None:
        """Find where the last ``back`` messages below ``before`` begin."""
        with self._order:
            log = self._logs.get(room) or _Log()
            position = log.position(max(log.index_after(before - 1) - back, 0))
        deliver(position)

    def close(self) -> None:
        """Take no more drafts."""
        with self._order:
            self._feed = None

    def _store(self, draft: Draft, at: datetime, stored: list[Stored]) -> Outcome:
        log = self._logs.get(draft.room)
        if log is None:
            log = self._logs[draft.room] = _Log()
        known = log.ids.get(draft.id)
        if known is not None:
            same = known.text_hash == hash(draft.text)
            return Outcome("repeat", known.seq) if same else Outcome("conflict")
        message = Message(
            room=draft.room,
            seq=log.head + 1,
            prev=log.head,
            id=draft.id,
            nick=draft.nick,
            text=draft.text,
            at=at,
        )
        kept = Stored.of(message)
        log.head += 1
        log.entries.append(kept.entry)
        log.bytes += _OVERHEAD + len(kept.entry.data)
        log.ids[draft.id] = _Known(log.head, hash(draft.text))
        stored.append(kept)
        return Outcome("stored", log.head)

    def _forget(self, rooms: set[str]) -> None:
        now = self._clock()
        for room in rooms:
            if log := self._logs.get(room):
                log.forget(now)

    def _expire(self, rooms: set[str]) -> None:
        now = self._clock()
        for room in rooms:
            log = self._logs[room]
            while log.bytes > self._history_bytes and len(log.entries) > 1:
                old = log.entries.popleft()
                log.bytes -= _OVERHEAD + len(old.data)
                log.forgotten.append((now + self.dedupe_seconds, old.id))


def _fitting(kept: list[Entry], wire: Wire, limit: int, max_bytes: int) -> list[Entry]:
    """Take entries, as a wire writes them, until a page is full."""
    entries: list[Entry] = []
    size = 0
    for entry in islice(kept, limit):
        if wire is not ndjson:
            entry = entry._replace(data=wire.encode(Message.model_validate_json(entry.data)))
        size += len(entry.data)
        if entries and size > max_bytes:
            break
        entries.append(entry)
    return entries


_: type[Journal] = MemoryJournal
