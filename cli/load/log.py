"""The room's messages as the first member has read them, to compare the bytes of all others with.

An *offset* counts the bytes since the start of the log, and never changes its meaning. An *ordinal* counts
messages; it is not ``seq``, which may skip numbers. The log holds whole lines only.
"""

from bisect import bisect_left, bisect_right

__all__ = ["Log"]

_GLANCE = 16  # bytes that distinguish most frames from a message


class Log:
    """Encoded messages from offset ``start`` to offset ``end``, and what is known about each."""

    __slots__ = ("_before", "_data", "_dropped", "ends", "head", "sent", "seqs", "start")

    def __init__(self, position: int) -> None:
        self.start = 0
        self.head = position  # the ``seq`` of the newest message
        self.ends: list[int] = []  # the offset after each
        self.seqs: list[int] = []
        self.sent: list[float | None] = []  # when each was posted, if that is known
        self._before = position  # the position before the oldest message that is held
        self._dropped = 0  # its ordinal
        self._data = bytearray()

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return len(self._data)

    @property
    def end(self) -> int:
        """The offset after the newest message."""
        return self.start + len(self._data)

    @property
    def total(self) -> int:
        """The ordinal after the newest message."""
        return self._dropped + len(self.ends)

    def append(self, line: bytes, seq: int, sent: float | None) -> None:
        """Take the next message."""
        self._data += line
        self.ends.append(self.end)
        self.seqs.append(seq)
        self.sent.append(sent)
        self.head = seq

    def drop(self, offset: int) -> None:
        """Forget the messages that end at or before an offset."""
        count = bisect_right(self.ends, offset)
        if count:
            end = self.ends[count - 1]
            self._before = self.seqs[count - 1]
            self._dropped += count
            del self._data[: end - self.start], self.ends[:count], self.seqs[:count], self.sent[:count]
            self.start = end

    def restart(self, position: int) -> None:
        """Forget everything and continue at a position. Nobody has read what lies between.

        Their numbers say how many messages that are.
        """
        self.drop(self.end)
        self._dropped += position - self.head
        self.head = self._before = position

    # --- offsets ---------------------------------------------------------------------------------

    def offset_after(self, position: int) -> int | None:
        """Return the offset after a position, or ``None`` if the log does not hold it."""
        if position == self._before:
            return self.start
        index = bisect_left(self.seqs, position)
        if index == len(self.seqs) or self.seqs[index] != position:
            return None
        return self.ends[index]

    def ordinal(self, offset: int) -> int:
        """Return how many messages end at or before an offset."""
        return self._dropped + bisect_right(self.ends, offset)

    def reckon(self, position: int) -> int:
        """Return the ordinal after a position; if the log does not hold it, computed from the numbers."""
        offset = self.offset_after(position)
        if offset is not None:
            return self.ordinal(offset)
        return (
            self.total + position - self.head
            if position > self._before
            else self._dropped + position - self._before
        )

    def position(self, offset: int) -> int:
        """Return the ``seq`` of the last message that ends at or before an offset."""
        index = bisect_right(self.ends, offset)
        return self.seqs[index - 1] if index else self._before

    def line_start(self, offset: int) -> int:
        """Return where the message starts that an offset is in or before."""
        index = bisect_right(self.ends, offset)
        return self.ends[index - 1] if index else self.start

    # --- bytes -----------------------------------------------------------------------------------

    def matches(self, data: bytes | memoryview, offset: int) -> bool:
        """Tell whether all of these bytes are those at an offset."""
        return self._data.startswith(data, offset - self.start)

    def common(self, data: bytes, first: int, offset: int) -> int:
        """Return how many of the bytes from ``first`` on are those at an offset."""
        low, high = 0, min(len(data) - first, self.end - offset)
        if high > _GLANCE and not self.matches(data[first : first + _GLANCE], offset):
            high = _GLANCE - 1
        view = memoryview(data)
        guess = high
        while low < high:
            if self.matches(view[first + low : first + guess], offset + low):
                low = guess
            else:
                high = guess - 1
            guess = (low + high + 1) // 2
        return low

    def piece(self, first: int, end: int) -> bytes:
        """Return the bytes between two offsets."""
        return bytes(self._data[first - self.start : end - self.start])

    def line(self, offset: int) -> bytes:
        """Return the message that starts at an offset."""
        return self.piece(offset, self.ends[bisect_right(self.ends, offset)])
