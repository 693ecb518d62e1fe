"""All connections of one running transport: the seam between core and transport, seen from the core.

- A session is *dirty* when it may have something to write, or when its socket is to be treated differently. A
  room is dirty when its log has grown. Whoever marks them holds the lock; the transport
  is woken after it.
- Whatever a session has to write beyond the next piece of one room's log goes through `Endpoint.ready`, one
  piece at a time, so that nobody waits for somebody else's backlog.
- Sessions, rooms, reserved identities and the door share one heap of deadlines.
- A session that has sent more than its turn is decoded further in `Endpoint.handle_deadlines`, one session a
  call: between two turns the transport does all its other work.
- Addresses take turns, in what is decoded and in what is written (`turn_of`).
"""

import threading
from collections.abc import Callable, Sequence
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Protocol

from chatcore import transport
from chatcore.address import Peer
from chatcore.server.directory import Identity
from chatcore.server.door import Door
from chatcore.server.log_events import session_failed
from chatcore.server.member import Member
from chatcore.server.reading import Reading
from chatcore.server.room import Room
from chatcore.server.session import Session
from chatcore.server.timers import Timers
from chatcore.server.turns import Turns, turn_of
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson

if TYPE_CHECKING:
    from chatcore.server.hub import Hub

__all__ = ["RECONNECT_AFTER", "REFUSED", "SLICE", "Endpoint", "Served"]

SLICE = 256
"""Sessions that are served before a transport gets to do other work."""

OF_ONE_ADDRESS = 8
"""Those of one address that are served in one pass, while others wait too: half a millisecond."""

DUE = 16
"""Deadlines that are handled before a transport gets to do other work: many may come together."""

REFUSED = 128
"""Refused connections that may take their time until their wire can carry a frame that says why. No limit
counts them: with one more, the one that has waited for longest is told immediately, in its wire's own way."""

RECONNECT_AFTER = 1.0
"""Seconds that clients are asked to wait before they reconnect: about what a restart takes."""


class Served(transport.Session, Protocol):
    """A session as its endpoint sees it: the transport's view, and the five names that are for this file."""

    @property
    def peer(self) -> Peer:
        """Who is at the far end."""

    def begin(self, forbidden: str | None) -> None:
        """Begin; with a reason not to, say it and end. Under the lock."""

    def start(self) -> None:
        """Take what the wire says for the peer. Not under the lock."""

    @property
    def only_follows_log(self) -> bool:
        """Whether all that a commit means for this session is the next piece of the room's log."""

    def handle_deadline(self, now: float) -> None:
        """Do what is due. Not under the lock."""

    def drain(self, reconnect_after: float | None) -> None:
        """The server ends: give the peer all that is due to it, then say so. Under the lock."""

    def abort(self) -> None:
        """Give up: whatever is unsent stays so. Under the lock."""


