"""Questions whose answers can be large: who is in a room, and what was said before.

Everything here runs under the hub's lock, on behalf of one session.
"""

from typing import TYPE_CHECKING

from chatcore import journal
from chatcore.journal import Unavailable
from chatcore.messages import History, Members, Page, Who
from chatcore.names import fold
from chatcore.server.member import Member

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["answer", "ask", "is_answerable"]

_ENVELOPE = 1_024  # bytes of a line that are not for the list it carries
_NAME = 35  # bytes of a nick in a list: 32, two quotes and a comma


def ask(session: "Session", frame: History | Who) -> None:
    member = session.members.get(fold(frame.room))
    if member is None:
        token = frame.token if isinstance(frame, History) else None
        session.refuse("not_joined", "you are not in this room", room=fold(frame.room), id=token)
    elif isinstance(frame, History) and frame.before is not None and frame.after is not None:
        session.refuse(
            "bad_frame", "history has either before or after", room=fold(frame.room), id=frame.token
        )
    else:
        session.questions.append((frame, member.room.presence.flushes))
        session.endpoint.mark(session)


def is_answerable(session: "Session", frame: History | Who, flushes: int) -> bool:
    """Tell whether a question can be answered now, that was asked after so many flushes of presence.

    `Who` is answered as of the last flush: a net change leaves out who came and went, so it could not
    be applied to what was true in between. What has changed before the question is waited for.
    """
    member = session.members.get(fold(frame.room))
    if isinstance(frame, History) or member is None:
        return True
    presence = member.room.presence
    return not presence.pending or presence.flushes != flushes


def answer(session: "Session", frame: History | Who) -> None:
    """Answer a question whose turn has come."""
    member = session.members.get(fold(frame.room))
    if member is None:
        token = frame.token if isinstance(frame, History) else None
        session.refuse("not_joined", "you have left this room", room=frame.room, id=token)
    elif isinstance(frame, Who):
        _answer_who(session, member, frame)
    else:
        _answer_history(session, member, frame)


def _answer_who(session: "Session", member: Member, frame: Who) -> None:
    room = member.room
    fit = max((session.hub.limits.line_bytes - _ENVELOPE) // _NAME, 1)
    nicks, more = room.nicks(frame.after, fit)
    session.send(Members(room=room.name, nicks=tuple(nicks), count=room.told_count, more=more))


def _answer_history(session: "Session", member: Member, frame: History) -> None:
    hub, room, wire = session.hub, member.room, session.wire
    limits = hub.limits
    below, after = room.head + 1, frame.after
    if frame.epoch is not None and frame.epoch != room.epoch:
        after = None if after is None else 0  # numbers of another life mean nothing here
    elif frame.before is not None:
        below = min(frame.before, below)
    session.paging = True

    def deliver(page: journal.Page | Unavailable) -> None:
        with hub.lock:
            session.paging = False
            if isinstance(page, Unavailable):
                session.refuse(
                    "unavailable",
                    "the history cannot be read now",
                    room=room.name,
                    id=frame.token,
                    retry_after=page.retry_after,
                )
            else:
                head = Page(
                    room=room.name,
                    epoch=page.epoch,
                    base=page.base,
                    more=page.more,
                    token=frame.token,
                    messages=(),
                )
                session.send_encoded(wire.encode_page(head, [entry.data for entry in page.entries]))
        hub.wake_endpoints()

    session.chores.append(
        lambda: hub.journal.read(
            room.name,
            wire,
            deliver,
            after=after,
            before=below,
            limit=min(frame.limit or limits.page_messages, limits.page_messages),
            max_bytes=limits.line_bytes - _ENVELOPE,
        )
    )
