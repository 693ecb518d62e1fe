"""The newest part of a room's log, encoded once for one wire."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from chatcore.journal import Entry, Stored
from chatcore.wire import Wire

__all__ = ["PIECE", "Piece", "Tail"]

PIECE = 128 * 1024
"""Bytes of one piece of output, about: large enough that a burst is one write, small enough that a
piece drains within the stall limit on a link of a few KB/s."""


class Piece:
    """A run of encoded entries: the same bytes object for everyone at the same cursor."""

    __slots__ = ("data", "end", "ids", "through")

    def __init__(self, data: bytes, end: int, through: int, ids: list[str]) -> None:
        self.data = data
        self.end = end  # the place behind it
        self.through = through  # the position behind it
        self.ids = ids


class Tail:
    """A window onto the end of the log. A *place* numbers its entries and never changes meaning.

    Places run from ``start``, the oldest entry held, to ``end``, where the next one will be. They
    are not ``seq``: numbers of a log may have holes, places have none.
    """

    __slots__ = (
        "_base",
        "_entries",
        "_limit",
        "_offsets",
        "_piece_bytes",
        "_pieces",
        "_seqs",
        "end",
        "start",
        "wire",
    )

    def __init__(self, wire: Wire, head: int, limit: int, piece_bytes: int = PIECE) -> None:
        self.wire = wire
        self._piece_bytes = piece_bytes
        self.start = 0
        self.end = 0
        self._limit = limit
        self._base = head  # the position in front of the oldest entry
        self._entries: list[Entry] = []
        self._seqs: list[int] = []
        self._offsets: list[int] = [0]  # in the stream of encoded bytes; one more than entries
        self._pieces: dict[int, Piece] = {}  # by the place where they begin

    def extend(self, messages: Sequence[Stored]) -> None:
        """Take the next messages of the log."""
        wire = self.wire
        for kept in messages:
            entry = kept.on(wire)
            self._entries.append(entry)
            self._seqs.append(entry.seq)
            self._offsets.append(self._offsets[-1] + len(entry.data))
        self.end += len(messages)
        self._pieces.clear()
        if self._offsets[-1] - self._offsets[0] > self._limit:
            self._trim()

    def place_after(self, position: int) -> int | None:
        """Return the place of the successor of a position, or ``None`` if it is not held here.

        The end is a place too: that of the entry to come.
        """
        if position == self._base:
            return self.start
        index = bisect_left(self._seqs, position)
        if index == len(self._seqs) or self._seqs[index] != position:
            return None
        return self.start + index + 1

    def piece(self, place: int) -> Piece:
        """Return the entries from a place on: as many as fit but at least one."""
        piece = self._pieces.get(place)
        if piece is None:
            piece = self._pieces[place] = self._cut(place)
        return piece

    def entries(self, first: int, end: int) -> list[Entry]:
        """Return the entries between two places."""
        return self._entries[first - self.start : end - self.start]

    def _cut(self, place: int) -> Piece:
        first = place - self.start
        last = bisect_right(self._offsets, self._offsets[first] + self._piece_bytes) - 1
        entries = self._entries[first : max(last, first + 1)]
        data = b"".join([entry.data for entry in entries])
        return Piece(data, place + len(entries), entries[-1].seq, [entry.id for entry in entries])

    def _trim(self) -> None:
        # A quarter at once, so that the cost of moving the rest up is shared by many entries.
        keep_from = self._offsets[-1] - self._limit * 3 // 4
        count = min(bisect_left(self._offsets, keep_from), len(self._entries) - 1)
        if count > 0:
            self._base = self._seqs[count - 1]
            self.start += count
            del self._entries[:count], self._seqs[:count], self._offsets[:count]
