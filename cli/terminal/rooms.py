"""The rooms that we are in: which one is on the screen, and what is unread in the others.

- One room is *current*: it is on the screen, and what is typed goes there.
- Events of the other rooms are held until the user goes there, up to a bound. Beyond it the oldest are
  dropped; ``/back`` can load them again, since ``oldest`` moves with them.
- A room keeps its number for as long as we are in it. A new room gets the lowest number that is free.

Positions are numbers of messages in the room's log (``seq``).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from chatcore import Gap, Joined, Message, fold
from cli.terminal.nicks import KnownNicks
from cli.terminal.presence import PresenceDigest
from cli.terminal.returns import Return

__all__ = ["Entry", "Older", "Rest", "RoomEvent", "RoomView", "Rooms", "end_of"]

MOST_HELD = 500
"""Events that are held of a room that is not on the screen."""

MOST_HELD_CHARS = 1_000_000


Entry = Message | Gap
"""What a room's log consists of, for a reader."""


def end_of(entry: Entry) -> int:
    """Return the number of an entry, or the last one of a gap."""
    return entry.seq if isinstance(entry, Message) else entry.through


class Rest(Enum):
    """What there is besides the older messages that were loaded."""

    MORE = "there may be older ones"
    NONE = "there are no older ones"
    EXPIRED = "older ones are no longer stored"
    BETWEEN = "there are others between them and those that were shown"


class Older(NamedTuple):
    """What was loaded: entries, oldest first, and the ``oldest`` number that is shown with them."""

    entries: Sequence[Entry]
    oldest: int
    rest: Rest


class RoomEvent(NamedTuple):
    """A message or a gap, with what has to be known to draw it later.

    ``replay``: it is older than our entry into the room. ``ends_replay``: what follows is live. ``news``:
    someone else posted it, since we first came. ``hidden``: whoever posted it is ignored.
    """

    event: Entry
    replay: bool = False
    ends_replay: bool = False
    news: bool = False
    hidden: bool = False

    @property
    def messages(self) -> int:
        """How many messages it stands for, as far as that is known."""
        return 1 if isinstance(self.event, Message) else self.event.count or 0


