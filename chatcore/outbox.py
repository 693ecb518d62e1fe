"""What is on its way to a peer apart from the rooms: encoded answers, in order."""

from collections import deque

__all__ = ["Outbox"]


class Outbox:
    """A queue of encoded frames that knows its size."""

    __slots__ = ("_frames", "size")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self.size = 0  # in bytes

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, data: bytes) -> None:
        """Queue a frame; an empty one, for which its wire has no words, is dropped."""
        if data:
            self._frames.append(data)
            self.size += len(data)

    def take(self, max_bytes: int) -> bytes:
        """Take frames from the front, as many as fit but at least one."""
        frames = self._frames
        if self.size <= max_bytes:
            taken = b"".join(frames)
            frames.clear()
        else:
            parts = [frames.popleft()]
            size = len(parts[0])
            while frames and size + len(frames[0]) <= max_bytes:
                size += len(frames[0])
                parts.append(frames.popleft())
            taken = b"".join(parts)
        self.size -= len(taken)
        return taken
