"""The server's side of one connection, without I/O: its seam, its place in the rooms, and its end.

`states` says what may happen to it, and when. Beside the state, ``_goodbye`` says how the peer
has ended its side, ``_farewell`` what is still to be said, and ``_end_by`` how long all that may take.

Who owns what: `Inflow` what is not decoded yet; `Intake` what the peer sends and what is asked because of it;
`Pending` what is asked and not answered; `Posts` a sender's order; `Queries` what was asked; `Member` a
cursor and its catching up; `Liveness` the clocks; `Replies` the answers that wait. A session owns its state,
its seat and its list of memberships. What a frame asks for is decided in `handlers`.

A transport calls what `chatcore.transport.Session` names, as described there. An `Endpoint` calls that and
`begin`, `start`, `handle_deadline`, `drain`, `abort` and ``only_follows_log``. Everything else is for this
package.
"""

from typing import TYPE_CHECKING, ClassVar

from chatcore import transport
from chatcore.address import Peer
from chatcore.errors import ErrorCode
from chatcore.messages import Closing, ClosingWord, Invited, Left, NickFrame, Ping, ServerFrame
from chatcore.server import handlers
from chatcore.server.directory import Identity, Occupant, Seat
from chatcore.server.inflow import Inflow
from chatcore.server.intake import Intake
from chatcore.server.liveness import Liveness, is_over
from chatcore.server.member import Member
from chatcore.server.pending import Pending
from chatcore.server.posts import Posts
from chatcore.server.queries import Queries
from chatcore.server.rate_limit import TokenBucket
from chatcore.server.replies import Replies, error_about
from chatcore.server.states import OPEN, OVER, TRANSITIONS, State, Step
from chatcore.server.tail import PIECE
from chatcore.wire import Hangup, Item, Wire

if TYPE_CHECKING:
    from chatcore.server.endpoint import Endpoint
    from chatcore.server.room import Room

__all__ = ["Session"]

LINGER = 1.0
"""Seconds in which a peer may end its own side after our farewell. Closing immediately would make the system
throw away what the peer has not read yet, if there is unread input (RFC 1122, 4.2.2.13)."""


