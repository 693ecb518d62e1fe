"""What it means for a session when a gate has changed its mind.

A right is checked when somebody enters, and again here: whoever has lost it is put out immediately. So being
in a room is the right to read it, and nothing has to be asked for a message. Under the hub's lock.
"""

from typing import TYPE_CHECKING

from chatcore.gate import Gate
from chatcore.messages import ClosingWord
from chatcore.server.directory import Seat

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["revise"]


def revise(session: "Session") -> None:
    """Ask the gate again whether a session may stay, and in which rooms."""
    seat, gate = session.seat, session.hub.gate
    if seat is None or seat.session is not session:
        return
    if reason := _why_out(gate, seat):
        session.end(reason)
        session.vacate(seat, reserve=False)
        return
    for member in list(session.members.values()):
        if gate.may_join(seat.person, member.room.name):
            session.expel(member)


def _why_out(gate: Gate, seat: Seat) -> ClosingWord | None:
    if refusal := gate.may_stay(seat.person, seat.peer):
        return "banned" if refusal.code == "forbidden" else "revoked"
    return None if gate.may_call(seat.person, seat.identity.nick) else "revoked"
