"""What holds after every step, seen from inside: who waits for what, who counts where, who may be here.

Nothing here asks the directory or a room what it believes of itself: it is counted again from the sessions.
"""

from collections import Counter
from collections.abc import Iterable

from chatcore.names import fold
from chatcore.server.hub import Hub
from chatcore.server.room import Room
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.server.turns import turn_of
from chatcore.wire import Hangup
from tests.simulation.directory import SimDirectory
from tests.simulation.gate import SimGate
from tests.simulation.journal import SimJournal
from tests.simulation.step import expect

__all__ = ["judge_deadlines", "judge_step"]

_OPEN = (State.HANDSHAKE, State.LIVE)

_MOST = 16  # frames that wait for one room


def judge_step(
    hub: Hub, sessions: Iterable[Session], journal: SimJournal, directory: SimDirectory, gate: SimGate
) -> None:
    """Check everything that must hold between two steps."""
    sessions = list(sessions)
    for session in sessions:
        _judge_waiting(session)
        _judge_seat(session)
        _judge_rights(session, directory, gate)
    _judge_rooms(hub, sessions)
    _judge_loading(hub, sessions, journal)
    _judge_reserved(directory, gate)


def judge_deadlines(sessions: Iterable[Session], now: float) -> None:
    """Check, when nothing can happen at this time any more, that nobody has waited too long for an answer."""
    for session in sessions:
        due = session.pending.next_deadline()
        expect(due is None or due > now, session, "should have had an answer by", due, "and it is", now)
        due = session._handshake_deadline() if session.state is State.HANDSHAKE else None
        expect(due is None or due > now, session, "should have been let in by", due, "and it is", now)


# --- who waits -----------------------------------------------------------------------------------


def _judge_waiting(session: Session) -> None:
    pending, inbox = session.pending, session.intake.inbox
    holds_all = pending.says_hello or pending._alone is not None
    expect(session.state in _OPEN or not (holds_all or pending.joins), session, "asks, though it is over")
    expect(not pending.says_hello or session.state is State.HANDSHAKE, session, "says hello, and is in")
    expect(inbox._holds_all == holds_all, session, "lets everything wait, or not, without a reason")
    expect(inbox._rooms.keys() == pending._joins.keys(), session, "lets wait for", inbox._rooms.keys())
    for room, items in inbox._rooms.items():
        expect(len(items) <= _MOST, session, "lets too much wait for", room)
        expect(all(fold(getattr(item, "room", "")) == room for item in items), session, "holds", items)
    full = holds_all or any(len(items) >= _MOST for items in inbox._rooms.values())
    blocked = bool(inbox._items) and not isinstance(inbox._items[0], Hangup)
    called = session in session.hub._waiting  # by a thread of the journal, which leaves it to the transport
    expect(full or not blocked or called, session, "lets wait what need not:", inbox._items)
    expect(not called or _is_dirty(session), session, "can go on, and nobody is to serve it")
    expect(bool(inbox._rooms) or full or called or not inbox._items, session, "never ends:", inbox._items)
    over = session.state in (State.LINGERING, State.CLOSED)
    expect(over or not full or not session.want_data, session, "is read though much waits")


def _is_dirty(session: Session) -> bool:
    endpoint = session.endpoint
    return session in endpoint._dirty or endpoint._crowd.has(
        turn_of(session.peer, session.hub.limits), session
    )


# --- who is here ---------------------------------------------------------------------------------


def _judge_seat(session: Session) -> None:
    seat = session.seat
    expect((seat is None) == (session.state is State.HANDSHAKE) or session.state not in _OPEN, session, seat)
    if session.state is State.LIVE or session.members:
        expect(
            seat is not None and seat.session is session, session, "has no seat of its own any more:", seat
        )
        assert seat is not None
        expect(seat in seat.identity.seats, session, "has a seat that is forgotten:", seat)


def _judge_rights(session: Session, directory: SimDirectory, gate: SimGate) -> None:
    seat = session.seat
    if seat is None or seat.session is not session:
        return
    refusal = gate.may_stay(seat.person, session.peer)
    expect(refusal is None, session, "may not stay:", refusal)
    if not directory.is_being_renamed(seat.identity):
        expect(gate.may_call(seat.person, session.nick), session, "may not be called that")
    for room, member in session.members.items():
        expect(gate.may_join(seat.person, room) is None, session, "may not be in", room)
        muted = gate.is_muted(seat.person, room)
        expect(member.muted == muted, session, "may speak or not in", room, "and", muted)


def _judge_reserved(directory: SimDirectory, gate: SimGate) -> None:
    """Check that nothing is reserved for anybody who may not come."""
    for seat in directory.seats():
        if seat.session is None:
            expect(gate.may_stay(seat.person, seat.peer) is None, seat, "is reserved for", seat.person)
            if not directory.is_being_renamed(seat.identity):
                expect(gate.may_call(seat.person, seat.identity.nick), seat, "is reserved for", seat.person)


def _judge_rooms(hub: Hub, sessions: list[Session]) -> None:
    expected = Counter(
        request.room for session in sessions for request in session.pending._joins.values() if request.room
    )
    expect(all(hub.rooms.get(room.name) is room for room in expected), "a room is expected and is not in use")
    for room in hub.rooms.values():
        expect(room.in_use, room, "is not in use, and still there")
        expect(room._expected == expected[room], room, "expects", room._expected, "and not", expected[room])
        _judge_count(room, sessions)


def _judge_count(room: Room, sessions: list[Session]) -> None:
    here = [session for members in room.members.values() for session in members]
    inside = [session for session in sessions if room.name in session.members]
    expect(set(here) == set(inside) and len(here) == len(inside), room, "has", here, "and not", inside)
    expect(all(each.members[room.name].room is room for each in inside), "there are two of", room)
    people = {(each.seat.person.account, fold(each.nick)) for each in inside if each.seat}
    expect(room.count == len(people), room, "counts", room.count, "and not", people)


def _judge_loading(hub: Hub, sessions: list[Session], journal: SimJournal) -> None:
    limit, used = hub.limits.rooms, len(hub.rooms) + len(hub.rooms._loading)
    expect(limit is None or used <= limit, hub, "has more rooms than", limit)
    for session in sessions:
        most, rooms = hub.limits.rooms_per_session, len(session.members) + session.pending.joins
        expect(most is None or rooms <= most, session, "is in too many rooms:", rooms)
        for name, request in session.pending._joins.items():
            waits = name in hub.rooms._loading and session in hub.rooms._loading[name].waiting
            expect(waits or request.room is not None, session, "waits for nothing to enter", name)
    for name, loading in hub.rooms._loading.items():
        expect(name not in hub.rooms, "the room", name, "is loaded, and in use")
        expect(bool(loading.waiting), "nobody waits for the room", name)
        to_ask = [*loading.waiting, *hub._waiting]  # whoever asks need not be one that still waits
        asked = journal.loading[name] or any(session.intake.has_tasks for session in to_ask) or len(hub.reads)
        expect(bool(asked) or not journal.is_open, "the journal is not asked for the room", name)
        for session in loading.waiting:
            expect(name in session.pending._joins, session, "does not ask to enter", name)
