"""All posts of a client that have no answer yet: a lane a room."""

from collections.abc import Container

from chatcore.client.requests import PendingPost
from chatcore.client.send_queue import SendQueue
from chatcore.errors import ChatError, DisconnectedError
from chatcore.messages import Ack, Error, Message, encode
from chatcore.names import fold

__all__ = ["SendQueues"]

REMEMBERED = 4_096
"""Ids of answered posts by which their messages are known as ours."""

PIECE = 64 * 1024
"""Bytes of one piece of output, about."""


class SendQueues:
    """The lanes, by folded room."""

    def __init__(self) -> None:
        self._lanes: dict[str, SendQueue] = {}
        self._posted: dict[tuple[str, str], None] = {}  # folded room and id of what was posted, oldest first

    def __len__(self) -> int:
        """Return how many posts have no answer yet."""
        return sum(map(len, self._lanes.values()))

    def add(self, posting: PendingPost) -> None:
        """Queue a post."""
        room = fold(posting.post.room)
        self._posted[room, posting.post.id] = None
        while len(self._posted) > REMEMBERED + len(self):
            del self._posted[next(iter(self._posted))]
        self._lanes.setdefault(room, SendQueue()).add(posting)

    def has_posted(self, message: Message) -> bool:
        """Tell whether a message is one of these posts; only the last few thousand are remembered."""
        return (fold(message.room), message.id) in self._posted

    def take_output(self, now: float, window: int, closed: Container[str] = ()) -> list[bytes]:
        """Return the posts to send now, with at most ``window`` on the way in all.

        Rooms that are ``closed``, by folded name, are passed over.
        """
        free = window - sum(lane.in_flight for lane in self._lanes.values())
        pieces: list[bytes] = []
        size = 0
        for room, lane in self._lanes.items():
            while free > 0 and size < PIECE and room not in closed and (posting := lane.next(now)):
                pieces.append(encode(posting.post))
                size += len(pieces[-1])
                free -= 1
        return pieces

    def next_deadline(self, closed: Container[str] = ()) -> float | None:
        """Return when `take_output` is worth another call though nothing was received."""
        times = (lane.next_deadline() for room, lane in self._lanes.items() if room not in closed)
        return min((when for when in times if when is not None), default=None)

    def settle(self, ack: Ack) -> None:
        """Take an acknowledgement; one of a post that is not ours, or was acknowledged, is ignored."""
        lane = self._lanes.get(fold(ack.room))
        if lane and (posting := lane.settle(ack.id)):
            posting.succeed(ack)

    def refuse(self, error: Error, cause: ChatError, now: float) -> bool:
        """Take a refusal, for good or for a while; return whether it is of one of these posts."""
        lane = self._lanes.get(fold(error.room)) if error.room else None
        if not lane or not error.id:
            return False
        if error.retry_after is not None:
            return lane.refuse(error.id, now + error.retry_after)
        posting = lane.settle(error.id)
        if posting is not None:
            posting.fail(cause)
        return posting is not None

    def reconnected(self, not_older_than: float) -> None:
        """Send again all that has no answer, but for what was sent first before a time: that fails."""
        for lane in self._lanes.values():
            for posting in lane.reconnected(not_older_than):
                posting.fail(DisconnectedError("lost"))

    def clear(self) -> list[PendingPost]:
        """Take out everything that has no answer."""
        return [posting for lane in self._lanes.values() for posting in lane.clear()]
