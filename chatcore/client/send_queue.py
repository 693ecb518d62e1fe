"""A client's posts to one room, from the call until the acknowledgement, in order.

The server takes nothing of a sender past a post that it refused for now, so what is sent again is
stored in the order in which it was said. This is the other half of that rule: after such a refusal
nothing more is sent until everything on the way is answered and the time given is over; then all
that was refused goes out again, first to last, before anything new. First is what was said first:
refusals may come in another order, since not all of them are the journal's.
"""

from collections import deque

from chatcore.client.requests import PendingPost

__all__ = ["SendQueue"]


class SendQueue:
    """One room's posts: those that wait, those on the way, and those that were refused for now."""

    __slots__ = ("_not_before", "_refused", "_said", "_sent", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[PendingPost] = deque()
        self._sent: dict[str, PendingPost] = {}  # by id, in order
        self._refused: list[PendingPost] = []
        self._said = 0  # posts so far
        self._not_before = 0.0

    def __len__(self) -> int:
        """Return how many posts have no answer yet."""
        return len(self._waiting) + len(self._sent) + len(self._refused)

    @property
    def in_flight(self) -> int:
        """How many posts are on the way."""
        return len(self._sent)

    def add(self, posting: PendingPost) -> None:
        """Queue a post behind all others."""
        self._said += 1
        posting.place = self._said
        self._waiting.append(posting)

    def next(self, now: float) -> PendingPost | None:
        """Return the post to send now and count it as on the way, or ``None``."""
        if self._refused:
            if self._sent or now < self._not_before:
                return None
            self._waiting.extendleft(reversed(self._refused))
            self._refused.clear()
        if not self._waiting or self._waiting[0].post.id in self._sent:
            return None  # of two under one id, the answer to the first is not known to be that
        posting = self._waiting.popleft()
        if posting.sent_at is None:
            posting.sent_at = now
        self._sent[posting.post.id] = posting
        return posting

    def next_deadline(self) -> float | None:
        """Return when `next` is worth another call though nothing was received."""
        return self._not_before if self._refused and not self._sent else None

    def settle(self, id_: str) -> PendingPost | None:
        """Take out the post that was answered for good, or ``None`` if there is none such."""
        return self._sent.pop(id_, None)

    def refuse(self, id_: str, until: float) -> bool:
        """Note that a post has to be sent again, not before a time; return whether it is known."""
        posting = self._sent.pop(id_, None)
        if posting is None:
            return False
        self._refused.append(posting)
        self._refused.sort(key=_place)
        self._not_before = max(self._not_before, until)
        return True

    def reconnected(self, not_older_than: float) -> list[PendingPost]:
        """Send again, on a new connection, all that has no answer; return what is too old for that.

        Whether such a post was kept is not known: its id may have been forgotten, and then it would be
        kept twice.
        """
        old: list[PendingPost] = []
        for posting in self.clear():
            too_old = posting.sent_at is not None and posting.sent_at < not_older_than
            (old if too_old else self._waiting).append(posting)
        self._not_before = 0.0
        return old

    def clear(self) -> list[PendingPost]:
        """Take out everything that has no answer, first to last."""
        everything = sorted([*self._refused, *self._sent.values(), *self._waiting], key=_place)
        self._refused.clear()
        self._sent.clear()
        self._waiting.clear()
        return everything


def _place(posting: PendingPost) -> int:
    return posting.place
