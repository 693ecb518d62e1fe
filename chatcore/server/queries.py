"""What a client has asked whose answer can be large: who is in a room, and what was said before.

- Queries wait as themselves until all other answers are written. So a peer that asks and does not read costs
  what it sent, not what it asked for.
- They are answered one at a time, in the order in which they were asked. A page of history that is on its way
  from the journal holds up the rest.
- `Who` is answered as of the last flush of presence: a net change leaves out who came and went, so it could
  not be applied to what was true in between. What changed before the question is waited for.

Everything here runs under the hub's lock.
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chatcore import journal
from chatcore.journal import Unavailable
from chatcore.messages import History, Members, Page, PageGap, Who
from chatcore.names import fold
from chatcore.server.member import Member
from chatcore.server.pages import EncodedPage, encoding

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Queries", "Query"]

_ENVELOPE = 1_024
"""Bytes of a line that are not for the list it carries."""

_NAME = 35
"""Bytes of a nick in a list: 32, two quotes and a comma."""


class Query(NamedTuple):
    """A question, and how often its room's presence had been flushed when it was asked."""

    frame: History | Who
    flushes: int


class Queries:
    """The queries of one session. ``waiting`` holds those that are not being answered yet."""

    __slots__ = ("_session", "paging", "waiting")

    def __init__(self, session: "Session") -> None:
        self.waiting: list[Query] = []
        self.paging = False  # a page of history is on its way from the journal
        self._session = session

    def ask(self, frame: History | Who) -> None:
        """Take a question, or refuse it."""
        session = self._session
        member = session.members.get(fold(frame.room))
        if member is None:
            session.refuse("not_joined", "you are not in this room", frame)
        elif isinstance(frame, History) and frame.before is not None and frame.after is not None:
            session.refuse("bad_frame", "history takes before or after, not both", frame)
        else:
            self.waiting.append(Query(frame, member.room.presence.flushes))
            session.endpoint.mark(session)

    def answer_next(self) -> bool:
        """Begin to answer the next query, if its turn has come; return whether it has."""
        if self.paging or not self.waiting or not self._is_answerable(self.waiting[0]):
            return False
        self._answer(self.waiting.pop(0).frame)
        return True

    def _is_answerable(self, query: Query) -> bool:
        member = self._session.members.get(fold(query.frame.room))
        if isinstance(query.frame, History) or member is None:
            return True
        presence = member.room.presence
        return not presence.pending or presence.flushes != query.flushes

    def _answer(self, frame: History | Who) -> None:
        member = self._session.members.get(fold(frame.room))
        if member is None:
            self._session.refuse("not_joined", "you have left this room", frame)
        elif isinstance(frame, Who):
            self._answer_who(member, frame)
        else:
            self._answer_history(member, frame)

    def _answer_who(self, member: Member, frame: Who) -> None:
        room = member.room
        fit = max((self._session.hub.limits.line_bytes - _ENVELOPE) // _NAME, 1)
        nicks, more = room.nicks(frame.after, fit)
        self._session.send(Members(room=room.name, nicks=tuple(nicks), count=room.flushed_count, more=more))

    def _answer_history(self, member: Member, frame: History) -> None:
        session, room = self._session, member.room
        limits = session.hub.limits
        before, after = room.head + 1, frame.after
        if frame.epoch is not None and frame.epoch != room.epoch:
            after = None if after is None else 0  # numbers of another epoch mean nothing here
        elif frame.before is not None:
            before = min(frame.before, before)
        self.paging = True
        session.intake.ask_journal(
            lambda store, deliver: store.read(
                room.name,
                encoding(session.wire, deliver),
                after=after,
                before=before,
                limit=min(frame.limit or limits.page_messages, limits.page_messages),
                max_bytes=limits.line_bytes - _ENVELOPE,
            ),
            partial(self._receive_page, frame, room.name, after),
        )

    def _receive_page(
        self, frame: History, room: str, after: int | None, answer: EncodedPage | Unavailable
    ) -> None:
        session = self._session
        self.paging = False
        if isinstance(answer, Unavailable):
            words = "the history is not available now"
            session.refuse("unavailable", words, frame, retry_after=answer.retry_after)
            return
        page = answer.page
        head = Page(
            room=room,
            epoch=page.epoch,
            base=page.base,
            more=page.more,
            token=frame.token,
            gaps=(*_expired(page, after), *page.gaps) or None,
            messages=(),
        )
        session.send_encoded(session.codec.encode_page(head, answer.data))


def _expired(page: journal.Page, after: int | None) -> tuple[PageGap, ...]:
    """Return what of a request has expired: what lies between its lower bound and the page."""
    start = after if after is not None else page.base if page.more else 0
    return (PageGap(after=start, through=page.base, reason="expired"),) if page.base > start else ()
