"""A client's posts, from the call until the acknowledgement, in sequence.

The server accepts nothing of a sender past a post that it refused for now, so what is sent again is stored in
the order in which it was posted. This is the other half of that rule. After such a refusal nothing more is
sent to that room until everything in flight is answered and the given time is over; then all that was refused
goes out again, first to last, before anything new. First means posted first: refusals may come in another
order, since not all of them come from the journal.

A post is in one of three places, and each `SendQueue` has one of each:

- *waiting*: not sent on this connection;
- *in flight*: sent, and not answered;
- *refused*: answered with ``retry_after``, to be sent again.

On a new connection everything without an answer waits again: under its id it is stored once, however often
it is sent. But the server forgets ids after a while. A post that was first sent longer ago than that is not
sent again by itself, since it might be stored twice: it fails, and its user decides.
"""

from collections import deque
from collections.abc import Container

from chatcore.client.requests import PendingPost
from chatcore.errors import ChatError, DisconnectedError
from chatcore.messages import Ack, Error, Message, encode
from chatcore.names import fold

__all__ = ["SendQueue", "SendQueues"]

PIECE = 64 * 1024
"""Bytes of one piece of output, about."""

REMEMBERED = 4_096
"""Ids of answered posts that are remembered, to recognise their messages: four times as many as the events
that a driver lets wait, so a message is still known when its turn comes."""


class SendQueue:
    """One room's posts. Times are in seconds on the session's clock."""

    __slots__ = ("_in_flight", "_not_before", "_posted", "_refused", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[PendingPost] = deque()
        self._in_flight: dict[str, PendingPost] = {}  # by id, in the order of sending
        self._refused: list[PendingPost] = []  # in the order of posting
        self._posted = 0  # posts so far
        self._not_before = 0.0  # when what was refused may be sent again

    def __len__(self) -> int:
        """Return how many posts have no answer yet."""
        return len(self._waiting) + len(self._in_flight) + len(self._refused)

    @property
    def in_flight(self) -> int:
        """How many posts are sent and not answered."""
        return len(self._in_flight)

    def add(self, post: PendingPost) -> None:
        """Queue a post after all others."""
        self._posted += 1
        post.queued(self._posted)
        self._waiting.append(post)

    def next(self, now: float) -> PendingPost | None:
        """Return the post to send now and count it as in flight, or ``None``.

        Of two posts under one id the second waits for the answer to the first: the server would answer both
        alike, and it could not be said which answer is whose.
        """
        if self._refused:
            if self._in_flight or now < self._not_before:
                return None
            self._waiting.extendleft(reversed(self._refused))
            self._refused.clear()
        if not self._waiting or self._waiting[0].post.id in self._in_flight:
            return None
        post = self._waiting.popleft()
        post.sending(now)
        self._in_flight[post.post.id] = post
        return post

    def next_deadline(self) -> float | None:
        """Return when `next` is worth another call though nothing was received, or ``None``."""
        return self._not_before if self._refused and not self._in_flight else None

    def settle(self, id_: str) -> PendingPost | None:
        """Take out the post in flight that was answered for good, or return ``None`` if there is none."""
        return self._in_flight.pop(id_, None)

    def refuse(self, id_: str, until: float) -> bool:
        """Note that a post must be sent again, not before a time; return whether it is in flight."""
        post = self._in_flight.pop(id_, None)
        if post is None:
            return False
        self._refused.append(post)
        self._refused.sort(key=_number)
        self._not_before = max(self._not_before, until)
        return True

    def reconnected(self, not_older_than: float) -> list[PendingPost]:
        """Have all that has no answer wait again; take out and return what was first sent before a time."""
        old: list[PendingPost] = []
        for post in self.clear():
            (old if post.is_older_than(not_older_than) else self._waiting).append(post)
        self._not_before = 0.0
        return old

    def clear(self) -> list[PendingPost]:
        """Take out everything that has no answer, first to last."""
        everything = sorted([*self._refused, *self._in_flight.values(), *self._waiting], key=_number)
        self._refused.clear()
        self._in_flight.clear()
        self._waiting.clear()
        return everything


def _number(post: PendingPost) -> int:
    return post.number


class SendQueues:
    """All posts of a client that have no answer yet: a queue for each room, by folded name."""

    def __init__(self) -> None:
        self._queues: dict[str, SendQueue] = {}
        self._ids: dict[tuple[str, str], None] = {}  # (folded room, id) of what was posted, oldest first

    def __len__(self) -> int:
        """Return how many posts have no answer yet."""
        return sum(map(len, self._queues.values()))

    def add(self, post: PendingPost) -> None:
        """Queue a post."""
        room = fold(post.post.room)
        self._ids[room, post.post.id] = None
        while len(self._ids) > REMEMBERED + len(self):
            del self._ids[next(iter(self._ids))]
        self._queues.setdefault(room, SendQueue()).add(post)

    def has_posted(self, message: Message) -> bool:
        """Tell whether a message is one of our posts, by its id; old ones are forgotten."""
        return (fold(message.room), message.id) in self._ids

    def next_data(self, now: float, window: int, awaited: Container[str] = ()) -> list[bytes]:
        """Return the posts to send now, encoded, with at most ``window`` in flight in all rooms together.

        Rooms that are ``awaited``, by folded name, are passed over: we are not back in them yet.
        """
        free = window - sum(queue.in_flight for queue in self._queues.values())
        pieces: list[bytes] = []
        size = 0
        for room, queue in self._queues.items():
            while free > 0 and size < PIECE and room not in awaited and (post := queue.next(now)):
                pieces.append(encode(post.post))
                size += len(pieces[-1])
                free -= 1
        return pieces

    def next_deadline(self, awaited: Container[str] = ()) -> float | None:
        """Return when `next_data` is worth another call though nothing was received, or ``None``."""
        times = (queue.next_deadline() for room, queue in self._queues.items() if room not in awaited)
        return min((when for when in times if when is not None), default=None)

    def settle(self, ack: Ack) -> None:
        """Take an acknowledgement. One of a post that is not ours, or was answered, is ignored."""
        queue = self._queues.get(fold(ack.room))
        if queue and (post := queue.settle(ack.id)):
            post.succeed(ack)

    def refuse(self, error: Error, cause: ChatError, now: float) -> bool:
        """Take a refusal, for good or for a while; return whether it is about one of these posts.

        ``cause`` is what the post fails with if it is refused for good.
        """
        queue = self._queues.get(fold(error.room)) if error.room else None
        if not queue or not error.id:
            return False
        if error.retry_after is not None:
            return queue.refuse(error.id, now + error.retry_after)
        post = queue.settle(error.id)
        if post is not None:
            post.fail(cause)
        return post is not None

    def reconnected(self, not_older_than: float) -> None:
        """Send again all that has no answer; what was first sent before a time fails instead.

        Such a post fails with `DisconnectedError`: whether it was stored is unknown.
        """
        # Collected first: whoever waits for a post may post to another room as soon as it fails.
        old = [post for queue in self._queues.values() for post in queue.reconnected(not_older_than)]
        for post in old:
            post.fail(DisconnectedError("lost"))

    def clear(self) -> list[PendingPost]:
        """Take out everything that has no answer."""
        return [post for queue in self._queues.values() for post in queue.clear()]
