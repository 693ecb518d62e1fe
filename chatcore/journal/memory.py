"""A journal in memory: a bounded stretch of every room, which ends with the process.

All its work is done in the caller's thread, under one lock, which is the journal's order. So ``done`` and
``deliver`` are called before `MemoryJournal.submit` and `MemoryJournal.read` return.
"""

import secrets
import threading
import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import attrgetter

from chatcore.encoding import encode_message, time_text
from chatcore.errors import UsageError
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
    RoomPage,
    RoomRecord,
    Stored,
    Unavailable,
    always,
)
from chatcore.journal.scan import LINES, scan
from chatcore.journal.search import Answer, SearchableJournal, SearchRequest
from chatcore.journal.times import milliseconds
from chatcore.limits import HistoryLimits
from chatcore.messages import DurabilityWord
from chatcore.subclassing import mypyc_attr

__all__ = ["MemoryJournal", "MemoryKind", "kind"]

_OVERHEAD = 450  # bytes that an entry costs beyond its line: the tuple, its id and numbers, the index

_BEGINNING = datetime.min.replace(tzinfo=UTC)

_CONFLICT = Conflict()

_seq = attrgetter("seq")
_room = attrgetter("room")


def _milliseconds(stored: Stored) -> int:
    return milliseconds(stored.message.at)


class _Log:
    """One room's log: the stored messages, and the ids of those that are stored or were lately.

    ``at`` is the time of the last message, also once that has expired. Of an id it knows the message, and
    Python's hash of what was posted: that is 64 bits, with a key of the process, and costs a post less than
    a digest would.
    """

    __slots__ = ("at", "bytes", "head", "ids", "messages", "removed")

    def __init__(self) -> None:
        self.head = 0
        self.at = _BEGINNING
        self.removed = False
        self.messages: deque[Stored] = deque()
        self.bytes = 0  # of the lines
        self.ids: dict[str, tuple[int, int]] = {}  # (seq, what was posted)

    def index_after(self, seq: int) -> int:
        """Return how many stored messages are at or below a position."""
        if seq >= self.head:
            return len(self.messages)
        return bisect_right(self.messages, seq, key=_seq)

    def index_at(self, at: datetime) -> int:
        """Return how many stored messages are from before the millisecond of a time."""
        return bisect_left(self.messages, milliseconds(at), key=_milliseconds)

    def store(self, drafts: Iterable[Draft], now: datetime, step: int, stored: list[Stored]) -> list[Outcome]:
        """Take the next drafts; add the messages that are made of them to ``stored``."""
        outcomes: list[Outcome] = []
        ids, at = self.ids, max(now, self.at)
        at_text, known_before = time_text(at), len(ids)
        for room, id_, nick, text, kind, target, _, posted in drafts:
            said = hash(posted or (kind, target, text))
            known = ids.get(id_)
            if known is not None:
                outcomes.append(known[0] if known[1] == said else _CONFLICT)
                continue
            prev = self.head
            self.head = seq = prev + step
            line = encode_message(room, seq, prev, id_, nick, text, at_text, kind, target)
            ids[id_] = (seq, said)
            self.bytes += len(line)
            stored.append(Stored(room, seq, prev, id_, line))
            outcomes.append(seq)
        if new := len(ids) - known_before:
            self.messages.extend(stored[-new:])
            self.at, self.removed = at, False
        return outcomes

    def expire(self, history_bytes: int, line_bytes: int) -> list[str]:
        """Drop the oldest messages until the rest fits, but never the newest; return the ids.

        The rest may cost ``history_bytes``, or have lines of ``line_bytes``, whichever is more.
        """
        return self._drop(history_bytes, line_bytes, 1) if self.bytes > line_bytes else []

    def remove(self) -> list[str]:
        """Drop all messages, and list the room no more; return the ids."""
        self.removed = True
        return self._drop(0, 0, 0)

    @property
    def is_listed(self) -> bool:
        """Whether it has held a message and was not removed."""
        return bool(self.head) and not self.removed

    def forget(self, ids: Iterable[str]) -> None:
        """Drop ids that need not be remembered any more."""
        for id_ in ids:
            del self.ids[id_]

    def position(self, index: int) -> int:
        """Return the position before the stored message with this index."""
        return self.messages[index].prev if index < len(self.messages) else self.head

    def _drop(self, history_bytes: int, line_bytes: int, least: int) -> list[str]:
        """Drop the oldest messages until the rest is small enough in one way, or so few are left."""
        size, messages, ids = self.bytes, self.messages, list[str]()
        while len(messages) > least and size > max(line_bytes, history_bytes - _OVERHEAD * len(messages)):
            old = messages.popleft()
            size -= len(old.line)
            ids.append(old.id)
        self.bytes = size
        return ids


