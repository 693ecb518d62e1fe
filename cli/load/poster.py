"""One member's posts: when they are due, and how they are answered.

A rate is a promise about time: posts are due at fixed times after the start, however late earlier ones were
answered. So a server that is slow for a moment is measured as slow, and not spared. A flood is the opposite:
the next post is due when one is answered.
"""

from collections import Counter

from chatcore import Ack, Error, encode
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.outgoing import Outgoing
from cli.load.plan import Plan

__all__ = ["Poster"]

UNANSWERED = 10_000
"""Posts without an answer; with this many a poster falls behind its rate."""


class Poster:
    """Posts at a rate, or keeps a window of posts unacknowledged, from ``start`` until the time is over.

    What the server refuses for now is sent again, and its time counts from when it was first sent. Times are
    in seconds on one clock.
    """

    def __init__(self, plan: Plan, index: int, ledger: Ledger, acks: Histogram, start: float) -> None:
        self._plan = plan
        self._index = index
        self._ledger = ledger
        self._acks = acks
        self._outgoing = Outgoing()
        self._sent_at: dict[str, float] = {}  # by id, until it is answered
        self._start = start if plan.rate is None else start + index / (plan.posters * plan.rate)
        self._end = start + plan.seconds
        self._stopped = False
        self._made = 0
        self.sent = 0
        self.acked = 0
        self.refusals: Counter[str] = Counter()  # by code

    @property
    def unanswered(self) -> int:
        """How many posts are on their way."""
        return self._outgoing.in_flight

    def stop(self) -> None:
        """Post nothing more, and do not repeat what was refused."""
        self._stopped = True

    def data_to_send(self, now: float) -> bytes:
        """Return the bytes to write now."""
        if self._stopped:
            return b""
        for _ in range(self._due(now)):
            self._outgoing.add(self._made, self._plan.post(self._index, self._made))
            self._made += 1
        pieces = []
        while post := self._outgoing.next(now):
            if post.id not in self._sent_at:
                self._sent_at[post.id] = now
                self._ledger.sent(post, self._index, self.sent, now)
                self.sent += 1
            pieces.append(encode(post))
        return b"".join(pieces)

    def next_deadline(self) -> float | None:
        """Return when `data_to_send` is worth another call even if nothing was received."""
        again = self._outgoing.next_deadline()
        rate = self._plan.rate
        if self._stopped or rate is None or len(self._outgoing) >= UNANSWERED:
            return again
        due = self._start + self._made / rate
        if due >= self._end:
            return again
        return due if again is None else min(due, again)

    def acknowledge(self, ack: Ack, now: float) -> None:
        """Take an acknowledgement."""
        if self._outgoing.settle(ack.id):
            self.acked += 1
            self._acks.add(now - self._sent_at.pop(ack.id))
            self._ledger.acknowledged(ack.id)

    def refuse(self, error: Error, now: float) -> None:
        """Take a refusal of a post, for now or for good; ``error`` has an ``id``."""
        id_ = error.id or ""
        self.refusals[error.code] += 1
        if error.retry_after is not None:
            self._outgoing.refuse(id_, now + error.retry_after)
        elif self._outgoing.settle(id_):
            del self._sent_at[id_]
            self._ledger.refused(id_)

    def _due(self, now: float) -> int:
        """Return how many posts are due now."""
        rate = self._plan.rate
        if rate is None:
            return self._plan.window - len(self._outgoing) if now < self._end else 0
        elapsed = min(now, self._end) - self._start
        if elapsed < 0:
            return 0
        most = min(int(elapsed * rate + 1e-6) + 1, self._plan.posts_each or 0)
        return min(most - self._made, UNANSWERED - len(self._outgoing))
