"""One page of the list of rooms: those that the journal knows, with those that somebody is in.

- The list is in the order of names. Each entry is true when its page is made; a list is no snapshot.
- The journal is read in stretches. Each ends with the last name up to which both kinds of rooms are known.
- Rooms that the gate hides are passed over, and the next stretch is read. So a page that is not the last is
  never empty, and whether there are more never gives a hidden name away.
- What a gate cannot answer because it fails is hidden, or private.
- A room that the journal does not list, and that somebody is in, has no messages.
- Between the journal's answer and its merging, somebody may post the first message of a room and leave. So a
  room that somebody was in when the journal was asked, and that is then found nowhere, is looked for again.

Everything here runs under the hub's lock.
"""

from bisect import insort
from collections.abc import Callable, Iterable
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING

from chatcore.journal import RoomPage, RoomRecord, Unavailable
from chatcore.messages import RoomEntry, RoomList, Rooms
from chatcore.names import fold
from chatcore.server.states import OVER, State

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["RoomLister"]

_ENVELOPE = 256
"""Bytes of a line that are not for its entries."""

_ENTRY = 176
"""Bytes of one entry at most: a name of 64, two numbers of 16, a time of 27, and their syntax."""


_name = attrgetter("room")


class RoomLister:
    """The answer to one `Rooms`, while it is being made. ``finish`` is called when that is over."""

    def __init__(self, session: "Session", frame: Rooms, finish: Callable[[], None]) -> None:
        self._session = session
        self._frame = frame
        self._finish = finish
        self._prefix = fold(frame.prefix or "")
        self._after = None if frame.after is None else fold(frame.after)
        self._fit = max((session.hub.limits.line_bytes - _ENVELOPE) // _ENTRY, 1)
        self._limit = min(frame.limit or self._fit, self._fit)
        self._size = self._limit + 1  # rooms of the next stretch
        self._end: str | None = None  # the last name of the stretch, unless it is the last one
        self._before: list[str] = []  # rooms of the stretch that somebody was in when the journal was asked
        self._lost: list[str] = []  # those of them that have to be looked for again
        self._entries: list[RoomEntry] = []

    def ask(self) -> None:
        """Read the next stretch of the journal's list."""
        self._before = self._occupied()
        self._session.intake.read_journal(
            lambda journal, deliver: journal.rooms(
                deliver, after=self._after, prefix=self._prefix, limit=self._size
            ),
            self._receive,
            self._is_wanted,
        )

    def _is_wanted(self) -> bool:
        return self._session.state is not State.CLOSED

    def _receive(self, answer: RoomPage | Unavailable) -> None:
        if (page := self._page_of(answer)) is None:
            return
        self._entries = [entry for entry in self._entries if self._may_see(entry.room)]
        records = {record.room: record for record in page.rooms}
        occupied = self._occupied()
        self._end = self._end_of(page, occupied)
        names = self._within({*records, *occupied})
        self._lost = sorted(self._within(self._before) - names)
        for name in names:
            self._add(name, records.get(name))
        self._go_on()

    def _page_of(self, answer: RoomPage | Unavailable) -> RoomPage | None:
        """Return what there is to go on with; finish if there is nothing, or nobody to read it."""
        is_over, is_out = self._session.state in OVER, self._is_out
        if isinstance(answer, RoomPage) and not (is_over or is_out):
            return answer
        if not is_over:
            words = "this connection is ending" if is_out else "the list of rooms is not available now"
            wait = answer.retry_after if isinstance(answer, Unavailable) else 1.0
            self._session.refuse("unavailable", words, self._frame, retry_after=wait)
        self._finish()
        return None

    @property
    def _is_out(self) -> bool:
        """Whether the session was put out, or taken over: nobody says any more what it may see."""
        seat = self._session.seat
        return seat is not None and seat.session is not self._session

    def _go_on(self) -> None:
        if self._lost:
            self._look_for(self._lost.pop())
        elif self._end is not None and len(self._entries) <= self._limit:
            self._after = self._end
            self._size = min(2 * self._size, self._fit + 1)  # much may be hidden
            self.ask()
        else:
            self._send()

    # --- one stretch -----------------------------------------------------------------------------

    def _occupied(self) -> list[str]:
        """Return the rooms that somebody is in, on any server, from the beginning of the stretch on."""
        hub = self._session.hub
        here = hub.rooms.occupied(self._after, self._prefix)
        elsewhere = hub.directory.rooms_elsewhere(self._after, self._prefix)
        return [name for name, _ in islice(groupby(merge(here, elsewhere)), self._size)]

    def _end_of(self, page: RoomPage, occupied: list[str]) -> str | None:
        """Return the last name up to which all rooms are known, or ``None`` if there are no more."""
        ends = [names[-1] for names in (self._before, occupied) if len(names) == self._size]
        return min([*ends, page.rooms[-1].room] if page.more else ends, default=None)

    def _within(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if self._end is None or name <= self._end}

    def _look_for(self, name: str) -> None:
        """Ask the journal for one room, which nobody is in any more."""

        def receive(answer: RoomPage | Unavailable) -> None:
            if page := self._page_of(answer):
                for record in page.rooms:
                    if record.room == name:
                        self._add(name, record)
                self._go_on()

        self._session.intake.read_journal(
            lambda journal, deliver: journal.rooms(deliver, after=None, prefix=name, limit=1),
            receive,
            self._is_wanted,
        )

    # --- entries ---------------------------------------------------------------------------------

    def _may_see(self, name: str) -> bool:
        seat = self._session.seat
        return seat is None or self._session.hub.gate.may_see(seat.person, name)

    def _add(self, name: str, record: RoomRecord | None) -> None:
        hub = self._session.hub
        if not self._may_see(name):
            return
        room = hub.rooms.get(name)
        entry = RoomEntry(
            room=name,
            count=len(list(hub.directory.elsewhere(name))) if room is None else room.count,
            head=0 if record is None else record.head,
            at=None if record is None else record.at,
            private=hub.gate.is_private(name) or None,
        )
        insort(self._entries, entry, key=_name)

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
