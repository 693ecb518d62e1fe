"""What was dropped because too many events waited, asked for again once there is space.

A session reads whatever comes, and drops the entries of rooms for which there is no space. They are in the
server's log, so nothing is lost: as soon as the user has taken half of what waited, a page is asked for that
continues where the room's events end. Live entries become events again once the events have reached what was
received. What has expired by then is a gap, as it would be for a slow reader of a socket.

One page is asked for at a time. Its token is not one of the user's.
"""

from chatcore.client.connection import Connection
from chatcore.client.events import EventQueue
from chatcore.client.pages import check_page
from chatcore.client.positions import Positions, ends_of
from chatcore.errors import ProtocolError
from chatcore.limits import ClientLimits
from chatcore.messages import Error, History, Page

__all__ = ["Refill"]

RETRY_SECONDS = 1.0
"""When to ask again, if a page was of no use and the server names no time."""


class Refill:
    """The page that is asked for, if any, and when to ask again. Times are on the session's clock."""

    __slots__ = ("_asked", "_events", "_not_before", "_number", "_positions")

    def __init__(self, positions: Positions, events: EventQueue) -> None:
        self._positions = positions
        self._events = events
        self._asked: History | None = None
        self._not_before = 0.0
        self._number = 0

    def connection_lost(self) -> None:
        """Forget what was asked: the rooms are resumed where their events end."""
        self._asked = None
        self._not_before = 0.0

    def ask(self, connection: Connection | None, limits: ClientLimits, now: float) -> None:
        """Ask for a page, if a room is behind, there is space for it, and a live connection."""
        if connection is None or not connection.live:
            return
        if self._is_needed() and now >= self._not_before:
            room = self._positions.behind()
            position = None if room is None else self._positions.queued(room)
            if room is not None and position is not None:
                most = min(self._events.space, limits.page_messages or self._events.space)
                self._asked = self._question(room, position.seq, position.epoch, most)
                connection.send(self._asked)

    def next_deadline(self) -> float | None:
        """Return when `ask` is worth another call though nothing happened, or ``None``."""
        return self._not_before if self._is_needed() else None

    def receive(self, page: Page, now: float) -> bool:
        """Take what may be the page; return whether it is. Raises `ProtocolError` if it does not fit."""
        asked = self._asked
        if asked is None or page.token != asked.token:
            return False
        self._asked = None
        position = self._positions.queued(asked.room)
        entries = check_page(page, asked)
        if position is None or (page.epoch, position.seq) != (position.epoch, asked.after):
            self._not_before = now + RETRY_SECONDS  # the log was replaced, or the room was left and entered
            return True
        if entries and ends_of(entries[0])[0] != asked.after:
            raise ProtocolError(f"a page of {page.room} does not begin after {asked.after}, as we asked")
        events = self._positions.receive_page(asked.room, entries, self._events.space)
        for event in events:
            self._events.add(event)
        if not events:
            self._not_before = now + RETRY_SECONDS
        return True

    def refuse(self, error: Error, now: float) -> bool:
        """Take what may be the refusal of the page; return whether it is."""
        if self._asked is None or error.id != self._asked.token:
            return False
        self._asked = None
        self._not_before = now + (RETRY_SECONDS if error.retry_after is None else error.retry_after)
        return True

    def _is_needed(self) -> bool:
        return self._asked is None and self._events.is_low and self._positions.behind() is not None

    def _question(self, room: str, after: int, epoch: str, limit: int) -> History:
        self._number += 1
        return History(room=room, after=after, epoch=epoch, limit=limit, token=f"refill-{self._number}")