class Session:
    """One connection, as the core sees it."""

    __slots__ = (
        "_end_by",
        "_farewell",
        "_gone",
        "_goodbye",
        "_liveness",
        "_lock",
        "_refusal",
        "_renamed",
        "accepts",
        "bucket",
        "codec",
        "endpoint",
        "hub",
        "inflow",
        "intake",
        "members",
        "peer",
        "pending",
        "posts",
        "queries",
        "replies",
        "seat",
        "state",
        "wire",
    )

    has_peer: ClassVar[bool] = True
    """Whether there is somebody at the far end. Else it is counted nowhere, and asked for no sign of life."""

    def __init__(self, endpoint: "Endpoint", peer: Peer, wire: Wire) -> None:
        hub = endpoint.hub
        now = hub.clock()
        self.endpoint = endpoint
        self.hub = hub
        self.peer = peer
        self.wire = wire
        self.codec = wire.codec(peer, hub.limits)
        self.state = State.HANDSHAKE
        self.accepts = True  # it does what its peer asks for
        self.seat: Seat | None = None
        self.members: dict[str, Member] = {}  # by folded room, in the order of their turns
        self.replies = Replies()
        self.intake = Intake(self)
        self.inflow = Inflow(self, now)
        self.pending = Pending(self)
        self.posts = Posts(self)
        self.queries = Queries(self)
        self._lock = hub.lock
        self._renamed = False  # by another session of its identity, and not told yet
        self.bucket = TokenBucket(hub.limits.frames_per_second, hub.limits.frames_burst, now)
        self._liveness = Liveness(hub.limits, now)
        self._refusal: tuple[ErrorCode, str] | None = None  # then the hub does not count it
        self._goodbye = False  # the peer ended the connection, and cleanly
        self._gone = False  # the socket is gone
        self._farewell: bytes | None = None
        self._end_by: float | None = None

    def __repr__(self) -> str:
        who = self.nick or f"{self.peer.host}:{self.peer.port}"
        return f"<Session {who} {self.state.value} {self.wire.name} rooms={len(self.members)}>"

    # --- for transports: input -------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, whatever they are. Never raises because of them."""
        now = self.hub.clock()
        self._liveness.note_life(now)
        self.inflow.receive_data(data, now)
        self.hub.follow_up()

    def receive_eof(self) -> None:
        """Take the end of the peer's stream. What was asked before is still answered. Idempotent."""
        self.inflow.receive_eof(self.hub.clock())
        self.hub.follow_up()

    def connection_lost(self) -> None:
        """Learn that the socket is gone. MUST be called once for every session, last. Idempotent."""
        with self._lock:
            if not self._gone:
                self._gone = True
                self._depart()
        self.hub.follow_up()

    # --- for transports: output ------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Return the next piece to write, handed over for good; empty when there is none now.

        Nothing is returned while the transport holds unsent bytes of an earlier piece. A session that
        has more than one piece is ready again: others get their turn between the two.
        """
        while True:
            with self._lock:
                data, handed = self._next_piece()
                if data and self.has_peer:
                    self.hub.counters.note_sent(handed, len(data))
                tasks = self.intake.next_tasks()
            for task in tasks:
                task()
            if data or not tasks:
                self.hub.follow_up()
                return data

    def data_unsent(self, size: int) -> None:
        """Learn how many bytes the socket has refused so far: after a partial write, and when that
        number shrinks. 0 means that all are written, and `data_to_send` may be called again.
        """
        with self._lock:
            self._liveness.set_unsent(size, self.hub.clock())
            self.advance_timer(self._liveness.stall_deadline())
        self.hub.follow_up()

    @property
    def want_data(self) -> bool:
        """Whether the socket is to be read: not while something waits, or the peer leaves too much unread."""
        waits = self.intake.inbox.blocked or self.leaves_too_much
        return self.inflow.resume_at is None and (self.state in OVER or not waits)

    @property
    def leaves_too_much(self) -> bool:
        """Whether the peer has left too much unread, or more posts are unanswered than may be."""
        limits, asked = self.hub.limits, len(self.queries.waiting)
        return self.posts.in_flight > limits.posts_in_flight or self.replies.exceed(limits, asked)

    @property
    def is_turned_away(self) -> bool:
        """Whether it was refused as a connection, and knows why: whatever it sends is for nobody."""
        return self._refusal is not None and self.state is not State.HANDSHAKE

    @property
    def closing(self) -> bool:
        """Whether this side has said its last: end the stream once everything is written, read on."""
        return self.state is State.LINGERING

    @property
    def closed(self) -> bool:
        """Whether the socket is to be closed now, whatever is unsent."""
        return self.state is State.CLOSED or (
            self.closing and self.inflow.ended and not self._liveness.unsent
        )

    # --- for the endpoint ------------------------------------------------------------------------

    def begin(self, forbidden: str | None) -> None:
        """Begin; with a reason not to, say it as soon as the wire can, and end. Under the lock."""
        self._turn_away("unavailable", forbidden)
        self._turn_away("limit_exceeded", None if forbidden else self.hub.admit(self.peer, self.wire.name))
        self.say_refusal()

    def start(self) -> None:
        """Take what the wire says for the peer, and begin to watch the clock. Not under the lock."""
        if self._refusal is None:
            opening = self.codec.opening(requires_key=self.hub.gate.requires_key)
            self.intake.take(opening, self.hub.clock())
        with self._lock:
            if not self._gone:
                self.endpoint.set_timer(self, self._next_deadline())
        self.hub.follow_up()

    @property
    def is_counted(self) -> bool:
        """Whether it is one of the hub's connections: it has a peer, which was not turned away."""
        return self.has_peer and self._refusal is None

    @property
    def only_follows_log(self) -> bool:
        """Whether all that a commit means for this session is the next piece of the room's log."""
        busy = self._liveness.unsent or self.replies.size or self._renamed or self.queries.waiting
        return self.state is State.LIVE and not busy

    @property
    def takes_everything(self) -> bool:
        """Whether its peer has taken all that it was given, as far as its transport knows."""
        return self.has_peer and not self._liveness.unsent and self.state not in OVER

    def handle_deadline(self, now: float) -> None:
        """Do what is due. Not under the lock."""
        self.inflow.handle_deadline(now)
        with self._lock:
            self._check_deadlines(now)
            if self.state is not State.CLOSED:
                self.endpoint.set_timer(self, self._next_deadline())

    def drain(self, reconnect_after: float | None) -> None:
        """The server ends: give the peer all that is due to it, then say so. Under the lock."""
        farewell = self.codec.encode(Closing(reason="drain", reconnect_after=reconnect_after))
        if self.state is State.LIVE:
            self._end_after_reading(farewell)
        elif self.state is State.HANDSHAKE:
            self._end_after_answers(farewell)

    def abort(self) -> None:
        """Give up: whatever is unsent stays so. Under the lock."""
        self.pending.drop()
        self._leave_all()
        self._step("gone")
        self.endpoint.mark(self)

    # --- states, under the lock, as all below ----------------------------------------------------

    def move(self, peer: Peer, *, is_new: bool) -> None:
        """Continue as the connection of another peer, for whom a proxy speaks; a new one of theirs, or not.

        From now on the limits of that address hold. If they forbid it, it is refused as a new connection is.
        """
        before, self.peer = self.peer, peer
        self.endpoint.note_moved(self, before)
        self.inflow.note_moved()
        self._turn_away("limit_exceeded", self.hub.move(self, before, is_new=is_new))

    @property
    def identity(self) -> Identity | None:
        """What others see of it, if it has said hello."""
        return None if self.seat is None else self.seat.identity

    @property
    def nick(self) -> str:
        """The nick, or an empty string before the handshake."""
        return "" if self.seat is None else self.seat.identity.nick

    def go_live(self, seat: Seat) -> None:
        """The handshake is done: from now on the session uses this seat, and its allowance."""
        self.seat = seat
        self.bucket = seat.bucket
        self._step("welcomed")
        self.hub.note_welcome()
        if self._is_kept_alive:
            self.advance_timer(self._liveness.silence_deadline())

    def note_renamed(self, nick_before: str, *, asked: bool) -> None:
        """Learn that the nick is another now; unless it asked for that itself, the peer is told."""
        identity = self.identity
        if identity is None:  # it has its seat and does not know it yet: the welcome will say the nick
            return
        for member in self.members.values():
            member.room.note_change(self, identity, nick_before)
        self.inflow.charge_news([member.room.count for member in self.members.values()])
        if not asked:
            self.tell_nick()

    def tell_nick(self) -> None:
        """Have the peer told its nick, once, however often that changes until then."""
        self._renamed = True
        self.endpoint.mark(self)

    def tell_invited(self) -> None:
        """Have the peer told that another session of its account asked for an invite for one more device."""
        if self.seat is not None:  # else the welcome has to come first
            self.send(Invited())

    def vacate(self, seat: Seat, *, reserve: bool) -> None:
        """Leave a seat, and reserve its nick for a while if nobody else has a seat there."""
        until = self.hub.clock() + self.hub.limits.session_seconds if reserve else None
        if identity := self.hub.directory.vacate(seat, until):
            self.endpoint.reserve(identity)

    def hang_up(self, *, lost: bool = False) -> None:
        """The peer will ask for nothing more: answer what it has asked, then end.

        ``lost`` says that the connection broke, so that this is no goodbye.
        """
        if self.state is State.HANDSHAKE:
            self.end(None)
        elif self.state is State.LIVE:
            self._goodbye = not lost
            self._end_after_reading(None)
        self.endpoint.mark(self)

    def end(self, reason: ClosingWord | None) -> None:
        """End for a reason of ours: nothing more is read from the rooms, only answers are flushed."""
        if self.state in OPEN or self.members:
            self._end_after_answers(None if reason is None else self.codec.encode(Closing(reason=reason)))

    def _step(self, step: Step) -> None:
        before, self.state = self.state, TRANSITIONS[self.state][step]
        if self.is_counted:
            self.hub.counters.note_step(self.wire.name, before, self.state)
        self.accepts = self.accepts and self.state in OPEN

    def _end_after_answers(self, farewell: bytes | None) -> None:
        self._leave_all()
        self._end_after_reading(farewell)

    def _end_after_reading(self, farewell: bytes | None) -> None:
        self._step("ended")
        self.pending.cancel()
        self._farewell = farewell
        for member in self.members.values():
            member.stop_at_head()
        self._end_within(self.hub.limits.closing_seconds)
        self.endpoint.mark(self)

    def _end_within(self, seconds: float) -> None:
        when = self.hub.clock() + seconds
        self._end_by = when if self._end_by is None else min(when, self._end_by)
        self.endpoint.advance_timer(self, self._end_by)

    def _say_farewell(self) -> bytes:
        self._step("flushed")
        self._leave_all()
        if self._goodbye and self.seat is not None and self.seat.session is self:
            self.vacate(self.seat, reserve=False)  # before the peer can see that this is the end
        self._end_within(LINGER)
        self.endpoint.mark(self)
        return self._farewell or self.codec.ending()

    def _depart(self) -> None:
        self.pending.drop()
        self._leave_all()
        self._step("gone")
        self.inflow.drop()
        self.replies.clear()
        self.hub.reads.forget(self)
        self.endpoint.forget(self)
        if self.has_peer:
            self.hub.dismiss(self)
        if self.seat is not None and self.seat.session is self:
            # A goodbye wants nothing kept; whoever lost its connection will want its nick back.
            self.vacate(self.seat, reserve=self.wire.capabilities.reserves_nick and not self._goodbye)

    # --- time ------------------------------------------------------------------------------------

    def _check_deadlines(self, now: float) -> None:
        if self.state is not State.CLOSED and is_over(self._liveness.stall_deadline(), now):
            self.hub.counters.note_stalled()
            self.abort()
        elif is_over(self._end_by, now):
            self.abort()
        elif self.state is State.HANDSHAKE and is_over(self._handshake_deadline(), now):
            self._end_handshake()
        elif self._is_kept_alive:
            self._check_silence(now)
        self.pending.handle_deadline(now)
        for member in list(self.members.values()):  # a join that waits too long leaves
            if member.retry(now):
                self.endpoint.mark(self)

    def _handshake_deadline(self) -> float | None:
        return self._liveness.handshake_deadline(is_refused=self._refusal is not None)

    def _end_handshake(self) -> None:
        if self._refusal is None:
            self.pending.refuse_late_hello()
            self.end("timeout")
        else:
            self.say_refusal(by_force=True)

    def _turn_away(self, code: ErrorCode, message: str | None) -> None:
        if message is not None:
            self.accepts = False
            self._refusal = (code, message)

    def say_refusal(self, *, by_force: bool = False) -> None:
        """Say why the connection is refused, once its wire can carry it, or in the wire's own way."""
        if self._refusal and self.state is State.HANDSHAKE and self.endpoint.may_refuse(self, by_force):
            self.refuse(*self._refusal)
            self.end(None)

    @property
    def _is_kept_alive(self) -> bool:
        return self.state is State.LIVE and self.wire.capabilities.keepalive and self.has_peer

    def _check_silence(self, now: float) -> None:
        if not self.want_data:  # it may be talking: we are not listening
            self._liveness.note_life(now)
        elif step := self._liveness.check_silence(now):
            self.send(Ping()) if step == "ask" else self.end("timeout")

    def _next_deadline(self) -> float | None:
        liveness = self._liveness
        times = [self._end_by, liveness.stall_deadline(), self.pending.next_deadline()]
        times += [self.inflow.next_deadline(), *(member.retry_at for member in self.members.values())]
        if self.state is State.HANDSHAKE:
            times.append(self._handshake_deadline())
        elif self._is_kept_alive:
            times.append(liveness.silence_deadline())
        return min((time for time in times if time is not None), default=None)

    def advance_timer(self, when: float | None) -> None:
        """Have a deadline handled at a time, if there is one."""
        if when is not None:
            self.endpoint.advance_timer(self, when)

    # --- rooms -----------------------------------------------------------------------------------

    def enter(self, room: "Room") -> Member:
        """Become a member of a room, which gets its turn in the output."""
        member = Member(room, self)
        if self.seat is not None:
            member.mute(self.hub.gate.is_muted(self.seat.person, room.name))
        room.add(member)
        self.members[room.name] = member
        return member

    def is_in(self, room: str) -> bool:
        """Tell whether it is a member of a room (folded)."""
        return room in self.members

    def wants(self, room: str) -> bool:
        """Tell whether it is a member of a room (folded), or about to be."""
        return room in self.members or self.pending.is_joining(room)

    def leave(self, member: Member) -> None:
        """Stop being a member, for whatever reason."""
        room = member.room
        del self.members[room.name]
        member.end()
        self.posts.leave(room.name)
        room.remove(member)
        if self.seat is not None:
            self.hub.directory.leave(self.seat, room.name)
        self.hub.rooms.forget_if_unused(room)

    def expel(self, member: Member) -> None:
        """Put it out of a room, also while its join waits for the journal."""
        self.leave(member)
        self.send(Left(room=member.room.name, reason="expelled"))

    def _leave_all(self) -> None:
        for member in list(self.members.values()):
            self.leave(member)

    # --- input -----------------------------------------------------------------------------------

    def take_token(self, now: float, count: int = 1) -> float:
        """Take so many frames' worth of the allowance, or all of it; return 0.0, or the seconds to wait."""
        return self.bucket.take(now, min(count, self.hub.limits.frames_burst))

    def go_on(self) -> None:
        """Take what has waited, now that what it waited for is decided. Not under the lock."""
        self.intake.take((), self.hub.clock())

    def take_late(self, item: Item, now: float) -> None:
        """Take the end of the stream, or refuse what comes after the end was decided."""
        if isinstance(item, Hangup):
            self.hang_up(lost=item.lost)
        elif self._refusal is None:
            handlers.handle_late(self, item)
        else:
            handlers.handle_turned_away(self, item, now)

    # --- output ----------------------------------------------------------------------------------

    def send(self, frame: ServerFrame) -> None:
        """Queue an answer."""
        self.send_encoded(self.codec.encode(frame))

    def send_encoded(self, data: bytes) -> None:
        """Queue an answer that its wire has encoded already."""
        self.replies.put(data)
        self.endpoint.mark(self)

    def refuse(
        self, code: ErrorCode, message: str, refused: object = None, *, retry_after: float | None = None
    ) -> None:
        """Queue an error; it repeats the room, and the id or token, of what is refused."""
        if self.has_peer and not self._gone:
            self.hub.counters.note_refusal(code)
        self.send(error_about(refused, code, message, retry_after))

    def _next_piece(self) -> tuple[bytes, int]:
        """Return what is to be written next, and how many messages of its rooms are in it."""
        if self._liveness.unsent or self.state in OVER:
            return b"", 0
        data, handed = self._next_answer(), 0
        if not self.replies.size:  # else what answers a join might come after what that room says
            data, handed = self._with_rooms(data)
        if data:
            if self._has_more():
                self.endpoint.mark(self)
        elif self.state is State.ENDING and not self._owes():
            return self._say_farewell(), 0
        return data, handed

    def _next_answer(self) -> bytes:
        replies = self.replies
        if self._renamed:  # told once, however often it happened, and before any list of members
            self._renamed = False
            if self.seat is not None and self.seat.session is self:  # else it is somebody else's nick by now
                self.send(NickFrame(nick=self.nick))
        while not replies.size and self.queries.answer_next():
            pass
        return replies.next_piece(PIECE) if replies.size else b""

    def _with_rooms(self, data: bytes) -> tuple[bytes, int]:
        """Add the next piece of each room, in turn, until it is enough for one write; count their messages.

        Answers alone must not be a write: whoever asks all the time would never be given its rooms.
        """
        handed = 0
        for name in list(self.members):
            if len(data) >= PIECE:
                break
            member = self.members[name] = self.members.pop(name)  # its next turn is the last
            if piece := member.next_piece():
                data += piece
                handed += member.handed
            else:
                member.catch_up()
        return data, handed

    def _has_more(self) -> bool:
        if self.replies.size or self._renamed or self.queries.waiting or self.state is not State.LIVE:
            return True
        return any(member.has_more for member in self.members.values())

    def _owes(self) -> bool:
        queries, intake = self.queries, self.intake
        asked = self.posts.in_flight or queries.paging or queries.waiting
        waiting = self.replies.size or self._renamed or intake.has_tasks or intake.inbox.holds
        return bool(asked or waiting) or not all(member.finished for member in self.members.values())


_: type[transport.Session] = Session
__: type[Occupant] = Session