class RoomView:
    """One room. Users go to it by its ``number``; ``name`` is spelled as the server spells it."""

    def __init__(self, joined: Joined, number: int) -> None:
        self.name = joined.room
        self.number = number
        self.epoch = joined.epoch
        self.head = joined.head  # messages up to this one are replayed
        self.start = joined.after  # where reading started, the last time
        self.position = joined.after
        self.oldest = joined.after + 1  # no message before this one was shown
        self.count = joined.count  # members, we included
        self.known = joined.head  # messages up to this one are older than our first entry
        self.seen = joined.head  # up to here the user has looked
        self.missed: Return | None = None  # while what came since the last run is on its way
        self.unread = 0
        self.mentions = 0
        self.hidden = 0  # messages of ignored people that nobody was told about
        self.muted = False  # whether only mentions are news
        self.announced: float | None = None  # when a line last said that something is unread
        self.presence = PresenceDigest()
        self.nicks = KnownNicks()
        self._held: deque[RoomEvent] = deque()
        self._held_chars = 0

    @property
    def has_news(self) -> bool:
        """Whether there is something to count that was not read."""
        return bool(self.mentions if self.muted else self.unread)

    @property
    def replaying(self) -> bool:
        """Whether the next message is older than our entry, or our return."""
        return self.position < self.head

    def resume(self, missed: Return) -> None:
        """Begin where the last run of the client has ended: everything after that is news."""
        self.missed = missed
        self.known = self.seen = self.start

    def complete(self) -> Return | None:
        """Return what was missed, once, as soon as all of it is there."""
        missed = self.missed
        if missed is None or self.replaying:
            return None
        self.missed = None
        return missed

    def see(self) -> None:
        """Note that the user looks at everything that has come so far."""
        self.seen = max(self.seen, self.position)

    def skip(self, gap: Gap) -> None:
        """Note that messages are left out which can be loaded."""
        self.oldest = gap.through + 1
        if self.missed is not None:
            self.missed.skip(gap)
            self.unread += gap.count or 0

    def count_mention(self) -> None:
        """Count a message that was skipped and mentions the user."""
        self.mentions += 1

    def count_news(self, *, mentions_us: bool) -> None:
        """Count an unread message."""
        self.unread += 1
        self.mentions += mentions_us

    def note_announced(self, now: float) -> None:
        """Note that a line has said that something is unread."""
        self.announced = now

    def mute(self, *, muted: bool) -> None:
        """Have no news of it but mentions, or all of them again."""
        self.muted = muted

    def hide(self) -> None:
        """Note that a message is not shown."""
        self.hidden += 1

    def take_hidden(self) -> int:
        """Return how many messages were not shown since the last call."""
        hidden, self.hidden = self.hidden, 0
        return hidden

    def note_count(self, count: int) -> None:
        """Note how many members there are."""
        self.count = count

    def rejoin(self, joined: Joined) -> None:
        """Resume on a new connection; start over if the epoch is another one."""
        if joined.epoch != self.epoch:
            self.oldest, self.known, self.seen = joined.after + 1, joined.head, joined.after
        self.epoch, self.head, self.count = joined.epoch, joined.head, joined.count
        self.start = self.position = joined.after

    def advance(self, seq: int) -> bool:
        """Move to a position; return whether the replay ends there."""
        was_replaying, self.position = self.replaying, seq
        return was_replaying and not self.replaying

    def hold(self, item: RoomEvent) -> None:
        """Hold an event until the user goes to this room."""
        self._held.append(item)
        self._held_chars += _size(item)
        while len(self._held) > MOST_HELD or self._held_chars > MOST_HELD_CHARS:
            dropped = self._held.popleft()
            self._held_chars -= _size(dropped)
            self.oldest = end_of(dropped.event) + 1

    def take_held(self) -> tuple[list[RoomEvent], int]:
        """Return the held events and the number of unread messages, and reset both."""
        held, unread = list(self._held), self.unread
        self._held.clear()
        self._held_chars = self.unread = self.mentions = 0
        self.announced = None
        return held, unread


class Rooms:
    """All rooms, in the order of their numbers. ``current`` is the one on the screen, if any."""

    def __init__(self) -> None:
        self.current: RoomView | None = None
        self._rooms: dict[str, RoomView] = {}  # by folded name, in the order in which they were joined
        self._past: dict[str, str] = {}  # names of rooms that we left, by folded name
        self._listed: dict[str, str] = {}  # names of others that the server has listed last

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

    def enter(self, joined: Joined, wanted: int | None = None) -> RoomView:
        """Add a room, with the number that is wanted if that is free, or else with the lowest free one."""
        taken = {room.number for room in self}
        free = (number for number in range(1, len(taken) + 2) if number not in taken)
        number = next(free) if wanted is None or wanted in taken else wanted
        room = self._rooms[fold(joined.room)] = RoomView(joined, number)
        self._past.pop(fold(joined.room), None)
        return room

    def leave(self, name: str) -> None:
        """Remove a room. If it was the current one, there is none until the caller sets another."""
        room = self._rooms.pop(fold(name), None)
        if room is None:
            return
        self._past[fold(name)] = room.name
        if self.current is room:
            self.current = None

    def latest(self) -> RoomView | None:
        """Return the room that was joined last."""
        return next(reversed(self._rooms.values()), None)

    def note_others(self, names: Iterable[str]) -> None:
        """Note which other rooms the server has, for the Tab key."""
        self._listed = {fold(name): name for name in names}

    def names(self, *, others: bool = False) -> list[str]:
        """Return the names of the rooms; with ``others``, also of those that we left or were shown."""
        ours = [room.name for room in self]
        known = {**self._past, **self._listed} if others else {}
        return ours + [name for folded, name in known.items() if folded not in self._rooms]


def _size(item: RoomEvent) -> int:
    return len(item.event.text) if isinstance(item.event, Message) else 0
