"""A member of a room: a cursor into its log.

The rules that keep a reader from missing or repeating anything all live in this file:

- ``position`` is the ``seq`` up to which everything was handed out. It moves only with what is
  handed out, or will be before anything else: a piece of the tail, a page, or a gap.
- The cursor reads the tail from ``place`` where the tail holds the successor of ``position``, and
  pages of the journal where it does not.
- A page is asked for behind ``position`` and up to the room's head of that moment, never beyond:
  what is not delivered yet comes through the tail.

All methods run under the hub's lock.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from chatcore.errors import ErrorCode
from chatcore.journal import Entry, Page
from chatcore.messages import Gap, GapWord

if TYPE_CHECKING:
    from chatcore.server.room import Room
    from chatcore.server.session import Session

__all__ = ["Held", "Member"]

_CATCHING_UP = -1  # a place that no tail has


class Held(NamedTuple):
    """The first post that was refused for now: until it comes again, no later one is taken.

    ``place`` counts the sender's posts. Refusals may come out of order, since the journal's take
    longer; then the hold goes back to the earlier post, which keeps its place when it comes again.
    """

    id: str
    code: ErrorCode
    until: float
    place: int


class Member:
    """One session's membership of one room."""

    __slots__ = (
        "_own",
        "_pending",
        "held",
        "joined",
        "last",
        "place",
        "position",
        "presence_seen",
        "reading",
        "retry_at",
        "room",
        "session",
        "tail",
    )

    def __init__(self, room: "Room", session: "Session") -> None:
        self.room = room
        self.session = session
        self.tail = room.tail(session.wire)
        self.joined = False  # until `joined` is on its way nothing else is
        self.reading: object | None = None  # the ticket of a page that is on its way
        self.retry_at: float | None = None  # when it is asked for again, if it could not be read
        self.place = _CATCHING_UP
        self.position = 0
        self.last: int | None = None  # the position behind which this reader asks for no more
        self.presence_seen = room.presence.number
        self.held: Held | None = None
        self._own: set[str] | None = None  # ids of its own posts that are not to be given back
        self._pending = b""

    def start(self, position: int) -> None:
        """Begin to read behind a position."""
        self.joined = True
        self._move(position)

    def withhold(self, id_: str) -> None:
        """Do not hand out a post of one's own, on a wire that does not give them back."""
        if self._own is None:
            self._own = set()
        self._own.add(id_)

    def release(self, id_: str) -> None:
        """Take that back: the post is not stored."""
        if self._own is not None:
            self._own.discard(id_)

    @property
    def withholds(self) -> bool:
        """Whether there is something that it is not handed out."""
        return bool(self._own)

    def end(self) -> None:
        """Hand out nothing more; what is on its way is for nobody now."""
        self.joined = False
        self.reading = self.retry_at = None
        self.place = _CATCHING_UP
        self._pending = b""

    def restart(self) -> None:
        """Begin again at the start of a new epoch, and say so."""
        self.tail = self.room.tail(self.session.wire)
        self.reading = self.retry_at = None
        if self.last is not None:
            self.last = self.room.head
        self._pending = self._gap(0, 0, "reset")
        self.start(0)

    @property
    def finished(self) -> bool:
        """Whether everything up to ``last`` was handed out."""
        return self.joined and self.last is not None and self.position >= self.last and not self._pending

    @property
    def has_more(self) -> bool:
        """Whether something may be left to be handed out, or to be asked for."""
        return (
            self.place != self.tail.end
            or bool(self._pending)
            or self.presence_seen != self.room.presence.number
        )

    @property
    def wants_page(self) -> bool:
        """Whether the journal has to be asked for what comes next."""
        return self.joined and self.place == _CATCHING_UP and self.reading is None and not self._pending

    def take(self) -> bytes:
        """Hand out the next piece, or nothing if there is none or it has to be read first."""
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        presence = self.room.presence
        if self.presence_seen != presence.number and self.joined:
            data = presence.since(self.presence_seen, self.tail.wire)
            self.presence_seen = presence.number
            if data:
                return data
        tail = self.tail
        while tail.start <= self.place < tail.end and (self.last is None or not self.finished):
            first = self.place
            piece = tail.piece(first)
            self.place = piece.end
            self.position = piece.through
            if not self._own or self._own.isdisjoint(piece.ids):
                return piece.data
            if data := self._without_own(tail.entries(first, piece.end)):
                return data
        if self.place < tail.start:
            self.place = _CATCHING_UP
        return b""

    def receive_page(self, page: Page) -> None:
        """Take the page that was asked for; what it lacks becomes a gap."""
        self.reading = None
        gap = self._gap(self.position, page.base, "expired") if page.base > self.position else b""
        self._pending = gap + self._without_own(page.entries)
        self._move(page.through)

    def _move(self, position: int) -> None:
        self.position = position
        place = self.tail.place_after(position)
        self.place = _CATCHING_UP if place is None else place

    def _gap(self, after: int, through: int, reason: GapWord) -> bytes:
        return self.tail.wire.encode(Gap(room=self.room.name, after=after, through=through, reason=reason))

    def _without_own(self, entries: Sequence[Entry]) -> bytes:
        own = self._own
        if not own:
            return b"".join([entry.data for entry in entries])
        others = [entry.data for entry in entries if entry.id not in own]
        own.difference_update([entry.id for entry in entries])
        return b"".join(others)
