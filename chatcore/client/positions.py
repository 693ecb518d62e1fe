"""How far a client is in each of its rooms.

Reading has one law, live or replayed: the next entry begins where the reader is, and moves it to the
entry's end. A client that checks this has checked everything, so these few lines do. One entry does not move
it: the gap that says ``reset``, which comes after a `Joined` that goes back to the beginning, and only there.

A room has three cursors, because events wait until the user takes them, and not all of them fit:

- ``received`` is the end of what came from the server on this connection. It is what the law is about.
- ``queued`` is the end of what was made an event. What lies between the two was received while too many
  events waited, and dropped. The room is *behind* then, and `chatcore.client.refill` asks for it again. It
  may get more than that, and then ``queued`` is ahead. A new connection resumes at ``queued``.
- ``handed_out`` is the end of what the user was given. It is the position to store: a program that ends now
  and resumes from it later misses nothing of what still waited.
"""

from collections.abc import Iterable, Iterator

from chatcore.errors import ProtocolError
from chatcore.messages import Gap, Join, Joined, Message, Position
from chatcore.names import fold

__all__ = ["Entry", "Positions", "ends_of"]


Entry = Message | Gap
"""What a room's log is read as."""


def ends_of(entry: Entry) -> tuple[int, int]:
    """Return the positions between which an entry lies."""
    return (entry.prev, entry.seq) if isinstance(entry, Message) else (entry.after, entry.through)


class _Cursor:
    """A position in a room, and the room's ``head`` when it was joined: up to there all is replay."""

    __slots__ = ("epoch", "head", "seq")

    def __init__(self, joined: Joined) -> None:
        self.begin(joined)

    def begin(self, joined: Joined) -> None:
        """Start where a join starts, also in another epoch."""
        self.epoch = joined.epoch
        self.head = joined.head
        self.seq = joined.after

    def move(self, entry: Entry) -> None:
        """Move to the end of an entry."""
        self.seq = ends_of(entry)[1]

    @property
    def position(self) -> Position:
        """The same as a frame has it."""
        return Position(epoch=self.epoch, seq=self.seq)


class _Room:
    """One room: its cursors, and when to ask again if it may not be entered yet."""

    __slots__ = ("_resetting", "ask_at", "handed_out", "name", "queued", "received")

    def __init__(self, name: str, joined: Joined, asked: Join) -> None:
        self.name = name
        self.received = _Cursor(joined)
        self.queued = _Cursor(joined)
        self.handed_out = _Cursor(joined)
        self.ask_at: float | None = None
        if asked.after is not None:
            self._resetting = self._is_reset(joined, asked.after)
        else:
            self._resetting = False  # whether a gap must say so first
            self._check_start(joined, asked)

    def enter(self, joined: Joined, *, asked: bool) -> None:
        """Resume, or start over; raises `ProtocolError` if that skips or repeats anything.

        Where we have not ``asked``, only another log explains it.
        """
        if not asked and joined.epoch == self.received.epoch:
            raise ProtocolError(f"{self.name} is joined again, and we did not ask for that")
        self._resetting = self._is_reset(joined, self.queued.position)
        self.received.begin(joined)
        self.queued.begin(joined)
        self.ask_at = None

    def ask_again(self, when: float | None) -> None:
        """Note when to ask again, or that it was asked."""
        self.ask_at = when

    @property
    def is_behind(self) -> bool:
        """Whether entries were received that were not made events."""
        return self.queued.seq < self.received.seq

    def receive(self, entry: Entry) -> None:
        """Move on; raises `ProtocolError` against the law."""
        start, end = ends_of(entry)
        at, is_reset = self.received.seq, isinstance(entry, Gap) and entry.reason == "reset"
        if start != at or is_reset != self._resetting or (end != 0 if is_reset else end <= start):
            what = f"{entry.type} in {self.name} from {start} to {end}"
            raise ProtocolError(f"{what} does not continue what we have read up to {at}")
        self._resetting = False
        self.received.move(entry)

    def next_events(self, entries: Iterable[Entry], space: int) -> list[Entry]:
        """Return which of these entries become events, where there is space for so many.

        They follow each other, or each comes from another stream that may overlap with what was queued.
        """
        events: list[Entry] = []
        for entry in entries:
            rest = self._after_queued(entry)
            if rest is not None and len(events) < space:
                self.queued.move(rest)
                events.append(rest)
        return events

    def _after_queued(self, entry: Entry) -> Entry | None:
        """Return what of an entry is the next event, or ``None``; raises `ProtocolError` if it overlaps."""
        (start, end), at = ends_of(entry), self.queued.seq
        if start == at:
            return entry
        if start > at or end <= at:
            return None
        if isinstance(entry, Message):
            raise ProtocolError(f"message {end} in {self.name} follows {start}, but {at} lies between them")
        return entry.model_copy(update={"after": at, "count": None})

    def _check_start(self, joined: Joined, asked: Join) -> None:
        """Check where a join begins that named no position: at the end, or before it for history."""
        if joined.after > joined.head or (joined.after < joined.head and not asked.history):
            raise ProtocolError(f"{self.name} begins after {joined.after}, but ends with {joined.head}")

    def _is_reset(self, joined: Joined, after: Position) -> bool:
        """Tell whether a position was given up; raises `ProtocolError` if it was for no reason.

        A server begins where we are, or at the beginning if our position means nothing in its log.
        """
        same = joined.epoch == after.epoch
        if same and joined.after == after.seq <= joined.head:
            return False
        if joined.after == 0 and not (same and after.seq <= joined.head):
            return True
        raise ProtocolError(f"{self.name} resumes after {joined.after}, but we have read up to {after.seq}")


