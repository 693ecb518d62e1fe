"""One page of the list of rooms: those that the journal knows, with those that somebody is in.

- The list is in the order of names. Each entry is true when its page is made; a list is no snapshot.
- Rooms that the gate hides are passed over, and the journal is read on. So a page that is not the last is
  never empty, and whether there are more never gives a hidden name away.
- A room that the journal does not list, and that somebody is in, has no messages.

Everything here runs under the hub's lock.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chatcore.journal import RoomPage, RoomRecord, Unavailable
from chatcore.messages import RoomEntry, RoomList, Rooms
from chatcore.names import fold

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["RoomLister"]

_ENVELOPE = 256
"""Bytes of a line that are not for its entries."""

_ENTRY = 176
"""Bytes of one entry at most: a name of 64, two numbers of 16, a time of 27, and their syntax."""


class RoomLister:
    """The answer to one `Rooms`, while it is being made. ``finish`` is called when it is sent or refused."""

    def __init__(self, session: "Session", frame: Rooms, finish: Callable[[], None]) -> None:
        self._session = session
        self._frame = frame
        self._finish = finish
        self._prefix = fold(frame.prefix or "")
        self._after = None if frame.after is None else fold(frame.after)
        fit = max((session.hub.limits.line_bytes - _ENVELOPE) // _ENTRY, 1)
        self._limit = min(frame.limit or fit, fit)
        self._entries: list[RoomEntry] = []

    def ask(self) -> None:
        """Read the next stretch of the journal's list."""
        self._session.intake.ask_journal(
            lambda journal, deliver: journal.rooms(
                deliver, after=self._after, prefix=self._prefix, limit=self._limit + 1
            ),
            self._receive,
        )

    def _receive(self, answer: RoomPage | Unavailable) -> None:
        if isinstance(answer, Unavailable):
            words = "the list of rooms is not available now"
            self._session.refuse("unavailable", words, self._frame, retry_after=answer.retry_after)
            self._finish()
            return
        self._entries += self._visible(answer)
        if answer.more and len(self._entries) <= self._limit:
            self._after = answer.rooms[-1].room
            self.ask()
        else:
            self._send()

    def _visible(self, page: RoomPage) -> Iterator[RoomEntry]:
        """Yield the rooms of a stretch that may be seen, in order."""
        session, records = self._session, {record.room: record for record in page.rooms}
        names = records.keys() | self._occupied(page)
        gate, seat = session.hub.gate, session.seat
        for name in sorted(names):
            if seat is None or gate.may_see(seat.person, name):
                yield self._entry(name, records.get(name))

    def _occupied(self, page: RoomPage) -> set[str]:
        """Return the rooms of a stretch that somebody is in."""
        start, end = self._after or "", page.rooms[-1].room if page.more else None
        return {
            name
            for name, room in self._session.hub.rooms.items()
            if room.count and start < name and name.startswith(self._prefix) and (end is None or name <= end)
        }

    def _entry(self, name: str, record: RoomRecord | None) -> RoomEntry:
        hub = self._session.hub
        room = hub.rooms.get(name)
        return RoomEntry(
            room=name,
            count=0 if room is None else room.count,
            head=0 if record is None else record.head,
            at=None if record is None else record.at,
            private=hub.gate.is_private(name) or None,
        )

    def _send(self) -> None:
        entries = self._entries
        self._session.send(
            RoomList(
                rooms=tuple(entries[: self._limit]),
                more=len(entries) > self._limit,
                token=self._frame.token,
            )
        )
        self._finish()
