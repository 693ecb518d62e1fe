"""What was posted, and whether the room has shown it: each post once, in the order of its sender.

The first reader that gets a message reports it here. What is wrong with the log itself is the same for all
members, so it is found once, here; what is wrong with a single stream is found by its `Reader`.
"""

from chatcore import Message, Post
from cli.load.plan import Plan

__all__ = ["Ledger"]


class Ledger:
    """Every post, from when it is sent until the room shows it.

    ``duplicated`` counts messages that the log has twice, ``disordered`` those that overtook an earlier one
    of the same sender.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._prefix = f"{plan.run}-"
        self._unseen: dict[str, tuple[float, int, int]] = {}  # by id: time, poster, number
        self._acknowledged: set[str] = set()  # of those
        self._numbers = [-1] * plan.posters  # the last one that was shown, by poster
        self.duplicated = 0
        self.disordered = 0

    @property
    def unshown(self) -> int:
        """How many posts are acknowledged, but were not shown yet."""
        return len(self._acknowledged)

    def sent(self, post: Post, poster: int, number: int, now: float) -> None:
        """Note that a post is on its way."""
        self._unseen[post.id] = now, poster, number

    def acknowledged(self, id_: str) -> None:
        """Note that a post is stored."""
        if id_ in self._unseen:
            self._acknowledged.add(id_)

    def refused(self, id_: str) -> None:
        """Note that a post was refused for good."""
        self._unseen.pop(id_, None)

    def shown(self, message: Message) -> float | None:
        """Take the next message of the log; return when it was sent, or ``None`` if that is unknown."""
        if not self.is_ours(message):
            return None
        known = self._unseen.pop(message.id, None)
        if known is None:
            self.duplicated += 1
            return None
        self._acknowledged.discard(message.id)
        sent_at, poster, number = known
        if number < self._numbers[poster]:
            self.disordered += 1
        self._numbers[poster] = number
        return sent_at

    def is_ours(self, message: Message) -> bool:
        """Tell whether a message was posted by this test."""
        return message.id.startswith(self._prefix)

    def is_altered(self, message: Message) -> bool:
        """Tell whether a message of this test has another text than was posted."""
        return self.is_ours(message) and message.text != self._plan.text(message.id)