class Positions:
    """All rooms that a client is in, by folded name; also while there is no connection.

    ``awaited`` are those that this connection has not been let into yet, by folded name. With ``most_missed``
    a room is resumed with that many messages at most, and what is left out is a gap.
    """

    def __init__(self, most_missed: int | None = None) -> None:
        self._rooms: dict[str, _Room] = {}
        self.awaited: set[str] = set()
        self._behind: dict[str, None] = {}  # rooms that are, the first one first
        self._most_missed = most_missed

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._rooms

    # --- what comes from the server --------------------------------------------------------------

    def enter(self, joined: Joined, asked: Join | None) -> None:
        """Begin to read a room, or resume; raises `ProtocolError` if that skips or repeats anything.

        ``asked`` is our user's join that this answers, if it answers one.
        """
        name = fold(joined.room)
        room = self._rooms.get(name)
        if room is not None:
            room.enter(joined, asked=name in self.awaited)
        elif asked is not None:
            self._rooms[name] = _Room(name, joined, asked)
        else:
            raise ProtocolError(f"the server put us into {name}, which we did not ask for")
        self._behind.pop(name, None)
        self.awaited.discard(name)

    def receive(self, entry: Entry, space: int) -> list[Entry] | None:
        """Move on; raises `ProtocolError` against the law. Return what becomes an event.

        ``space`` is for how many entries there is space. Return ``None`` if we are not in this room at all:
        the entry was on its way when we left.
        """
        room = self._rooms.get(fold(entry.room))
        if room is None:
            return None
        room.receive(entry)
        return self._next_events(room, (entry,), space)

    def receive_page(self, name: str, entries: Iterable[Entry], space: int) -> list[Entry]:
        """Take what was asked for because the room is behind; return what becomes an event."""
        return self._next_events(self._rooms[fold(name)], entries, space)

    def _next_events(self, room: _Room, entries: Iterable[Entry], space: int) -> list[Entry]:
        events = room.next_events(entries, space)
        if room.is_behind:
            self._behind[room.name] = None
        else:
            self._behind.pop(room.name, None)
        return events

    def behind(self) -> str | None:
        """Return a room for which entries are to be asked for again, or ``None``."""
        return next(iter(self._behind), None)

    def queued(self, name: str) -> Position | None:
        """Return up to where a room's entries were made events, or ``None`` if we are not in it."""
        room = self._rooms.get(fold(name))
        return None if room is None else room.queued.position

    def missing(self, name: str) -> Gap | None:
        """Return the gap in a room that we are leaving while it is behind, or ``None``."""
        room = self._rooms.get(fold(name))
        if room is None or not room.is_behind:
            return None
        return Gap(room=name, after=room.queued.seq, through=room.received.seq, reason="skipped")

    def leave(self, name: str) -> None:
        """Stop reading a room. Idempotent."""
        self._rooms.pop(fold(name), None)
        self._behind.pop(fold(name), None)
        self.awaited.discard(fold(name))

    # --- what the user takes ---------------------------------------------------------------------

    def hand_out(self, event: Joined | Entry) -> None:
        """Note that the user was given an event."""
        room = self._rooms.get(fold(event.room))
        if room is None:
            return
        if isinstance(event, Joined):
            room.handed_out.begin(event)
        else:
            room.handed_out.move(event)

    def handed_out(self, name: str) -> Position | None:
        """Return how far the user was given a room, or ``None`` if we are not in it."""
        room = self._rooms.get(fold(name))
        return None if room is None else room.handed_out.position

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was stored before its room was joined, the last time the user saw that."""
        room = self._rooms.get(fold(message.room))
        return room is not None and message.seq <= room.handed_out.head

    # --- on a new connection ---------------------------------------------------------------------

    def joins(self) -> list[Join]:
        """Return what to ask so as to resume all rooms. Until a room is entered it is awaited."""
        self.awaited = set(self._rooms)
        return [self._join(name) for name in self._rooms]

    def ask_again(self, name: str, when: float) -> None:
        """Note that a room may not be entered before a time."""
        if room := self._rooms.get(fold(name)):
            room.ask_again(when)

    def next_deadline(self) -> float | None:
        """Return when `due_joins` has something, or ``None``."""
        return min((room.ask_at for room in self._rooms.values() if room.ask_at is not None), default=None)

    def due_joins(self, now: float) -> list[Join]:
        """Return what to ask again now."""
        due = [name for name, room in self._rooms.items() if room.ask_at is not None and room.ask_at <= now]
        for name in due:
            self._rooms[name].ask_again(None)
        return [self._join(name) for name in due]

    def _join(self, name: str) -> Join:
        return Join(room=name, after=self._rooms[name].queued.position, history=self._most_missed)
