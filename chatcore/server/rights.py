"""What it means for a session when a gate has changed its mind.

A right is checked when somebody enters, and again here: whoever has lost it is put out immediately, and told
why. So being in a room is the right to read it, and nothing has to be asked for a message; nor for a post,
since a member knows whether it is muted. Under the hub's lock.
"""

from typing import TYPE_CHECKING, Final

from chatcore.gate import Refusal
from chatcore.messages import ClosingWord
from chatcore.server.directory import Seat
from chatcore.server.guarded_gate import GuardedGate

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["revise"]

_OUT_OF_NICK: Final[dict[str, ClosingWord]] = {"unavailable": "drain"}
_OUT: Final[dict[str, ClosingWord]] = {"unavailable": "drain", "forbidden": "banned"}
"""The reason to end a session, by the code of a refusal: ``drain`` lets it come back."""


def revise(session: "Session") -> None:
    """Ask the gate again whether a session may stay, in which rooms, and whether it may speak there."""
    seat, gate = session.seat, session.hub.gate
    if seat is None or seat.session is not session:
        return
    if out := _why_out(gate, seat):
        reason, refusal = out
        if reason == "banned":
            session.refuse(refusal.code, refusal.message, retry_after=refusal.retry_after)
        session.end(reason)
        session.vacate(seat, reserve=False)
        return
    for member in list(session.members.values()):
        if gate.may_join(seat.person, member.room.name):
            session.expel(member)
        else:
            muted = gate.is_muted(seat.person, member.room.name)
            if muted != member.muted:
                member.mute(muted)


def _why_out(gate: GuardedGate, seat: Seat) -> tuple[ClosingWord, Refusal] | None:
    if refusal := gate.may_stay(seat.person, seat.peer):
        return _OUT.get(refusal.code, "revoked"), refusal
    if refusal := gate.nick_refusal(seat.person, seat.identity.nick):
        return _OUT_OF_NICK.get(refusal.code, "revoked"), refusal
    return None
