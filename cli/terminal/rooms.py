"""The rooms that one is in: which of them is looked at, and what is unread in the others.

What is said in a room that is not looked at is held until one goes there, up to a bound; what was said before
that is left to be paged back to.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from chatcore.client.session import Gap, Joined, Message
from chatcore.names import fold
from cli.terminal.nicks import KnownNicks
from cli.terminal.presence import PresenceDigest

__all__ = ["Held", "RoomView", "Rooms"]

MOST_HELD = 500
"""Events that a room holds while another one is looked at."""

MOST_HELD_CHARS = 1_000_000


class Held(NamedTuple):
    """Something that was read and may be drawn later.

    ``news`` is what others have said since we came; ``ends_replay`` that what follows is live.
    """

    event: Message | Gap
    replay: bool = False
    ends_replay: bool = False
    news: bool = False


class RoomView:
    """One room. ``number`` is the one that people go to it by, ``name`` is as the server spells it."""

    def __init__(self, joined: Joined, number: int) -> None:
        self.name = joined.room
        self.number = number
        self.epoch = joined.epoch
        self.head = joined.head  # up to where it is replay
        self.start = joined.after  # where the reading began, the last time
        self.position = joined.after
        self.oldest = joined.after + 1  # nothing before this number was shown
        self.known = joined.head  # up to where it was said before we came
        self.unread = 0
        self.mentions = 0
        self.announced: float | None = None  # when it was last told that there is something unread
        self.comings = PresenceDigest()
        self.people = KnownNicks()
        self._held: deque[Held] = deque()
        self._held_chars = 0

    @property
    def replaying(self) -> bool:
        """Whether what comes next was said before we came, or came back."""
        return self.position < self.head

    def rejoin(self, joined: Joined) -> None:
        """Go on after a new connection, or begin anew if it is another record."""
        if joined.epoch != self.epoch:
            self.oldest, self.known = joined.after + 1, joined.head
        self.epoch, self.head = joined.epoch, joined.head
        self.start = self.position = joined.after

    def advance(self, seq: int) -> bool:
        """Move on to a number; return whether the replay ends there."""
        was_replaying, self.position = self.replaying, seq
        return was_replaying and not self.replaying

    def hold(self, item: Held) -> None:
        """Keep something for when one goes there."""
        self._held.append(item)
        self._held_chars += _size(item)
        while len(self._held) > MOST_HELD or self._held_chars > MOST_HELD_CHARS:
            dropped = self._held.popleft()
            self._held_chars -= _size(dropped)
            self.oldest = _end(dropped) + 1

    def take_held(self) -> tuple[list[Held], int]:
        """Return what was held, and how much of it was unread; nothing is unread any more."""
        held, unread = list(self._held), self.unread
        self._held.clear()
        self._held_chars = self.unread = self.mentions = 0
        self.announced = None
        return held, unread


class Rooms:
    """All rooms, in the order of their numbers. ``current`` is the one that is looked at and spoken to."""

    def __init__(self) -> None:
        self.current: RoomView | None = None
        self._rooms: dict[str, RoomView] = {}  # by folded name
        self._past: dict[str, str] = {}  # the names of those that were left

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[RoomView]:
        return iter(sorted(self._rooms.values(), key=lambda room: room.number))

    def get(self, name: str) -> RoomView | None:
        """Return a room that we are in."""
        return self._rooms.get(fold(name))

    def numbered(self, number: int) -> RoomView | None:
        """Return the room with a number."""
        return next((room for room in self if room.number == number), None)

    def enter(self, joined: Joined) -> RoomView:
        """Add a room; it gets the lowest number that is free."""
        taken = {room.number for room in self}
        number = next(number for number in range(1, len(taken) + 2) if number not in taken)
        room = self._rooms[fold(joined.room)] = RoomView(joined, number)
        self._past.pop(fold(joined.room), None)
        return room

    def leave(self, name: str) -> None:
        """Remove a room. Another one is looked at then: the one that was entered last."""
        room = self._rooms.pop(fold(name), None)
        if room is None:
            return
        self._past[fold(name)] = room.name
        if self.current is room:
            self.current = None

    def latest(self) -> RoomView | None:
        """Return the room that was entered last."""
        return next(reversed(self._rooms.values()), None)

    def names(self, *, past: bool = False) -> list[str]:
        """Return the names of the rooms, and of those that we have left."""
        return [room.name for room in self] + (list(self._past.values()) if past else [])


def _size(item: Held) -> int:
    return len(item.event.text) if isinstance(item.event, Message) else 0


def _end(item: Held) -> int:
    return item.event.seq if isinstance(item.event, Message) else item.event.through
