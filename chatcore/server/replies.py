"""What is on its way to a peer apart from the rooms: encoded answers, first in, first out."""

from itertools import accumulate, takewhile

__all__ = ["Replies"]


class Replies:
    """A queue of encoded frames that knows its size in bytes."""

    __slots__ = ("_frames", "size")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, data: bytes) -> None:
        """Queue a frame; an empty one, for which its wire has no words, is dropped."""
        if data:
            self._frames.append(data)
            self.size += len(data)

    def next_piece(self, max_bytes: int) -> bytes:
        """Take frames from the front, as many as fit but at least one."""
        frames = self._frames
        count = len(frames)
        if self.size > max_bytes:
            ends = accumulate(map(len, frames))
            count = max(sum(1 for _ in takewhile(lambda end: end <= max_bytes, ends)), 1)
        taken = b"".join(frames[:count])
        del frames[:count]
        self.size -= len(taken)
        return taken