class Endpoint:
    """The connections of one transport, and what is to be done about them.

    `chatcore.transport.Endpoint` says what a transport may call, and when.
    """

    def __init__(self, hub: "Hub", wake: Callable[[], None]) -> None:
        self.hub = hub
        self.wake = wake
        self.timers: Timers[Session | Room | Identity | Door] = Timers()
        self._sessions: dict[Session, None] = {}
        self._refused: dict[Session, None] = {}  # who wait until they can be told, first to last
        self._turns: Turns[Session] = Turns()  # of sessions that have sent more than their turn
        self._dirty: dict[Served, None] = {}
        self._crowd: Turns[Served] = Turns()  # of dirty sessions that were too many to be served together
        self._dirty_rooms: dict[Room, None] = {}
        self._readers: list[Member] = []  # of one room with news: who is still to be served, last first
        self._late_rooms: dict[Room, None] = {}  # that had a backlog when their readers began to be served
        self._turn: threading.Event | None = None  # somebody waits for the transport to ask what is ready
        self._has_peers = True  # else the program reads through it, whenever it likes, and is counted nowhere
        self._draining = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._sessions)

    def delay(self, peer: Peer, can_wait: bool = True) -> float | None:
        """Return the seconds until a connection that was just accepted may be opened.

        ``None`` turns it away: its address may not connect, too many come from there, or it would have to
        wait and cannot.
        """
        with self.hub.lock:
            seconds = self.hub.delay(peer, can_wait)
            if seconds is None:
                self.watch_door()
        self.hub.follow_up()
        return seconds

    def open(self, peer: Peer, wire: Wire = ndjson) -> Session:
        """Return the session of a connection that was just accepted.

        One that the limits forbid is returned too: all that it has to say is why.
        """
        session = Session(self, peer, wire)
        with self.hub.lock:
            self._sessions[session] = None
            session.begin("the server is closing" if self._draining else None)
        session.start()
        return session

    def open_reading(self) -> Reading:
        """Return a session that reads rooms for the program that embeds the hub. No limit forbids it."""
        session = Reading(self)
        with self.hub.lock:
            self._has_peers = False
            self._sessions[session] = None
        return session

    @property
    def busy(self) -> bool:
        """Whether `ready` or `fan_out` has something. What becomes ready later wakes the transport."""
        return bool(self._dirty or self._crowd or self._dirty_rooms or self._readers)

    def ready(self, limit: int = SLICE) -> Sequence[Served]:
        """Take the sessions that may have something to write, must close, or may be read again.

        For each, the transport writes what `Session.data_to_send` returns, then looks at
        ``want_data``, ``closing`` and ``closed``.
        """
        self.hub.follow_up()
        with self.hub.lock:
            if self._turn is not None:
                self._end_turn()
            if self._crowd or self._is_crowded:
                return self._in_turn(limit)
            sessions = list(islice(self._dirty, limit))
            for session in sessions:
                del self._dirty[session]
        return sessions

    @property
    def _is_crowded(self) -> bool:
        return self.hub.limits.connections_per_address is not None and len(self._dirty) > OF_ONE_ADDRESS

    def _in_turn(self, limit: int) -> list[Served]:
        """Take dirty sessions, few of each address. Each is sorted into its address once."""
        for session in self._dirty:
            self._crowd.add(turn_of(session.peer, self.hub.limits), session)
        self._dirty.clear()
        return self._crowd.take_many(OF_ONE_ADDRESS, limit)

    def fan_out(self, limit: int = SLICE) -> Sequence[tuple[Served, bytes]]:
        """Take the next piece of one room's log for each of its readers, each session once.

        The transport writes each to its socket and has nothing else to look at. A session that has
        more than this to say is left for `ready`.
        """
        pieces: list[tuple[Served, bytes]] = []
        messages = total = size = 0
        last = b""
        with self.hub.lock:
            for member in self._next_readers(limit):
                session: Served = member.session
                if not session.only_follows_log:
                    if session in self._sessions:
                        self._dirty[session] = None
                    continue
                try:
                    data = member.next_piece()
                except Exception as error:  # a bug: it may cost this peer its connection, and nobody else
                    session_failed.log_bug(error, session=repr(session))
                    session.abort()
                    continue
                if data:
                    pieces.append((session, data))
                    if data is not last:  # those at one place in a log get the same object
                        last, size = data, len(data)
                    messages += member.handed
                    total += size
                if member.index != member.tail.end:
                    self._dirty[session] = None
            if self._late_rooms and not self.busy:
                self._settle_backlogs()
            if pieces and self._has_peers:
                self.hub.counters.note_sent(messages, total)
        return pieces

    def _next_readers(self, limit: int) -> list[Member]:
        if not self._readers and self._dirty_rooms:
            room = next(iter(self._dirty_rooms))
            del self._dirty_rooms[room]
            if room.has_backlog:
                self._late_rooms[room] = None
            self._readers = list(reversed(room.members.get(self, {}).values()))
        readers = self._readers[: -limit - 1 : -1]
        del self._readers[-limit:]
        return readers

    def _settle_backlogs(self) -> None:
        for room in self._late_rooms:
            room.settle_backlog()
        self._late_rooms.clear()

    def next_deadline(self) -> float | None:
        """Return when `handle_deadlines` is due, on the hub's clock; ``None`` is never."""
        with self.hub.lock:
            return -inf if self._turns else self.timers.next()

    def handle_deadlines(self, now: float) -> None:
        """Do what is due: handshakes, keepalive, stalls, silences, presence, nicks, input in turns."""
        with self.hub.lock:
            due = list(islice(self.timers.pop_due(now), DUE))
        for key in due:
            if isinstance(key, Session):
                self._guarded(key, key.handle_deadline, now)
            else:
                with self.hub.lock:
                    self._handle(key, now)
        self._give_turn(now)
        self.hub.follow_up()

    def drain(self, reconnect_after: float | None = RECONNECT_AFTER) -> None:
        """Begin to end every connection: flush what is owed, say ``closing``, take no new ones."""
        with self.hub.lock:
            self._draining = True
            for session in list(self._sessions):
                session.drain(reconnect_after)
        self.hub.follow_up()

    def close(self) -> None:
        """End this endpoint: every session that is left is lost, and what waited for a time is done now.

        The transport's last call. Idempotent.
        """
        for session in list(self._sessions):
            session.connection_lost()
        with self.hub.lock:
            self._closed = True
            self._end_turn()
            self.hub.forget_endpoint(self)
            for key in list(self.timers.pop_due(float("inf"))):
                if not isinstance(key, Session):
                    self._handle(key, float("inf"))
            self._dirty_rooms.clear()
            self._late_rooms.clear()
            self._readers.clear()
        self.hub.follow_up()

    def _end_turn(self) -> None:
        """Let go who has waited for the transport to come by."""
        if self._turn is not None:
            self._turn.set()
            self._turn = None

    def _guarded(self, session: Session, work: Callable[[float], None], now: float) -> None:
        try:
            work(now)
        except Exception as error:  # a bug: it may cost this peer its connection, and nobody else
            session_failed.log_bug(error, session=repr(session))
            with self.hub.lock:
                session.abort()

    def _give_turn(self, now: float) -> None:
        """Let one session decode more: then the transport does its other work."""
        with self.hub.lock:
            session = self._turns.take(self._may_decode)
        if session is not None:
            self._guarded(session, session.inflow.take_turn, now)

    def _may_decode(self, session: Session) -> bool:
        return not (self._readers and session.inflow.is_ahead)  # those who read its room come first

    def _handle(self, key: Room | Identity | Door, now: float) -> None:
        if isinstance(key, Room):
            key.flush_presence()
            self.hub.mark_room(key)  # also without a net change: a `who` may wait for it
        elif isinstance(key, Door):
            key.collect(now, self.hub.clock())
            self.watch_door()
        else:
            self.hub.directory.expire(key, now)

    # --- for sessions and the hub, under the lock ------------------------------------------------

    def sessions(self) -> list[Session]:
        """Return all sessions."""
        return list(self._sessions)

    def next_turn(self) -> threading.Event | None:
        """Return what is set once the transport asks what is ready, or has ended; wake it after the lock.

        ``None`` is for an endpoint that no transport serves.
        """
        if self._turn is None and self._has_peers:
            self._turn = threading.Event()
        return self._turn

    def reserve(self, identity: Identity) -> None:
        """Let an identity without a session expire when its time has come."""
        if self._closed:
            self.hub.directory.expire(identity, float("inf"))
        else:
            identity.watch(lambda: self.set_timer(identity, None))
            self.set_timer(identity, identity.reserved_until)

    def mark(self, session: Session) -> None:
        """Note that a session is to be looked at."""
        self._dirty[session] = None
        self.hub.note_awake(self)

    def may_refuse(self, session: Session, by_force: bool) -> bool:
        """Tell whether a session that is refused can be told so now; else it waits until its wire can.

        If too many wait, the first of them is told.
        """
        self._refused.pop(session, None)
        if by_force or session.codec.open:
            return True
        self._refused[session] = None
        if len(self._refused) > REFUSED:
            next(iter(self._refused)).say_refusal(by_force=True)
        return False

    def await_turn(self, session: Session) -> None:
        """Let a session decode more when others had their turn."""
        self._turns.add(turn_of(session.peer, self.hub.limits), session)
        self.hub.note_awake(self)

    @property
    def turns(self) -> int:
        """How many sessions decode more when others had their turn."""
        return len(self._turns)

    @property
    def draining(self) -> bool:
        """Whether all its connections are to end."""
        return self._draining

    @property
    def turns_wait(self) -> bool:
        """Whether any session decodes more when others had their turn."""
        return bool(self._turns)

    def awaits_turn(self, session: Session) -> bool:
        """Tell whether it is to decode more then."""
        return self._turns.has(turn_of(session.peer, self.hub.limits), session)

    def note_moved(self, session: Session, before: Peer) -> None:
        """Note that a session has another peer, whose address has turns of its own."""
        turn = turn_of(before, self.hub.limits)
        if self._turns.has(turn, session):
            self._turns.discard(turn, session)
            self.await_turn(session)
        self._crowd.discard(turn, session)
        self.mark(session)

    def mark_room(self, room: Room) -> None:
        """Note that the members of a room are to be looked at."""
        self._dirty_rooms[room] = None
        self.hub.note_awake(self)

    def watch_door(self) -> None:
        """Have what was refused at the door reported when that is due."""
        if (when := self.hub.door.next_report) is not None:
            self.advance_timer(self.hub.door, when)

    def set_timer(self, key: Session | Room | Identity, when: float | None) -> None:
        """Set or clear the deadline of a session, a room's presence or a reserved nick."""
        if self.timers.set(key, when):
            self.hub.note_awake(self)

    def advance_timer(self, key: Session | Room | Identity | Door, when: float) -> None:
        """Set a deadline unless there is an earlier one."""
        if self.timers.advance(key, when):
            self.hub.note_awake(self)

    def forget(self, session: Session) -> None:
        """Drop a session whose socket is gone."""
        self._sessions.pop(session, None)
        self._dirty.pop(session, None)
        self._refused.pop(session, None)
        turn = turn_of(session.peer, self.hub.limits)
        self._crowd.discard(turn, session)
        self._turns.discard(turn, session)
        self.timers.set(session, None)


_: type[transport.Endpoint] = Endpoint
__: type[Served] = Session
