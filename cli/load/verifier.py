"""One room as all of its members read it, and whether they read the same.

The rules:

- Whoever is ahead decodes a message, checks it against the law of reading, and appends it to the
  log. Everyone else compares bytes with the log, which costs next to nothing.
- The log holds what somebody on it has still to read, and never more than a limit: who is further
  behind leaves it, and decodes by itself until it has come near enough again.
- If nobody is on the log, it goes on where the next reader is.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING

from chatcore.messages import Message
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.log import Log

if TYPE_CHECKING:
    from cli.load.reader import Reader

__all__ = ["Verifier"]

_TIDY = 1024 * 1024  # bytes of the log's growth between two looks at what may be dropped


class Verifier:
    """What the readers of a room share. ``limit`` is in bytes of the log."""

    def __init__(self, room_folded: str, ledger: Ledger, limit: int = 32 * 1024 * 1024) -> None:
        self.room = room_folded
        self.ledger = ledger
        self.log: Log | None = None  # until somebody has joined
        self.delivery = Histogram()  # from when a message was posted to when a member had it
        self.last_delivery = 0.0
        self._limit = limit
        self._on_log: set[Reader] = set()
        self._tidy_at = min(_TIDY, limit)
        self.goal = 0  # the ``seq`` of the last message of ours that anybody has got
        self._shown = 0  # the ``seq`` up to which the ledger was told
        self._skipped = 0  # messages below it that nobody on the log has read

    @property
    def unshown(self) -> int:
        """How many posts are acknowledged and have reached nobody."""
        return max(self.ledger.unshown - self._skipped - max(self.goal - self._shown, 0), 0)

    def begin(self, position: int) -> Log:
        """Return the log, which begins at the first position that anybody names."""
        if self.log is None:
            self.log = Log(position)
            self._shown = position
        return self.log

    def place_after(self, reader: "Reader", position: int) -> int | None:
        """Return the place of a reader that has read up to a position, or ``None`` if it has none."""
        log = self.begin(position)
        place = log.place_after(position)
        if place is None and not self._on_log:
            self._restart(log, position)
            place = log.end
        if place is not None:
            self._on_log.add(reader)
        return place

    def leave(self, reader: "Reader") -> None:
        """Note that a reader is not on the log any more. Idempotent."""
        self._on_log.discard(reader)

    def append(self, log: Log, line: bytes, message: Message) -> None:
        """Take the next message from the reader who is ahead."""
        sent = None
        if message.seq > self._shown:  # or the log went back to a reader far behind
            self._shown = message.seq
            sent = self.ledger.shown(message)
        self.expect(message)
        log.append(line, message.seq, sent)

    def expect(self, message: Message) -> None:
        """Note that somebody has got a message: if it is ours, everybody has to."""
        if message.seq > self.goal and self.ledger.is_ours(message):
            self.goal = message.seq

    def note_delivery(self, first: int, end: int, now: float) -> None:
        """Take the times of the messages that end behind one offset and up to another.

        Of many at once, the first and the last stand for one half each.
        """
        log = self.log
        assert log is not None
        index = bisect_right(log.ends, first)
        count = bisect_right(log.ends, end, index) - index
        if count == 0:
            return
        self.last_delivery = now
        if (sent := log.sent[index]) is not None:
            self.delivery.add(now - sent, (count + 1) // 2)
        if count > 1 and (sent := log.sent[index + count - 1]) is not None:
            self.delivery.add(now - sent, count // 2)

    def tidy(self, log: Log) -> None:
        """Drop what nobody on the log has to read any more, now and then."""
        if len(log) <= self._tidy_at:
            return
        if len(log) > self._limit:
            furthest = log.end - self._limit // 2
            for reader in [reader for reader in self._on_log if reader.place < furthest]:
                reader.leave_log()
        log.drop(min((reader.place for reader in self._on_log), default=log.end))
        self._tidy_at = min(len(log) + _TIDY, self._limit)

    def _restart(self, log: Log, position: int) -> None:
        log.restart(position)
        self._skipped += max(position - self._shown, 0)
        self._shown = max(position, self._shown)
