"""What was posted, and what has become of it in the room."""

from chatcore.messages import Message, Post
from cli.load.plan import Plan

__all__ = ["Ledger"]


class Ledger:
    """Every post from when it is sent until the room shows it. Each has to be shown once, in its
    sender's order, with its text.

    ``duplicated`` and ``disordered`` count messages that were not: the same for every member, so they
    are found once.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._prefix = f"{plan.run}-"
        self._unseen: dict[str, tuple[float, int, int]] = {}  # by id: when it was sent, and by whom
        self._kept: set[str] = set()  # of those, the acknowledged ones
        self._numbers = [-1] * plan.posters  # the last that was shown of each poster
        self.duplicated = 0
        self.disordered = 0

    @property
    def unshown(self) -> int:
        """How many posts are acknowledged, and were not shown."""
        return len(self._kept)

    def sent(self, post: Post, poster: int, number: int, now: float) -> None:
        """Note that a post is on its way."""
        self._unseen[post.id] = now, poster, number

    def acknowledged(self, id_: str) -> None:
        """Note that a post is kept."""
        if id_ in self._unseen:
            self._kept.add(id_)

    def refused(self, id_: str) -> None:
        """Note that a post was refused for good."""
        self._unseen.pop(id_, None)

    def shown(self, message: Message) -> float | None:
        """Take the room's next message; return when it was sent, or ``None`` if that was not by us."""
        if not self.is_ours(message):
            return None
        known = self._unseen.pop(message.id, None)
        if known is None:
            self.duplicated += 1
            return None
        self._kept.discard(message.id)
        sent_at, poster, number = known
        if number < self._numbers[poster]:
            self.disordered += 1
        self._numbers[poster] = number
        return sent_at

    def is_ours(self, message: Message) -> bool:
        """Tell whether a message was posted by this test."""
        return message.id.startswith(self._prefix)

    def is_altered(self, message: Message) -> bool:
        """Tell whether a message of ours says something else than was posted."""
        return self.is_ours(message) and message.text != self._plan.text(message.id)
