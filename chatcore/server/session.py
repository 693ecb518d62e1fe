"""The server's side of one connection, without I/O.

A session goes through four states and never back::

    HANDSHAKE ── hello ──> LIVE ── end ──> ENDING ── all flushed ──> CLOSED

and from any of them to CLOSED when its socket is gone or it is given up. Everything that changes
the state stands in this file; what the frames ask for is done in `requests`.

A transport calls `receive_data`, `receive_eof` and `connection_lost` from one thread at a time, and
everything else from the thread that goes through `Endpoint.ready`.
"""

import threading
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from chatcore.address import Peer
from chatcore.errors import ErrorCode
from chatcore.journal import Draft, Outcome
from chatcore.messages import (
    Ack,
    Closing,
    ClosingWord,
    Error,
    History,
    Joined,
    Ping,
    ServerFrame,
    Who,
)
from chatcore.names import fold
from chatcore.server import handlers, posts, queries
from chatcore.server.directory import Identity
from chatcore.server.liveness import Liveness, is_over
from chatcore.server.member import Member
from chatcore.server.rate_limit import TokenBucket
from chatcore.server.replies import Replies
from chatcore.server.tail import PIECE
from chatcore.wire import Item, Wire

if TYPE_CHECKING:
    from chatcore.server.endpoint import Endpoint

__all__ = ["Session", "State"]

LINGER = 1.0
"""Seconds in which a peer that was told the end may end its own side. Closing at once would make the
system throw away what the peer has not read yet, if there is unread input (RFC 1122, 4.2.2.13)."""


class State(Enum):
    """Where a session is in its life."""

    HANDSHAKE = "handshake"
    LIVE = "live"
    ENDING = "ending"
    CLOSED = "closed"


_OPEN = (State.HANDSHAKE, State.LIVE)