@mypyc_attr(allow_interpreted_subclasses=True)
class MemoryJournal:
    """Keeps the newest messages of each room, up to ``memory_history_bytes`` of ``limits``.

    It keeps more if that is less than what readers get without it: whoever is a moment late finds here what
    has just left the tail of the room (`Feed.tail_bytes`).

    ``clock`` gives seconds that never go back, and ``now`` the time that messages are stamped with.
    Closed, it may be started again for another hub, with what it holds.
    """

    durability: DurabilityWord = "memory"

    def __init__(
        self,
        limits: HistoryLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        limits = limits or HistoryLimits()
        self.dedupe_seconds = limits.dedupe_seconds
        self.epoch = secrets.token_hex(8)
        self.step = 1
        """How far a number is from the one before it. No reader may count on that, so tests change it."""
        self._history_bytes = limits.memory_history_bytes
        self._clock = clock
        self._now = now
        self._order = threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._expired: deque[tuple[float, _Log, list[str]]] = deque()  # ids, and when they may be forgotten
        self._feed: Feed | None = None

    def start(self, feed: Feed) -> None:
        """Begin to store for a hub."""
        with self._order:
            self._feed = feed
            feed.opened(self.epoch, self._head)

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        """Store drafts; ``done`` is called before this returns."""
        with self._order:
            if self._feed is None or not still_valid():
                outcomes: list[Outcome] = [Unavailable(1.0)] * len(drafts)
            else:
                outcomes = self._store(drafts, self._feed)
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
        """Read a page; ``deliver`` is called before this returns."""
        with self._order:
            log = self._logs.get(room) or _Log()
            oldest = log.position(0)
            if after_at is not None:
                after = log.position(log.index_at(after_at))
            start = log.index_after(after or 0)
            stop = len(log.messages) if before is None else log.index_after(before - 1)
            if before_at is not None:
                stop = min(stop, log.index_at(before_at))
            until = log.position(stop) if before is None else min(log.position(stop), max(before - 1, 0))
            wanted = list(islice(log.messages, start, stop))
        if after is None:
            wanted.reverse()
        messages = _fitting(wanted, limit, max_bytes)
        more = len(messages) < len(wanted)
        if after is None:
            messages.reverse()
        base = messages[0].prev if messages else max(after or 0, until)
        through = messages[-1].seq if messages else base
        deliver(Page(self.epoch, base, through, tuple(messages), more, oldest=oldest))

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        """Find where the last ``back`` messages before ``before`` begin."""
        with self._order:
            log = self._logs.get(room) or _Log()
            index = max(log.index_after(before - 1) - back, 0)
            skipped = max(index - log.index_after(after), 0)
            place = Place(self.epoch, log.position(index), log.position(0), skipped)
        deliver(place)

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        """Answer immediately."""
        with self._order:
            log = self._logs.get(room)
        deliver(Head(self.epoch, log.head if log is not None else 0))

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        """List rooms; ``deliver`` is called before this returns."""
        with self._order:
            found = [
                RoomRecord(name, log.head, log.at)
                for name, log in self._logs.items()
                if name.startswith(prefix) and (after is None or name > after) and not log.removed
            ]
        found.sort()
        deliver(RoomPage(tuple(found[:limit]), len(found) > limit))

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Remove what is stored of a room; ``deliver`` is called before this returns."""
        with self._order:
            is_open, log = self._feed is not None, self._logs.get(room)
            removed = is_open and log is not None and log.is_listed
            if is_open and log is not None:
                self._note_expired(log, log.remove(), self._clock())
        deliver(removed if is_open else Unavailable(1.0))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Answer immediately: everything that is stored was reported."""
        with self._order:
            log = self._logs.get(room)
        deliver(log is not None and log.head >= seq)

    @property
    def can_search(self) -> bool:
        """Whether it can look for messages: always."""
        return True

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Look at some of the newest messages; ``deliver`` is called before this returns."""
        newest: dict[str, list[Stored]] = {}
        for room in request.rooms:
            with self._order:
                log = self._logs.get(room)
                newest[room] = [] if log is None else list(islice(reversed(log.messages), LINES))
        deliver(scan(self.epoch, newest, request))

    def close(self) -> None:
        """Take no more drafts."""
        with self._order:
            self._feed = None

    def _head(self, room: str) -> int:
        log = self._logs.get(room)
        return 0 if log is None else log.head

    def _store(self, drafts: Sequence[Draft], feed: Feed) -> list[Outcome]:
        at, now = self._now(), self._clock()
        self._forget_ids(now)
        outcomes, stored, logs = list[Outcome](), list[Stored](), dict[str, _Log]()
        for room, run in groupby(drafts, _room):
            log = logs[room] = self._logs.get(room) or self._logs.setdefault(room, _Log())
            outcomes += log.store(run, at, self.step, stored)
        feed.committed(stored)
        for log in logs.values():
            self._note_expired(log, log.expire(self._history_bytes, feed.tail_bytes), now)
        return outcomes

    def _note_expired(self, log: _Log, ids: list[str], now: float) -> None:
        if ids:
            self._expired.append((now + self.dedupe_seconds, log, ids))

    def _forget_ids(self, now: float) -> None:
        """Forget ids whose time is over, in whatever room: nobody may ever post to that again."""
        while self._expired and self._expired[0][0] <= now:
            _, log, ids = self._expired.popleft()
            log.forget(ids)


def _fitting(wanted: Sequence[Stored], limit: int, max_bytes: int) -> list[Stored]:
    """Take messages until a page is full."""
    fitting: list[Stored] = []
    size = 0
    for entry in islice(wanted, limit):
        size += len(entry.line)
        if fitting and size > max_bytes:
            break
        fitting.append(entry)
    return fitting


class MemoryKind:
    """``--journal memory``."""

    name = "memory"
    summary = "in memory, lost when the server stops"

    def open(self, argument: str, limits: HistoryLimits) -> MemoryJournal:
        """Return a journal; raises `UsageError` for an argument."""
        if argument:
            raise UsageError("the journal memory takes no argument: --journal memory")
        return MemoryJournal(limits)


kind = MemoryKind()
_: type[Journal] = MemoryJournal
__: JournalKind = kind
___: type[SearchableJournal] = MemoryJournal
