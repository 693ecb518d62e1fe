"""What is on its way to a peer apart from the rooms: encoded answers, first in, first out."""

from itertools import accumulate, takewhile

from chatcore.errors import ErrorCode
from chatcore.limits import Limits
from chatcore.messages import Error
from chatcore.names import fold

__all__ = ["MESSAGE_CHARS", "Replies", "error_about"]

MESSAGE_CHARS = 512
"""Characters of an error's message; what a gate says may be longer, and is cut."""


def error_about(refused: object, code: ErrorCode, message: str, retry_after: float | None) -> Error:
    """Return an error that repeats the room, and the id or token, of what is refused."""
    room = getattr(refused, "room", None)
    return Error(
        code=code,
        message=message[:MESSAGE_CHARS],
        room=None if room is None else fold(room),
        id=getattr(refused, "token", None) or getattr(refused, "id", None),
        retry_after=retry_after,
    )


class Replies:
    """A queue of encoded frames, some of them together, that knows its size in bytes."""

    __slots__ = ("_counts", "_encoded", "size")

    def __init__(self) -> None:
        self._encoded: list[bytes] = []
        self._counts: list[int] = []  # of the frames in each
        self.size = 0

    def __len__(self) -> int:
        return sum(self._counts)

    def put(self, data: bytes, count: int = 1) -> None:
        """Queue a frame, or some together; nothing, for which its wire has no words, is dropped."""
        if data:
            self._encoded.append(data)
            self._counts.append(count)
            self.size += len(data)

    def clear(self) -> None:
        """Forget everything: there is nobody to read it."""
        self._encoded.clear()
        self._counts.clear()
        self.size = 0

    def exceed(self, limits: Limits, asked: int) -> bool:
        """Tell whether a peer leaves too much unread, with so many questions that are to be answered."""
        return self.size > limits.outbound_bytes or len(self) + asked > limits.posts_in_flight

    def next_piece(self, max_bytes: int) -> bytes:
        """Take from the front what was put, as much as fits but at least once."""
        encoded = self._encoded
        count = len(encoded)
        if self.size > max_bytes:
            ends = accumulate(map(len, encoded))
            count = max(sum(1 for _ in takewhile(lambda end: end <= max_bytes, ends)), 1)
        taken = b"".join(encoded[:count])
        del encoded[:count], self._counts[:count]
        self.size -= len(taken)
        return taken
