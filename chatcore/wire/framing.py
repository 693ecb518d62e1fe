"""The outer shape of WebSocket frames (RFC 6455, 5.2): where each ends, and how a text message begins.

What a frame means, and whether it is valid, is for the package ``websockets`` to say. Here frames are only
counted before they are parsed, so that a peer gets its turns of them, and pays for each of them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from websockets.frames import Frame, Opcode

__all__ = ["MESSAGE_BYTES", "FrameCounter", "text_message", "text_messages"]

MESSAGE_BYTES = 16 * 1024
"""Bytes of a text message that joins several lines, at most: a browser tells a page of each message by
itself, which costs more than to read the lines in it."""

_MASK = 4
_HEADERS = {126: 2, 127: 8}
"""Bytes of the length, by what stands in its place if it is long."""


class FrameCounter:
    """Knows where the frames of a peer end, as bytes come."""

    __slots__ = ("_header", "_missing")

    def __init__(self) -> None:
        self._header = b""  # the beginning of a frame, which does not say yet how long that is
        self._missing = 0  # bytes of the last frame that are still to come

    def cut(self, data: bytes, frames: int) -> tuple[int, int]:
        """Return the size of what begins so many frames, to their ends, and how many they are."""
        size, count, _, _ = self._walk(data, frames)
        return size, count

    def take(self, data: bytes) -> None:
        """Take the next bytes."""
        _, _, self._header, self._missing = self._walk(data, len(data))

    def _walk(self, data: bytes, most: int) -> tuple[int, int, bytes, int]:
        known = len(self._header)
        stream, at, count = self._header + data if known else data, self._missing, 0
        while at < len(stream) and count < most:
            size = _frame_size(stream, at)
            if size is None:
                return len(data), count, stream[at:], 0
            at += size
            count += 1
        if at >= len(stream):
            return len(data), count, b"", at - len(stream)
        return at - known, count, b"", 0


def _frame_size(stream: bytes, at: int) -> int | None:
    """Return the size of a client's frame that begins at an index, or ``None`` if it is not known yet."""
    if len(stream) < at + 2:
        return None
    size, start = stream[at + 1] & 0x7F, at + 2
    if more := _HEADERS.get(size):
        if len(stream) < start + more:
            return None
        size, start = int.from_bytes(stream[start : start + more]), start + more
    return start - at + _MASK + size


def text_message(lines: bytes) -> bytes:
    """Return lines as one text message of a server."""
    return Frame(Opcode.TEXT, lines).serialize(mask=False)


def text_messages(lines: Sequence[bytes]) -> bytes:
    """Return lines as text messages of `MESSAGE_BYTES` at most, or of one longer line."""
    return b"".join([text_message(b"".join(run)) for run in _runs(lines)])


def _runs(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    ends, start = [0, *accumulate(map(len, lines))], 0
    while start < len(lines):
        end = max(bisect_right(ends, ends[start] + MESSAGE_BYTES) - 1, start + 1)
        yield lines[start:end]
        start = end
