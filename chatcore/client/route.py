"""Which of several addresses a client tries next, without I/O and without a clock.

A server may have several nodes, each at an address of its own, and the name in an address may stand for
several machines. Whichever answers will do: all of them serve the same.

- After a failure the next one is tried immediately. Only a whole round without success ends in a wait.
- Where it worked, it stays. A round begins after the node that was lost, and has that one last.
- Of the machines of one name those come first that have not failed in this round.
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

__all__ = ["Route"]

P = TypeVar("P", bound=Hashable)


class Route:
    """The way through ``count`` addresses. ``node`` is the index of the one to try now.

    A driver asks `untried` for the order of what the resolver has found for a node, and says with `reach`
    where it is connected. Whoever learns that this was in vain, or is over, calls `move_on`.
    """

    __slots__ = ("_count", "_known", "_left", "_place", "_tried", "node")

    def __init__(self, count: int = 1) -> None:
        self.node = 0
        self._count = count
        self._left = count - 1  # nodes of this round, after this one
        self._place: Hashable | None = None  # the machine that was reached last, and not left since
        self._known: tuple[Hashable, ...] = ()  # all machines of this node's name
        self._tried: set[Hashable] = set()

    @property
    def has_machines(self) -> bool:
        """Whether the name of this node stands for several machines."""
        return len(self._known) > 1

    def untried(self, found: Sequence[P]) -> list[P]:
        """Return the machines of this node's name to try, in order; all of them if each has failed before."""
        self._place = None
        self._known = tuple(found)
        return [place for place in found if place not in self._tried] or list(found)

    def reach(self, place: Hashable) -> None:
        """Learn which machine is connected. It may still fail."""
        self._place = place

    def move_on(self) -> bool:
        """Go to the next address; return whether that ends a round, in which each of them has failed."""
        place, self._place = self._place, None
        if place is not None:
            self._tried.add(place)
            if any(other not in self._tried for other in self._known):
                return False
        self._forget()
        self.node = (self.node + 1) % self._count
        is_last = not self._left
        self._left = self._count - 1 if is_last else self._left - 1
        return is_last

    def arrive(self) -> None:
        """Learn that the connection has served for something: the next loss begins a new round."""
        self._left = self._count - 1
        self._tried.clear()

    def _forget(self) -> None:
        self._tried.clear()
        self._known = ()
