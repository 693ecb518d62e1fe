"""Where one running transport holds its connections: the seam between core and transport."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chatcore.identities import Identity
from chatcore.room import Room
from chatcore.session import Session
from chatcore.timers import Timers
from chatcore.wire import Peer, Wire
from chatcore.wire.ndjson import ndjson

if TYPE_CHECKING:
    from chatcore.hub import Hub

__all__ = ["RECONNECT_AFTER", "Port"]

RECONNECT_AFTER = 1.0
"""Seconds that clients are told to wait before they come back: about what a restart takes."""


class Port:
    """The connections of one transport, and what is to be done about them.

    A transport opens a `Session` for every connection it accepts. When it is woken it goes through
    `ready` and serves every session it yields; when `next_deadline` has come it calls
    `handle_deadlines`. Both are for one thread, and the same one.
    """

    def __init__(self, hub: "Hub", wake: Callable[[], None]) -> None:
        self.hub = hub
        self.wake = wake
        self.timers: Timers[Session | Room | Identity] = Timers()
        self._sessions: dict[Session, None] = {}
        self._dirty: dict[Session, None] = {}
        self._dirty_rooms: dict[Room, None] = {}
        self._draining = False

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, peer: Peer, wire: Wire = ndjson) -> Session:
        """Return the session of a connection that was just accepted.

        One that the limits forbid is returned too: all that it has to say is why.
        """
        session = Session(self, peer, wire)
        with self.hub.lock:
            self._sessions[session] = None
            session.begin("the server is closing" if self._draining else None)
        self.hub.wake_ports()
        return session

    def ready(self) -> Iterator[Session]:
        """Yield the sessions that may have something to write, must close, or may be read again.

        For each, the transport takes `Session.data_to_send` until that is empty or the socket
        refuses, then looks at ``want_data``, ``closing`` and ``closed``. To be consumed in slices
        of some hundreds with other work between; what becomes ready meanwhile wakes again.
        """
        with self.hub.lock:
            sessions = list(self._dirty)
            rooms = [list(room.members.get(self, ())) for room in self._dirty_rooms]
            self._dirty.clear()
            self._dirty_rooms.clear()
        yield from sessions
        for members in rooms:
            yield from members

    def next_deadline(self) -> float | None:
        """Return when `handle_deadlines` is due, on the hub's clock; ``None`` is never."""
        with self.hub.lock:
            return self.timers.next()

    def handle_deadlines(self, now: float) -> None:
        """Do what is due: handshakes, keepalive, stalls, silences, presence, reserved nicks."""
        with self.hub.lock:
            due = list(self.timers.pop_due(now))
        for key in due:
            if isinstance(key, Session):
                key.handle_deadline(now)
            else:
                with self.hub.lock:
                    self._handle(key, now)
        self.hub.wake_ports()

    def drain(self, reconnect_after: float | None = RECONNECT_AFTER) -> None:
        """Begin to end every connection: flush what is owed, say ``closing``, take no new ones."""
        with self.hub.lock:
            self._draining = True
            for session in list(self._sessions):
                session.drain(reconnect_after)
        self.hub.wake_ports()

    def close(self) -> None:
        """End this port: every session that is left is lost, and what waited for a time is done now.

        The transport's last call. Idempotent.
        """
        for session in list(self._sessions):
            session.connection_lost()
        with self.hub.lock:
            for key in list(self.timers.pop_due(float("inf"))):
                if not isinstance(key, Session):
                    self._handle(key, float("inf"))
        self.hub.wake_ports()

    def _handle(self, key: Room | Identity, now: float) -> None:
        if isinstance(key, Room):
            key.flush_presence()
            self.hub.mark_room(key)  # also without a net change: a `who` may wait for it
        elif key.session is None and now >= key.reserved_until:
            self.hub.identities.release(key)

    # --- for sessions and the hub, under the lock ------------------------------------------------

    def mark(self, session: Session) -> None:
        """Note that a session is to be looked at."""
        self._dirty[session] = None
        self.hub.note_awake(self)

    def mark_room(self, room: Room) -> None:
        """Note that the members of a room are to be looked at."""
        self._dirty_rooms[room] = None
        self.hub.note_awake(self)

    def set_timer(self, key: Session | Room | Identity, when: float | None) -> None:
        """Set or clear the deadline of a session, a room's presence or a reserved nick."""
        if self.timers.set(key, when):
            self.hub.note_awake(self)

    def advance_timer(self, key: Session | Room | Identity, when: float) -> None:
        """Set a deadline unless there is an earlier one."""
        if self.timers.advance(key, when):
            self.hub.note_awake(self)

    def forget(self, session: Session) -> None:
        """Drop a session whose socket is gone."""
        self._sessions.pop(session, None)
        self._dirty.pop(session, None)
        self.timers.set(session, None)
