"""What becomes of a post: it is submitted to the journal or refused, and its sender's order is kept.

Everything here runs under the hub's lock, on behalf of one session.
"""

from typing import TYPE_CHECKING

from chatcore.errors import ErrorCode
from chatcore.journal import Draft, Outcome
from chatcore.messages import Post
from chatcore.names import fold
from chatcore.server.member import Held, Member

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["post", "refuse_draft"]


def post(session: "Session", frame: Post, now: float) -> None:
    """Submit a post, or refuse it."""
    member = session.members.get(frame.room) or session.members.get(fold(frame.room))
    if member is None:
        _refuse_stranger(session, frame, now)
        return
    held = member.held
    place = session.next_place() if held is None else held.place
    if held is not None and held.id != frame.id:
        session.refuse(
            held.code,
            "an earlier post was refused and comes first",
            room=member.room.name,
            id=frame.id,
            retry_after=max(held.until - now, 0.0),
        )
    elif wait := session.take_token(now):
        _hold(session, member, frame.id, place, "rate_limited", wait)
        session.refuse(
            "rate_limited", "not sent: too many frames", room=frame.room, id=frame.id, retry_after=wait
        )
    else:
        member.held = None
        _submit(session, member, frame, place)


def _refuse_stranger(session: "Session", frame: Post, now: float) -> None:
    if wait := session.take_token(now):
        session.refuse("rate_limited", "too many frames", room=frame.room, id=frame.id, retry_after=wait)
    else:
        code: ErrorCode = "not_joined" if session.identity else "bad_state"
        session.refuse(code, "join the room before you post to it", room=frame.room, id=frame.id)


def _submit(session: "Session", member: Member, frame: Post, place: int) -> None:
    if _utf8_longer_than(frame.text, session.hub.limits.text_bytes):
        session.refuse("too_long", "not sent: the text is too long", room=frame.room, id=frame.id)
        return
    if not session.wire.typed:
        member.withhold(frame.id)
    session.in_flight += 1
    session.drafts.append((Draft(member.room.name, frame.id, session.nick, frame.text), place))


def refuse_draft(session: "Session", draft: Draft, place: int, outcome: Outcome) -> None:
    """Tell the sender that a post was not taken."""
    member = session.members.get(draft.room)
    if member is not None:
        member.release(draft.id)
    if outcome.kind == "conflict":
        session.refuse("conflict", "this id belongs to another text", room=draft.room, id=draft.id)
    else:
        wait = outcome.retry_after
        if member is not None:
            _hold(session, member, draft.id, place, "unavailable", wait)
        message = "not sent: it cannot be stored now"
        session.refuse("unavailable", message, room=draft.room, id=draft.id, retry_after=wait)


def _hold(session: "Session", member: Member, id_: str, place: int, code: ErrorCode, wait: float) -> None:
    # What is refused now will be sent again; until it is, nothing of the same sender may overtake it.
    held = member.held
    if session.wire.typed and (held is None or place <= held.place):
        member.held = Held(id_, code, session.hub.clock() + wait, place)


def _utf8_longer_than(text: str, size: int) -> bool:
    return len(text) > size or (len(text) * 4 > size and len(text.encode()) > size)
