"""One room as all of its members read it, and whether they all read the same.

The rules:

- The reader that is ahead decodes a message, checks it, and appends it to the log. All others only compare
  bytes with the log, which costs next to nothing.
- The log holds what some reader on it still has to read, but no more than a limit. A reader that is further
  behind leaves it, and decodes by itself until it has caught up with the log again.
- If no reader is on the log, it continues where the next reader is.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING

from chatcore import Message
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.log import Log

if TYPE_CHECKING:
    from cli.load.reader import Reader

__all__ = ["Verifier"]

_TIDY = 1024 * 1024  # bytes that the log grows between two checks of what can be dropped


class Verifier:
    """What the readers of one room share. ``limit`` is in bytes of the log."""

    def __init__(self, room_folded: str, ledger: Ledger, limit: int = 32 * 1024 * 1024) -> None:
        self.room = room_folded
        self.ledger = ledger
        self.log: Log | None = None  # until a member has joined
        self.delivery = Histogram()  # from a post to its arrival at a member
        self.last_delivery = 0.0
        self._limit = limit
        self._on_log: set[Reader] = set()
        self._tidy_at = min(_TIDY, limit)
        self.goal = 0  # the ``seq`` of our last message that any member got
        self._shown = 0  # the ``seq`` of the last message that the ledger has
        self._skipped = 0  # messages below it that no reader on the log has read

    @property
    def unshown(self) -> int:
        """How many posts are acknowledged, but have reached no member."""
        return max(self.ledger.unshown - self._skipped - max(self.goal - self._shown, 0), 0)

    def begin(self, position: int) -> Log:
        """Return the log, which starts at the first position that is given."""
        if self.log is None:
            self.log = Log(position)
            self._shown = position
        return self.log

    def enter(self, reader: "Reader", position: int) -> int | None:
        """Put a reader that has read up to a position on the log, if the log holds that.

        Return its offset, or ``None`` if it stays off the log.
        """
        log = self.begin(position)
        offset = log.offset_after(position)
        if offset is None and not self._on_log:
            self._restart(log, position)
            offset = log.end
        if offset is not None:
            self._on_log.add(reader)
        return offset

    def leave(self, reader: "Reader") -> None:
        """Note that a reader is no longer on the log. Idempotent."""
        self._on_log.discard(reader)

    def append(self, log: Log, line: bytes, message: Message) -> None:
        """Take the next message from the reader that is ahead."""
        sent = None
        if message.seq > self._shown:  # or the log has restarted at a reader far behind
            self._shown = message.seq
            sent = self.ledger.shown(message)
        self.expect(message)
        log.append(line, message.seq, sent)

    def expect(self, message: Message) -> None:
        """Note that a member got a message: if it is one of ours, all members must get it."""
        if message.seq > self.goal and self.ledger.is_ours(message):
            self.goal = message.seq

    def note_delivery(self, first: int, end: int, now: float) -> None:
        """Count the times of the messages that end after ``first``, up to ``end``.

        Of many messages together, the first and the last one stand for a half each.
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
        """Drop, now and then, what every reader on the log has read."""
        if len(log) <= self._tidy_at:
            return
        if len(log) > self._limit:
            furthest = log.end - self._limit // 2
            for reader in [reader for reader in self._on_log if reader.offset < furthest]:
                reader.leave_log()
        log.drop(min((reader.offset for reader in self._on_log), default=log.end))
        self._tidy_at = min(len(log) + _TIDY, self._limit)

    def _restart(self, log: Log, position: int) -> None:
        log.restart(position)
        self._skipped += max(position - self._shown, 0)
        self._shown = max(position, self._shown)
