"""The newest part of a room's log, encoded once for one wire.

- An *index* numbers the messages of a tail and never changes meaning. Indexes run from ``start``, the oldest
  message that is held, to ``end``, where the next one will be. They are not ``seq``: the numbers of a log may
  have holes, indexes have none.
- A message is encoded once, when it comes. Everyone at the same index is handed the same bytes object.
- A message counts as many bytes as its line in the log, or its encoding here, whichever has more. A journal
  in memory counts lines, so it holds at least what any tail holds.
- A tail is bounded: beyond ``limit`` bytes its oldest quarter goes. What a member still needs that takes
  everything it is handed stays a little longer: such a member never has to ask the journal, and meets no gap.
  That is at most `MOST_BYTES` more, and whoever posts to the room waits for turns meanwhile (`Inflow`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import attrgetter

from chatcore.messages import Stored
from chatcore.wire import Wire

__all__ = ["MOST_BYTES", "PIECE", "Piece", "Tail"]

PIECE = 128 * 1024
"""Bytes of one piece of output, about: large enough that a burst is one write, small enough that a
piece drains within the stall limit on a link of a few KB/s."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes beyond its limit that a tail may hold for members who take everything: many times what all sessions
of a server post in a turn each. Only a program that posts without waiting, or a transport that serves nobody,
gets that far."""

_seq = attrgetter("seq")


class Piece:
    """A run of encoded messages: the same bytes object for everyone at the same cursor."""

    __slots__ = ("data", "end", "through")

    def __init__(self, data: bytes, end: int, through: int) -> None:
        self.data = data
        self.end = end  # the index after it
        self.through = through  # the position after it


class Tail:
    """A window onto the end of a log. ``head`` is the position that it starts after."""

    __slots__ = (
        "_base",
        "_encoded",
        "_limit",
        "_offsets",
        "_piece_bytes",
        "_pieces",
        "_stored",
        "_trim_at",
        "end",
        "start",
        "wire",
    )

    def __init__(self, wire: Wire, head: int, limit: int, piece_bytes: int = PIECE) -> None:
        self.wire = wire
        self.start = 0
        self.end = 0
        self._limit = limit
        self._piece_bytes = piece_bytes
        self._base = head  # the position before the oldest message
        self._stored: list[Stored] = []
        self._encoded: list[bytes] = []
        self._offsets: list[int] = [0]  # in the stream of what they count; one more than messages
        self._pieces: dict[int, Piece] = {}  # by the index at which they begin
        self._trim_at = limit  # an offset, beyond which there is something to drop

    def extend(self, messages: Sequence[Stored]) -> None:
        """Take the next messages of the log."""
        encoded = list(map(self.wire.encode_stored, messages))
        self._stored += messages
        self._encoded += encoded
        self._offsets[-1:] = accumulate(_sizes(encoded, messages), initial=self._offsets[-1])
        self.end += len(encoded)
        self._pieces.clear()

    @property
    def is_full(self) -> bool:
        """Whether it is time for `trim`."""
        return self._offsets[-1] > self._trim_at

    @property
    def overflows(self) -> bool:
        """Whether it holds more than its limit, for members who need that."""
        return len(self._stored) > 1 and self._offsets[-1] - self._offsets[0] > self._limit

    def trim(self, needed: int) -> None:
        """Drop what is too old, but nothing from an index on that somebody needs."""
        limit, offsets = self._limit, self._offsets
        # A quarter together, so that the cost of moving the rest up is shared by many messages.
        count = min(bisect_left(offsets, offsets[-1] - limit * 3 // 4), len(self._stored) - 1)
        if offsets[-1] - offsets[0] <= limit + MOST_BYTES:
            count = min(count, needed - self.start)
        if count > 0:
            self._drop(count)
        # While it is kept full, look again after another quarter: looking costs a step for each member.
        self._trim_at = offsets[-1] + limit // 4 if self.overflows else offsets[0] + limit

    def index_after(self, position: int) -> int | None:
        """Return the index of the successor of a position, or ``None`` if that is not held here.

        The end is an index too: that of the message to come.
        """
        if position == self._base:
            return self.start
        index = bisect_left(self._stored, position, key=_seq)
        if index == len(self._stored) or self._stored[index].seq != position:
            return None
        return self.start + index + 1

    def piece(self, index: int) -> Piece:
        """Return the messages from an index on: as many as fit, but at least one."""
        piece = self._pieces.get(index)
        if piece is None:
            piece = self._pieces[index] = self._cut(index)
        return piece

    def ids(self, first: int, end: int) -> list[str]:
        """Return the ids of the messages between two indexes."""
        return [stored.id for stored in self._stored[first - self.start : end - self.start]]

    def encoded(self, first: int, end: int) -> list[bytes]:
        """Return the messages between two indexes, each by itself."""
        return self._encoded[first - self.start : end - self.start]

    def _cut(self, index: int) -> Piece:
        first = index - self.start
        last = bisect_right(self._offsets, self._offsets[first] + self._piece_bytes) - 1
        last = max(last, first + 1)
        data = self.wire.join(self._encoded[first:last])
        return Piece(data, self.start + last, self._stored[last - 1].seq)

    def _drop(self, count: int) -> None:
        self._base = self._stored[count - 1].seq
        self.start += count
        del self._stored[:count], self._encoded[:count], self._offsets[:count]


def _sizes(encoded: Sequence[bytes], messages: Sequence[Stored]) -> Iterable[int]:
    """Return what messages count, one at least."""
    sizes = map(len, encoded)
    if encoded[0] is messages[0].line:  # this wire sends lines as they are stored
        return sizes
    return map(max, sizes, (len(stored.line) for stored in messages))
