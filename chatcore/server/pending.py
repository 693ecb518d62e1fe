"""What a session has asked of the gate and the directory, each in two steps.

- `hello` is asked of both, `nick` and `join` of the directory, `moderate`, `invite` and `forget` of the
  gate.
- A request is asked, and continues when its answer comes: from any thread, whatever has happened meanwhile.
  What depends on it waits in the `Inbox`.
- A `hello` is answered within ``handshake_seconds``, the others within `ANSWER_SECONDS`. After that the peer
  is refused as ``unavailable``.
- An answer that comes too late, or for a session that has ended, is taken back: the seat is vacated, the room
  left. Of several answers to one question the first counts.
- Rights are asked again under the lock at the moment when an answer is acted on, since one may have been
  taken away while it was on its way.

Everything here runs under the hub's lock.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

from chatcore.gate import Claim, Invitation, Moderation, Person, Refusal
from chatcore.journal.search import can_search
from chatcore.messages import (
    PROTOCOL,
    Forget,
    Frame,
    Hello,
    Invite,
    Invited,
    Join,
    Moderate,
    Moderated,
    NickFrame,
    Welcome,
)
from chatcore.names import fold, is_numeric, is_reserved
from chatcore.server.directory import Claimed, Seat
from chatcore.server.guarded_gate import FAILED
from chatcore.server.log_events import directory_failed, gate_answered_twice
from chatcore.server.queries import LISTED_PER_LINE
from chatcore.server.room import Room
from chatcore.version import __version__

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["ANSWER_SECONDS", "Pending"]

SERVER: Final = f"chatcore/{__version__}"

REVISED_PER_LINE = 4
"""Connections whose rights are asked again in the time in which a line is decoded."""

ANSWER_SECONDS = 5.0
"""How long a request waits for its answer, other than `hello`."""

F = TypeVar("F", bound=Frame)

Alone = NickFrame | Moderate | Invite | Forget
"""What is asked alone: everything that comes after it waits."""

Step = Literal["gate", "directory", "done", "cancelled"]


class _Request(Generic[F]):
    """A frame whose answer is not there yet: who is asked now, and when to give up waiting for them."""

    __slots__ = ("deadline", "frame", "room", "step")

    def __init__(self, frame: F, step: Step, deadline: float | None = None) -> None:
        self.frame = frame
        self.step = step
        self.deadline = deadline
        self.room: Room | None = None  # that is to be entered

    def go_on(self, step: Step) -> None:
        """Note who is asked now, or that nobody is."""
        self.step = step

    def hold(self, room: Room) -> None:
        """Note the room that is to be entered, which stays in use until then."""
        self.room = room

    def is_due(self, now: float) -> bool:
        """Whether it has waited too long."""
        return self.deadline is not None and now >= self.deadline


_NO_JOINS: Final[dict[str, _Request[Join]]] = {}
"""What nearly all sessions share, so that an idle one costs little. It is replaced, never filled."""


class Pending:
    """The requests of one session that are not answered yet, and what waits for them."""

    __slots__ = ("_alone", "_hello", "_joins", "_session")

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._hello: _Request[Hello] | None = None
        self._alone: _Request[Alone] | None = None
        self._joins = _NO_JOINS  # by folded room

    @property
    def says_hello(self) -> bool:
        """Whether a `hello` waits for its answer."""
        return self._hello is not None

    @property
    def joins(self) -> int:
        """How many rooms are being entered."""
        return len(self._joins)

    def is_joining(self, room: str) -> bool:
        """Tell whether a room (folded) is being entered."""
        return room in self._joins

    # --- hello -----------------------------------------------------------------------------------

    def hello(self, hello: Hello) -> None:
        """Ask the gate who this is, and then the directory for a seat."""
        session = self._session
        self._hello = request = _Request(hello, "gate")  # the handshake has a deadline of its own
        self._session.intake.inbox.hold_all()
        claim = Claim(session.peer, hello.nick, hello.key, hello.invite)
        receive = partial(self._receive_person, request)
        session.intake.ask_gate(lambda gate, answer: gate.enter(claim, answer), receive)

    def _receive_person(self, request: _Request[Hello], answer: Person | Refusal) -> None:
        if not self._is_awaited(request):
            return
        refusal = answer if isinstance(answer, Refusal) else self._entrance_refusal(answer, request.frame)
        request.go_on("directory")  # not before: a gate that has failed at that has refused
        if isinstance(answer, Person) and refusal is None:
            self._claim(request, answer)
        elif refusal is not None:
            self._refuse_hello(request, refusal)

    def _entrance_refusal(self, person: Person, hello: Hello) -> Refusal | None:
        session = self._session
        nick = self._nick_for(person, hello)
        return session.hub.gate.may_stay(person, session.peer) or self._nick_refusal(person, nick)

    def _nick_for(self, person: Person, hello: Hello) -> str:
        """Return the nick to give: not everybody who has an account can say what it is called.

        Whoever brings an invite may not know it, and a wire without a `hello` has no words for it.
        """
        if person.account is None or self._session.wire.capabilities.implied_hello:
            return person.account or hello.nick
        if hello.invite is None or self._nick_refusal(person, hello.nick) is None:
            return hello.nick
        return person.account

    def _claim(self, request: _Request[Hello], person: Person) -> None:
        session = self._session
        claim = Claimed(
            session=session,
            peer=session.peer,
            person=person,
            nick=self._nick_for(person, request.frame),
            secret=request.frame.session,
            bucket=session.bucket,
            now=session.hub.clock(),
            variant=session.wire.capabilities.implied_hello,
        )
        receive = partial(self._receive_seat, request)
        self._ask_directory(lambda: session.hub.directory.claim(claim, receive), receive)

    def _receive_seat(self, request: _Request[Hello], answer: Seat | Refusal) -> None:
        session = self._session
        refusal = answer if isinstance(answer, Refusal) else self._seat_refusal(answer)
        if request.step == "directory" and refusal is None and isinstance(answer, Seat):
            welcome = self._welcome(answer)
            self._hello = None
            request.go_on("done")
            session.go_live(answer)
            session.send(welcome)
            self._release_all()
            return
        if request.step == "directory" and refusal is not None:
            self._refuse_hello(request, refusal)
        if isinstance(answer, Seat) and answer is not session.seat and answer.session is session:
            session.vacate(answer, reserve=refusal is None and request.frame.session is not None)

    def _seat_refusal(self, seat: Seat) -> Refusal | None:
        """Return why a seat cannot be used: the right to it may have been taken away meanwhile."""
        gate = self._session.hub.gate
        return gate.may_stay(seat.person, seat.peer) or gate.nick_refusal(seat.person, seat.identity.nick)

    def _welcome(self, seat: Seat) -> Welcome:
        return Welcome(
            protocol=PROTOCOL,
            server=SERVER,
            session=seat.secret,
            nick=seat.identity.nick,
            account=seat.person.account,
            role=seat.person.role,
            durability=self._session.hub.journal.durability,
            search=can_search(self._session.hub.journal),
            limits=self._session.hub.limits_for_client,
        )

    def _refuse_hello(self, request: _Request[Hello], refusal: Refusal) -> None:
        """Refuse a `hello`, which ends the connection: what came after it is dropped."""
        self._hello = None
        session = self._session
        request.go_on("cancelled")
        session.hub.door.note_refusal(session.peer, refusal.code, session.hub.clock())
        session.endpoint.watch_door()
        session.refuse(refusal.code, refusal.message, retry_after=refusal.retry_after)
        session.intake.inbox.clear()
        session.end(None)

    def refuse_late_hello(self) -> None:
        """Say that the time for the handshake is over, and what was missing."""
        session = self._session
        if self.says_hello:
            session.refuse("unavailable", "hello could not be answered in time", retry_after=1.0)
        else:
            missing = "login" if session.wire.capabilities.implied_hello else "hello"
            session.refuse("bad_state", f"no {missing} came in time")

    # --- nick ------------------------------------------------------------------------------------

    def nick(self, frame: NickFrame) -> None:
        """Ask the directory for another nick."""
        session = self._session
        seat = session.seat
        assert seat is not None
        if refusal := self._nick_refusal(seat.person, frame.nick):
            session.refuse(refusal.code, refusal.message, frame, retry_after=refusal.retry_after)
            return
        request = self._ask_alone(frame, "directory")
        # An account has the nicks that its gate gives it, and never a variant of one.
        variant = session.wire.capabilities.implied_hello and seat.person.account is None
        receive = partial(self._receive_nick, request, seat)
        self._ask_directory(lambda: session.hub.directory.rename(seat, frame.nick, variant, receive), receive)

    def _receive_nick(self, request: _Request[Alone], seat: Seat, answer: str | Refusal) -> None:
        nick = seat.identity.nick
        if request.step == "directory" and isinstance(answer, Refusal):
            self._refuse_alone(request, answer)
        elif request.step == "directory" and isinstance(answer, str):
            self._answer_alone(request, NickFrame(nick=answer, token=request.frame.token))
            self._revise_nick(seat, is_news=answer != nick)  # the answer may be older than the nick
        elif request.step == "cancelled" and isinstance(answer, str):
            self._revise_nick(seat, is_news=answer == nick)  # it was refused, but got it after all

    def _revise_nick(self, seat: Seat, *, is_news: bool) -> None:
        """Tell whoever uses a seat its nick, if it is news, and put them out if it is not theirs any more."""
        occupant = seat.session
        if occupant is None:
            return
        if is_news:
            occupant.tell_nick()
        if not self._session.hub.gate.may_call(seat.person, seat.identity.nick):
            occupant.end("revoked")
            self._session.vacate(seat, reserve=False)

    def _nick_refusal(self, person: Person, nick: str) -> Refusal | None:
        session = self._session
        if is_reserved(nick):
            return Refusal("bad_name", f"the nick {nick} is reserved")
        if not session.wire.capabilities.implied_hello and is_numeric(nick):
            return Refusal("bad_name", "nicks made only of digits are reserved for plain connections")
        return session.hub.gate.nick_refusal(person, nick)

    # --- moderate, invite, forget ----------------------------------------------------------------

    def moderate(self, frame: Moderate) -> None:
        """Ask the gate to do something to a room, or to somebody."""
        person, moderation = self._person(), self._moderation(frame)
        request = self._ask_alone(frame, "gate")
        done = Moderated(act=frame.act, room=moderation.room, nick=frame.nick, token=frame.token)

        def receive(answer: Refusal | None) -> None:
            if answer is None:  # also of what comes too late
                self._charge_revision()
            if not self._is_awaited(request):
                return
            if answer is None:
                self._answer_alone(request, done)
            else:
                self._refuse_alone(request, answer)

        self._session.intake.ask_gate(lambda gate, answer: gate.moderate(person, moderation, answer), receive)

    def invite(self, frame: Invite) -> None:
        """Ask the gate for an invite for one more device."""
        session, person = self._session, self._person()
        request = self._ask_alone(frame, "gate")

        def receive(answer: Invitation | Refusal) -> None:
            if isinstance(answer, Invitation):
                self._tell_other_devices(person)  # also of one that comes too late
            if not self._is_awaited(request):
                return
            refusal = session.hub.gate.may_stay(person, session.peer)
            if isinstance(answer, Invitation) and refusal is None:
                self._answer_alone(request, _invited(answer, frame))
            else:
                self._refuse_alone(request, answer if isinstance(answer, Refusal) else refusal or FAILED)

        session.intake.ask_gate(lambda gate, answer: gate.invite_device(person, answer), receive)

    def forget(self, frame: Forget) -> None:
        """Ask the gate to revoke the key of this session, which ends it."""
        session, person = self._session, self._person()
        request = self._ask_alone(frame, "gate")

        def receive(answer: Refusal | None) -> None:
            is_awaited = self._is_awaited(request)
            if answer is None:  # also of what comes too late
                self._charge_revision()
                self._end_revoked(request)
            elif is_awaited:
                self._refuse_alone(request, answer)

        session.intake.ask_gate(lambda gate, answer: gate.forget_device(person, answer), receive)

    def _end_revoked(self, request: _Request[Alone]) -> None:
        """Answer by the end, unless the watch has brought that: whoever asks for it has no key any more."""
        session, seat = self._session, self._session.seat
        if seat is None or seat.session is not session:
            return
        if self._alone is request:
            self._alone = None
        request.go_on("done")
        session.end("revoked")
        session.vacate(seat, reserve=False)

    def _charge_revision(self) -> None:
        """Have the session pay for what it has caused: everybody was looked at."""
        self._session.inflow.charge(1 + self._session.hub.connections // REVISED_PER_LINE)

    def _is_awaited(self, request: _Request[F]) -> bool:
        """Tell whether an answer of the gate is the first one, and in time."""
        if request.step not in ("gate", "cancelled"):
            gate_answered_twice.log()
        return request.step == "gate"

    def _tell_other_devices(self, person: Person) -> None:
        if person.account is not None:
            for other in self._session.hub.directory.sessions_of(person.account):
                if other is not self._session:
                    other.tell_invited()

    def _person(self) -> Person:
        seat = self._session.seat
        assert seat is not None
        return seat.person

    def _moderation(self, frame: Moderate) -> Moderation:
        room = None if frame.room is None else fold(frame.room)
        present = self._present(room) if room is not None and frame.act == "close" else frozenset[str]()
        return Moderation(frame.act, room, frame.nick, frame.seconds, frame.reason, present)

    def _present(self, room: str) -> frozenset[str]:
        found = self._session.hub.rooms.get(room)
        if found is None:
            return frozenset()
        self._session.inflow.charge(1 + found.count // LISTED_PER_LINE)
        return found.accounts()

    def _ask_alone(self, frame: Alone, step: Step) -> _Request[Alone]:
        request: _Request[Alone] = self._request(frame, step)
        self._alone = request
        self._session.intake.inbox.hold_all()
        return request

    def _answer_alone(self, request: _Request[Alone], answer: NickFrame | Moderated | Invited) -> None:
        self._alone = None
        request.go_on("done")
        self._session.send(answer)
        self._release_all()

    def _refuse_alone(self, request: _Request[Alone], refusal: Refusal) -> None:
        self._alone = None
        request.go_on("cancelled")
        self._refuse(request.frame, refusal)
        self._release_all()

    # --- join ------------------------------------------------------------------------------------

    def join(self, join: Join) -> None:
        """Enter a room: load it if nobody is in it, ask the directory, and begin to read."""
        session, name = self._session, fold(join.room)
        request = self._request(join, "directory")
        self._joins = {**self._joins, name: request}
        self._session.intake.inbox.hold_room(name)
        session.hub.rooms.enter(name, session, partial(self._receive_room, request))

    def _receive_room(self, request: _Request[Join], answer: Room | Refusal) -> None:
        session = self._session
        if request.step != "directory":
            if isinstance(answer, Room):
                session.hub.rooms.give_back(answer)
        elif isinstance(answer, Refusal):
            self._refuse_join(request, answer)
        else:
            request.hold(answer)
            self._ask_to_enter(request, answer)

    def _ask_to_enter(self, request: _Request[Join], room: Room) -> None:
        seat, directory = self._session.seat, self._session.hub.directory
        if seat is None:  # a reader of this process's own, whom nobody sees
            self._receive_entry(request, room, None, None)
            return
        receive = partial(self._receive_entry, request, room, seat)
        self._ask_directory(lambda: directory.enter(seat, room.name, receive), receive)

    def _receive_entry(
        self, request: _Request[Join], room: Room, seat: Seat | None, answer: Refusal | None
    ) -> None:
        session = self._session
        if request.step != "directory":
            self._take_back_entry(seat, room.name)
        elif refusal := answer or self._entry_refusal(room):
            self._refuse_join(request, refusal)
        else:
            session.enter(room).begin(request.frame)
            self._finish_join(request, "done")

    def _entry_refusal(self, room: Room) -> Refusal | None:
        session = self._session
        seat, limit = session.seat, session.hub.limits.members_per_room
        if seat is None:
            return None
        if limit is not None and room.count >= limit and not room.has(seat.identity):
            return Refusal("limit_exceeded", "the room is full")
        return session.hub.gate.may_join(seat.person, room.name)

    def _refuse_join(self, request: _Request[Join], refusal: Refusal) -> None:
        self._refuse(request.frame, refusal)
        self._finish_join(request, "cancelled")

    def _finish_join(self, request: _Request[Join], step: Step) -> None:
        session, name = self._session, fold(request.frame.room)
        request.go_on(step)
        self._joins = {n: join for n, join in self._joins.items() if n != name} or _NO_JOINS
        self._session.intake.inbox.release_room(name)
        if request.room is None:
            session.hub.rooms.stop_waiting(name, session)
        else:
            session.hub.rooms.give_back(request.room)
            self._take_back_entry(session.seat, name)
        session.hub.note_waiting(session)

    def _take_back_entry(self, seat: Seat | None, room: str) -> None:
        """Let a seat not enter a room after all, unless whoever uses it now is there, or wants to be."""
        if seat is not None and not (seat.session is not None and seat.session.wants(room)):
            self._session.hub.directory.leave(seat, room)

    # --- time and the end ------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """Return when the first request has waited too long, other than `hello`."""
        times = [request.deadline for request in self._joins.values()]
        if self._alone is not None:
            times.append(self._alone.deadline)
        return min((time for time in times if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Refuse what has waited too long."""
        if self._alone is not None and self._alone.is_due(now):
            self._refuse_alone(self._alone, _TOO_LATE)
        for request in [request for request in self._joins.values() if request.is_due(now)]:
            self._refuse_join(request, _TOO_LATE)

    def cancel(self) -> None:
        """Refuse what waits for an answer: the session ends before there is one."""
        if self._hello is not None:
            self._hello.go_on("cancelled")
            self._hello = None
        if self._alone is not None and not self._is_answered_by_the_end(self._alone):
            self._refuse_alone(self._alone, _TOO_LATE)
        for request in list(self._joins.values()):
            self._refuse_join(request, _TOO_LATE)
        self._release_all()

    def _is_answered_by_the_end(self, request: _Request[Alone]) -> bool:
        """Tell whether a session ends because it may not stay, as it has asked for itself."""
        if not isinstance(request.frame, Forget):
            return False
        if self._session.hub.gate.may_stay(self._person(), self._session.peer) is None:
            return False
        self._alone = None
        request.go_on("cancelled")
        return True

    def drop(self) -> None:
        """Forget everything: there is nobody to be answered any more."""
        self.cancel()
        self._session.intake.inbox.clear()

    # --- asking ----------------------------------------------------------------------------------

    def _request(self, frame: F, step: Step) -> _Request[F]:
        return _Request(frame, step, self._session.hub.clock() + ANSWER_SECONDS)

    def _ask_directory(self, ask: Callable[[], None], receive: Callable[[Refusal], None]) -> None:
        """Ask the directory. One that fails has refused, unless it has answered already."""
        try:
            ask()
        except Exception as error:  # it costs whoever asked this answer, and nobody else anything
            directory_failed.log_bug(error)
            receive(FAILED)

    def _refuse(self, frame: Alone | Join, refusal: Refusal) -> None:
        self._session.refuse(refusal.code, refusal.message, frame, retry_after=refusal.retry_after)

    def _release_all(self) -> None:
        self._session.intake.inbox.release_all()
        self._session.hub.note_waiting(self._session)


_TOO_LATE: Final = Refusal("unavailable", "there was no answer to this in time", 1.0)


def _invited(invitation: Invitation, frame: Invite) -> Invited:
    return Invited(
        invite=invitation.secret,
        links=invitation.links or None,
        seconds=invitation.seconds,
        token=frame.token,
    )
