"""How far a client has read each of its rooms.

Reading has one law, live or replayed: whatever comes next begins where the reader is, and moves it to
its end. A client that checks this has checked everything, so these few lines do.
"""

from collections.abc import Iterator

from chatcore.errors import ProtocolError
from chatcore.messages import Gap, Join, Joined, Message, Position
from chatcore.names import fold

__all__ = ["Positions"]


class _Reading:
    """One room: how far it was received, and how far that was handed out."""

    __slots__ = ("again_at", "epoch", "handed_epoch", "handed_head", "handed_position", "position")

    def __init__(self, joined: Joined) -> None:
        self.epoch = joined.epoch
        self.position = joined.after
        self.again_at: float | None = None  # when to ask again to be let back in
        self.hand_out_join(joined)

    def hand_out_join(self, joined: Joined) -> None:
        """Begin where a join begins, also in another epoch."""
        self.handed_epoch = joined.epoch
        self.handed_position = joined.after
        self.handed_head = joined.head

    def received_join(self, joined: Joined) -> None:
        """Read on over a new connection."""
        self.epoch = joined.epoch
        self.position = joined.after


class Positions:
    """All rooms that a client is in, by folded name."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Reading] = {}
        self.awaited: set[str] = set()  # which this connection has not been let into yet

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __contains__(self, room: str) -> bool:
        return fold(room) in self._rooms

    def position(self, room: str) -> Position | None:
        """Return how far a room was read, or ``None`` if we are not in it."""
        reading = self._rooms.get(fold(room))
        return None if reading is None else Position(epoch=reading.epoch, seq=reading.position)

    def hand_out(self, event: Joined | Message | Gap) -> None:
        """Note that the user has been given an event."""
        reading = self._rooms.get(fold(event.room))
        if reading is None:
            return
        if isinstance(event, Joined):
            reading.hand_out_join(event)
        else:
            reading.handed_position = event.seq if isinstance(event, Message) else event.through

    def handed_out(self, room: str) -> Position | None:
        """Return how far the user has been given a room, or ``None`` if we are not in it."""
        reading = self._rooms.get(fold(room))
        if reading is None:
            return None
        return Position(epoch=reading.handed_epoch, seq=reading.handed_position)

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was said before its room was joined, the last time."""
        reading = self._rooms.get(fold(message.room))
        return reading is not None and message.seq <= reading.handed_head

    def enter(self, joined: Joined) -> None:
        """Begin to read a room, or go on; raises `ProtocolError` if that skips or repeats anything."""
        room = fold(joined.room)
        earlier = self._rooms.get(room)
        if earlier is not None:  # another life of the record is read from its beginning
            allowed = (earlier.position, 0) if joined.epoch == earlier.epoch else (0,)
            if joined.after not in allowed:
                raise ProtocolError(
                    f"{room} goes on behind {joined.after}, but we have read up to {earlier.position}"
                )
        if earlier is None:
            self._rooms[room] = _Reading(joined)
        else:
            earlier.received_join(joined)
        self.awaited.discard(room)

    def read(self, event: Message | Gap) -> bool:
        """Move on; raises `ProtocolError` against the law. Return whether we are in this room at all."""
        reading = self._rooms.get(fold(event.room))
        if reading is None:
            return False  # it was on its way when we left
        start, end = (event.prev, event.seq) if isinstance(event, Message) else (event.after, event.through)
        if start != reading.position or end < start:
            raise ProtocolError(
                f"{event.type} in {event.room} follows {start}, but we have read up to {reading.position}"
            )
        reading.position = end
        return True

    def leave(self, room: str) -> None:
        """Read a room no more."""
        self._rooms.pop(fold(room), None)
        self.awaited.discard(fold(room))

    # --- on a new connection ---------------------------------------------------------------------

    def joins(self) -> list[Join]:
        """Return what to ask in order to read on. Until a room is entered it is awaited."""
        self.awaited = set(self._rooms)
        return [self._join(room) for room in self._rooms]

    def ask_again(self, room: str, when: float) -> None:
        """Note that a room could not be entered again yet."""
        if reading := self._rooms.get(fold(room)):
            reading.again_at = when

    def next_deadline(self) -> float | None:
        """Return when `due_joins` has something."""
        times = (reading.again_at for reading in self._rooms.values())
        return min((when for when in times if when is not None), default=None)

    def due_joins(self, now: float) -> list[Join]:
        """Return what to ask again now."""
        due = [
            room for room, each in self._rooms.items() if each.again_at is not None and each.again_at <= now
        ]
        for room in due:
            self._rooms[room].again_at = None
        return [self._join(room) for room in due]

    def _join(self, room: str) -> Join:
        return Join(room=room, after=self.position(room))
