"""How far a client is in each of its rooms.

Reading has one law, live or replayed: the next entry begins where the reader is, and moves it to the
entry's end. A client that checks this has checked everything, so these few lines do.

A room has two cursors, because events wait until the user takes them:

- ``received`` is the end of what came from the server. A new connection resumes there.
- ``handed_out`` is the end of what the user was given. It is the position to store: a program that ends now
  and resumes from it later misses nothing of what still waited.
"""

from collections.abc import Iterator

from chatcore.errors import ProtocolError
from chatcore.messages import Gap, Join, Joined, Message, Position
from chatcore.names import fold

__all__ = ["Positions"]


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

    def move(self, event: Message | Gap) -> None:
        """Move to the end of an entry."""
        self.seq = event.seq if isinstance(event, Message) else event.through

    @property
    def position(self) -> Position:
        """The same as a frame has it."""
        return Position(epoch=self.epoch, seq=self.seq)


class _Room:
    """One room: its two cursors, and when to ask again if it may not be entered yet."""

    __slots__ = ("ask_at", "handed_out", "received")

    def __init__(self, joined: Joined) -> None:
        self.received = _Cursor(joined)
        self.handed_out = _Cursor(joined)
        self.ask_at: float | None = None

    def enter(self, joined: Joined) -> None:
        """Resume over a new connection."""
        self.received.begin(joined)
        self.ask_at = None

    def ask_again(self, when: float | None) -> None:
        """Note when to ask again, or that it was asked."""
        self.ask_at = when


class Positions:
    """All rooms that a client is in, by folded name; also while there is no connection.

    ``awaited`` are those that this connection has not been let into yet, by folded name. With ``most_missed``
    a room is resumed with that many messages at most, and what is left out is a gap.
    """

    def __init__(self, most_missed: int | None = None) -> None:
        self._rooms: dict[str, _Room] = {}
        self.awaited: set[str] = set()
        self._most_missed = most_missed

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._rooms

    # --- what comes from the server --------------------------------------------------------------

    def enter(self, joined: Joined) -> None:
        """Begin to read a room, or resume; raises `ProtocolError` if that skips or repeats anything.

        A server may resume where we are, or at the beginning. In another epoch only the beginning is right,
        since our position means nothing there.
        """
        name = fold(joined.room)
        room = self._rooms.get(name)
        if room is None:
            self._rooms[name] = _Room(joined)
        else:
            at = room.received
            allowed = (at.seq, 0) if joined.epoch == at.epoch else (0,)
            if joined.after not in allowed:
                raise ProtocolError(f"{name} resumes after {joined.after}, but we have read up to {at.seq}")
            room.enter(joined)
        self.awaited.discard(name)

    def receive(self, event: Message | Gap) -> bool:
        """Move on; raises `ProtocolError` against the law. Return whether we are in this room at all.

        We are not if the entry was on its way when we left.
        """
        room = self._rooms.get(fold(event.room))
        if room is None:
            return False
        start, end = (event.prev, event.seq) if isinstance(event, Message) else (event.after, event.through)
        at = room.received.seq
        if start != at or end < start:
            raise ProtocolError(f"{event.type} in {event.room} follows {start}, but we have read up to {at}")
        room.received.move(event)
        return True

    def leave(self, name: str) -> None:
        """Stop reading a room. Idempotent."""
        self._rooms.pop(fold(name), None)
        self.awaited.discard(fold(name))

    # --- what the user takes ---------------------------------------------------------------------

    def hand_out(self, event: Joined | Message | Gap) -> None:
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
        return Join(room=name, after=self._rooms[name].received.position, history=self._most_missed)
