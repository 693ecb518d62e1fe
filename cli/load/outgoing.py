"""One poster's posts, from when they are made until they are answered.

The server stores nothing of a sender after a post that it refused for now, so refused posts must be sent
again in their order. After such a refusal nothing is sent until everything on its way is answered and the
time that the server gave is over. Then all that was refused goes out again, the lowest number first,
before anything new.

The library's clients keep to the same rule in their own code. This is a second implementation on purpose:
a load test that used theirs would share their mistakes.
"""

from collections import deque

from chatcore import Post

__all__ = ["Outgoing"]


class Outgoing:
    """Numbered posts: those that wait, those on their way, and those that were refused for now."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Post]] = deque()
        self._sent: dict[str, tuple[int, Post]] = {}  # by id
        self._refused: list[tuple[int, Post]] = []
        self._not_before = 0.0

    def __len__(self) -> int:
        """Return how many posts have no answer yet."""
        return len(self._waiting) + len(self._sent) + len(self._refused)

    @property
    def in_flight(self) -> int:
        """How many posts are on their way."""
        return len(self._sent)

    def add(self, number: int, post: Post) -> None:
        """Queue a post. Its number must be higher than every one before."""
        self._waiting.append((number, post))

    def next(self, now: float) -> Post | None:
        """Return the post to send now and count it as on its way, or ``None`` if there is none."""
        if self._refused:
            if self._sent or now < self._not_before:
                return None
            self._waiting.extendleft(reversed(self._refused))
            self._refused.clear()
        if not self._waiting:
            return None
        number, post = self._waiting.popleft()
        self._sent[post.id] = number, post
        return post

    def next_deadline(self) -> float | None:
        """Return when `next` is worth another call even if nothing was received."""
        return self._not_before if self._refused and not self._sent else None

    def settle(self, id_: str) -> bool:
        """Remove a post that has its final answer; return false if no such post is on its way."""
        return self._sent.pop(id_, None) is not None

    def refuse(self, id_: str, until: float) -> None:
        """Note that a post must be sent again, not before a time. Unknown ids are ignored."""
        if id_ in self._sent:
            self._refused.append(self._sent.pop(id_))
            self._refused.sort(key=_number)
            self._not_before = max(self._not_before, until)


def _number(numbered: tuple[int, Post]) -> int:
    return numbered[0]