class Session:
    """One connection, as the core sees it. See `Endpoint` for who calls what."""

    __slots__ = (
        "_bucket",
        "_decoder",
        "_eof",
        "_farewell",
        "_finished",
        "_gone",
        "_goodbye",
        "_input",
        "_lock",
        "_posted",
        "_pulse",
        "_refused",
        "_turns",
        "chores",
        "drafts",
        "end_by",
        "hub",
        "identity",
        "in_flight",
        "members",
        "outbox",
        "paging",
        "peer",
        "endpoint",
        "questions",
        "state",
        "wire",
    )

    def __init__(self, endpoint: "Endpoint", peer: Peer, wire: Wire) -> None:
        hub = endpoint.hub
        now = hub.clock()
        self.endpoint = endpoint
        self.hub = hub
        self.peer = peer
        self.wire = wire
        self.state = State.HANDSHAKE
        self.identity: Identity | None = None
        self.members: dict[str, Member] = {}  # by folded room
        self.outbox = Replies()
        # Questions whose answers can be large wait as themselves until all else is written: who asks
        # and does not read costs what it sent, not what it asked for.
        self.questions: list[tuple[History | Who, int]] = []  # and presence's flushes by then
        self.drafts: list[tuple[Draft, int]] = []  # with their places, to be submitted without the lock
        self.chores: list[Callable[[], None]] = []  # to be done when the lock is released
        self.in_flight = 0  # posts whose outcome is not known
        self.paging = False  # a page of history is on its way from the journal
        self._turns: list[Member] = []  # the rooms in turn
        self._lock = hub.lock
        self._input = threading.Lock()
        self._decoder = wire.decoder(peer, hub.limits)
        self._bucket = TokenBucket(hub.limits.frames_per_second, hub.limits.frames_burst, now)
        self._pulse = Liveness(hub.limits, now)
        self._posted = 0  # posts that had no hold before them
        self._refused = False  # not counted among the hub's connections
        self._eof = False
        self._goodbye = False  # the peer ended the connection, and in order
        self._gone = False
        self._farewell: bytes | None = None
        self._finished = False  # everything has been said
        self.end_by: float | None = None

    def __repr__(self) -> str:
        who = self.nick or f"{self.peer.host}:{self.peer.port}"
        return f"<Session {who} {self.state.value} {self.wire.name} rooms={len(self.members)}>"

    # --- the seam: input -------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, whatever they are; never raises because of them."""
        with self._input:
            now = self.hub.clock()
            self._pulse.beat(now)
            if self.state is not State.CLOSED and not self._finished:
                self._take(self._decoder.receive_data(data, now), now)
        self.hub.wake_endpoints()

    def receive_eof(self) -> None:
        """Take the end of the peer's stream. What was asked is still answered. Idempotent."""
        with self._input:
            if not self._eof:
                self._take(self._decoder.receive_eof(), self.hub.clock())
            with self._lock:
                self._eof = True
                self.hang_up()
        self.hub.wake_endpoints()

    def connection_lost(self) -> None:
        """Learn that the socket is gone. MUST be called once for every session, last. Idempotent."""
        with self._lock:
            self._depart()
        self.hub.wake_endpoints()

    # --- the seam: output ------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Return the next piece to write, handed over for good; empty when there is none now.

        Nothing is returned while the transport holds unsent bytes of an earlier piece. A session that
        has more than one piece is ready again: others get their turn between the two.
        """
        while True:
            with self._lock:
                data = self._next_piece()
                chores = self.chores
                if chores:
                    self.chores = []
            for chore in chores:
                chore()
            if data or not chores:
                self.hub.wake_endpoints()
                return data

    def data_unsent(self, size: int) -> None:
        """Learn how many bytes the socket has refused so far: after a partial write, and when that
        number shrinks. 0 means that all are written, and `data_to_send` may be called again.
        """
        with self._lock:
            self._pulse.set_unsent(size, self.hub.clock())
            self._advance_timer(self._pulse.stall_deadline())
        self.hub.wake_endpoints()

    @property
    def flows(self) -> bool:
        """Whether all that a commit means for this session is the next piece of the room's log."""
        return self.state is State.LIVE and not (self._pulse.unsent or self.outbox.size or self.questions)

    @property
    def want_data(self) -> bool:
        """Whether the socket is to be read: not while the peer leaves too much unread or unanswered."""
        limits = self.hub.limits
        return (
            self.in_flight <= limits.posts_in_flight
            and len(self.outbox) + len(self.questions) <= limits.posts_in_flight
            and self.outbox.size <= limits.outbound_bytes
        ) or self._finished

    @property
    def closing(self) -> bool:
        """Whether this side has said its last: end the stream once everything is written, read on."""
        return self._finished

    @property
    def closed(self) -> bool:
        """Whether the socket is to be closed now, whatever is unsent."""
        return self.state is State.CLOSED or (self._finished and self._eof and not self._pulse.unsent)

    # --- the seam: time --------------------------------------------------------------------------

    def handle_deadline(self, now: float) -> None:
        """Do what is due; called through `Endpoint.handle_deadlines`."""
        silence = self._decoder.deadline
        if silence is not None and silence <= now:
            with self._input:
                self._take(self._decoder.handle_deadline(now), now)
        with self._lock:
            self._check(now)
            if self.state is not State.CLOSED:
                self.endpoint.set_timer(self, self._next_deadline())

    def _check(self, now: float) -> None:
        pulse = self._pulse
        if is_over(self.end_by, now) or is_over(pulse.stall_deadline(), now):
            self.abort()
        elif self.state is State.HANDSHAKE and is_over(pulse.handshake_deadline(), now):
            self.refuse("bad_state", "no hello came in time")
            self.end("timeout")
        elif self.state is State.LIVE and self.wire.typed:
            self._check_life(now)
        for member in self._turns:
            if is_over(member.retry_at, now):
                member.retry_at = member.reading = None
                self.endpoint.mark(self)

    def _check_life(self, now: float) -> None:
        if not self.want_data:  # it may be talking: we are not listening
            self._pulse.beat(now)
        elif step := self._pulse.check_life(now):
            self.send(Ping()) if step == "ask" else self.end("timeout")

    def _next_deadline(self) -> float | None:
        pulse = self._pulse
        times = [self.end_by, self._decoder.deadline, pulse.stall_deadline()]
        times += [member.retry_at for member in self._turns]
        if self.state is State.HANDSHAKE:
            times.append(pulse.handshake_deadline())
        elif self.state is State.LIVE and self.wire.typed:
            times.append(pulse.life_deadline())
        return min((time for time in times if time is not None), default=None)

    # --- life, under the lock --------------------------------------------------------------------

    @property
    def nick(self) -> str:
        """The nick, or an empty string before the handshake."""
        return self.identity.nick if self.identity else ""

    def begin(self, forbidden: str | None) -> None:
        """Begin; with a reason not to, say it and end."""
        full = None if forbidden else self.hub.admit(self.peer)
        if forbidden or full:
            self._refused = True
            self.refuse("limit_exceeded" if full else "unavailable", full or forbidden or "")
            self.end(None)
        else:
            for item in self._decoder.opening():
                handlers.handle(self, item, self.hub.clock())
        self.endpoint.set_timer(self, self._next_deadline())

    def live(self, identity: Identity) -> None:
        """The handshake is done."""
        self.identity = identity
        identity.session = self
        self.state = State.LIVE
        if self.wire.typed:
            self._advance_timer(self._pulse.life_deadline())

    def hang_up(self) -> None:
        """The peer will ask for nothing more: answer what it has asked, then end."""
        if self.state is State.HANDSHAKE:
            self.end(None)
        elif self.state is State.LIVE:
            self._goodbye = True
            self._end_after_reading(None)
        self.endpoint.mark(self)

    def drain(self, reconnect_after: float | None) -> None:
        """The server ends: give the peer all that is due to it, then tell it."""
        farewell = self.wire.encode(Closing(reason="drain", reconnect_after=reconnect_after))
        if self.state is State.LIVE:
            self._end_after_reading(farewell)
        elif self.state is State.HANDSHAKE:
            self._end(farewell)

    def end(self, reason: ClosingWord | None) -> None:
        """End for a reason of ours: nothing more is read from the rooms, only answers are flushed."""
        if self.state in _OPEN or self.members:
            self._end(None if reason is None else self.wire.encode(Closing(reason=reason)))

    def abort(self) -> None:
        """Give up: whatever is unsent stays so."""
        self._leave_all()
        self.state = State.CLOSED
        self.endpoint.mark(self)

    def _end(self, farewell: bytes | None) -> None:
        self._leave_all()
        self._end_after_reading(farewell)

    def _end_after_reading(self, farewell: bytes | None) -> None:
        self.state = State.ENDING
        self._farewell = farewell
        for member in self.members.values():
            member.last = member.room.head
        self._end_within(self.hub.limits.closing_seconds)
        self.endpoint.mark(self)

    def _advance_timer(self, when: float | None) -> None:
        if when is not None:
            self.endpoint.advance_timer(self, when)

    def _end_within(self, seconds: float) -> None:
        when = self.hub.clock() + seconds
        self.end_by = when if self.end_by is None else min(when, self.end_by)
        self.endpoint.advance_timer(self, self.end_by)

    def _leave_all(self) -> None:
        for member in list(self.members.values()):
            handlers.remove(self, member)

    def _depart(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._leave_all()
        self.state = State.CLOSED
        self.endpoint.forget(self)
        if not self._refused:
            self.hub.dismiss(self.peer)
        identity = self.identity
        if identity is not None and identity.session is self:
            identity.session = None
            # Who said goodbye wants nothing kept; whose connection broke will want the nick back.
            if self.wire.typed and not self._goodbye:
                identity.reserved_until = self.hub.clock() + self.hub.limits.session_seconds
                self.endpoint.set_timer(identity, identity.reserved_until)
            else:
                self.hub.identities.release(identity)

    # --- input -----------------------------------------------------------------------------------

    def _take(self, items: Sequence[Item], now: float) -> None:
        with self._lock:
            for item in items:
                if self.state in _OPEN:
                    handlers.handle(self, item, now)
                else:
                    handlers.handle_late(self, item)
            drafts, self.drafts = self.drafts, []
            chores, self.chores = self.chores, []
            self._advance_timer(self._decoder.deadline)
        for chore in chores:  # first: a join with history is to find its place before what was posted later
            chore()
        if drafts:
            self.hub.journal.submit(
                [draft for draft, _ in drafts], lambda outcomes: self._answer(drafts, outcomes)
            )

    def take_token(self, now: float) -> float:
        """Take one frame's worth of the allowance; return 0.0, or the seconds to wait."""
        return self._bucket.take(now)

    def next_place(self) -> int:
        """Count a post and return its place among all of this session."""
        self._posted += 1
        return self._posted

    def _answer(self, drafts: list[tuple[Draft, int]], outcomes: Sequence[Outcome]) -> None:
        durability = self.hub.journal.durability
        with self._lock:
            self.in_flight -= len(drafts)
            for (draft, place), outcome in zip(drafts, outcomes, strict=True):
                if outcome.kind in ("stored", "repeat"):
                    ack = Ack(room=draft.room, id=draft.id, seq=outcome.seq, durability=durability)
                    self.outbox.put(self.wire.encode(ack))
                else:
                    posts.refuse_draft(self, draft, place, outcome)
            self.endpoint.mark(self)
        self.hub.wake_endpoints()

    # --- output ----------------------------------------------------------------------------------

    def send(self, frame: ServerFrame) -> None:
        """Queue an answer."""
        self.outbox.put(self.wire.encode(frame))
        self.endpoint.mark(self)

    def refuse(
        self,
        code: ErrorCode,
        message: str,
        *,
        room: str | None = None,
        id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Queue an error; rooms are named as the server names them."""
        room = None if room is None else fold(room)
        self.send(Error(code=code, message=message, room=room, id=id, retry_after=retry_after))

    def tell_joined(self, member: Member) -> None:
        """Queue the answer to a join, or news of a new epoch."""
        room = member.room
        self.send(
            Joined(room=room.name, epoch=room.epoch, head=room.head, after=member.position, count=room.count)
        )

    def send_encoded(self, data: bytes) -> None:
        """Queue an answer that its wire has encoded already."""
        self.outbox.put(data)
        self.endpoint.mark(self)

    def retry(self, member: Member, wait: float) -> None:
        """Let a member ask the journal again after ``wait`` seconds."""
        member.retry_at = self.hub.clock() + wait
        self.endpoint.advance_timer(self, member.retry_at)

    def add_turn(self, member: Member) -> None:
        """Let a room take its turn in the output."""
        self._turns.append(member)

    def drop_turn(self, member: Member) -> None:
        """Let a room have no more turns."""
        self._turns.remove(member)

    def _next_piece(self) -> bytes:
        if self._pulse.unsent or self._finished or self.state is State.CLOSED:
            return b""
        data = self._next_answer() or self._next_of_rooms()
        if data:
            if self._has_more():
                self.endpoint.mark(self)
        elif self.state is State.ENDING and not self._owes():
            return self._say_farewell()
        return data

    def _next_of_rooms(self) -> bytes:
        turns = self._turns
        for _ in range(len(turns)):
            member = turns.pop(0)
            turns.append(member)
            if data := member.take():
                return data
            if member.wants_page:
                handlers.catch_up(self, member)
        return b""

    def _has_more(self) -> bool:
        if self.outbox.size or self.questions or self.state is not State.LIVE:
            return True
        return any(member.has_more for member in self._turns)

    def _next_answer(self) -> bytes:
        while self.questions and not self.outbox.size and not self.paging:
            question, flushes = self.questions[0]
            if not queries.is_answerable(self, question, flushes):
                break
            del self.questions[0]
            queries.answer(self, question)
        return self.outbox.take(PIECE) if self.outbox.size else b""

    def _owes(self) -> bool:
        waiting = self.in_flight or self.paging or self.questions or self.outbox.size or self.chores
        return bool(waiting) or not all(member.finished for member in self._turns)

    def _say_farewell(self) -> bytes:
        self._finished = True
        self._leave_all()
        identity = self.identity
        if self._goodbye and identity is not None and identity.session is self:
            self.hub.identities.release(identity)  # before the peer can see that this is the end
        self._end_within(LINGER)
        self.endpoint.mark(self)
        return self._farewell or b""
