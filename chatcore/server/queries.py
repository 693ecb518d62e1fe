"""What a client has asked whose answer can be large: members, pages of history, rooms, and what is found.

- Queries wait as themselves until all other answers are written. So a peer that asks and does not read costs
  what it sent, not what it asked for.
- They are answered one at a time, in the order in which they were asked. A page that is on its way from the
  journal holds up the rest.
- A page is of the log that was asked about: if that was replaced meanwhile, it is asked for again.
- Who has left a room, or was put out of it, meanwhile gets nothing of it.
- `Who` is answered as of the last flush of presence: a net change leaves out who came and went, so it could
  not be applied to what was true in between. What changed before the question is waited for.

Everything here runs under the hub's lock.
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chatcore import journal
from chatcore.journal import Unavailable
from chatcore.messages import History, Members, Page, PageGap, Rooms, Search, Who
from chatcore.names import fold
from chatcore.server.member import Member
from chatcore.server.pages import RETRY_SECONDS, EncodedPage, encoding
from chatcore.server.room_list import RoomLister
from chatcore.server.searches import Searcher
from chatcore.server.states import State

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["LISTED_PER_LINE", "Queries", "Query"]

_ENVELOPE = 1_024
"""Bytes of a line that are not for the list it carries."""

_NAME = 35
"""Bytes of a nick in a list: 32, two quotes and a comma."""

LISTED_PER_LINE = 64
"""Nicks that are listed in the time in which a line is decoded."""


Query = History | Who | Rooms | Search


class _Asked(NamedTuple):
    """A query, and how often its room's presence had been flushed when it was asked."""

    frame: Query
    flushes: int


class Queries:
    """The queries of one session. ``waiting`` holds those that are not being answered yet."""

    __slots__ = ("_session", "paging", "waiting")

    def __init__(self, session: "Session") -> None:
        self.waiting: tuple[_Asked, ...] = ()
        self.paging = False  # a page is on its way from the journal
        self._session = session

    def ask(self, frame: Query) -> None:
        """Take a query, or refuse it."""
        session = self._session
        room = None if isinstance(frame, Rooms) else frame.room
        member = None if room is None else session.members.get(fold(room))
        if problem := _problem(frame):
            session.refuse("bad_frame", problem, frame)
        elif member is None and room is not None:
            session.refuse("not_joined", "you are not in this room", frame)
        else:
            self.waiting += (_Asked(frame, member.room.presence.flushes if member else 0),)
            session.endpoint.mark(session)

    def answer_next(self) -> bool:
        """Begin to answer the next query, if its turn has come; return whether it has."""
        if self.paging or not self.waiting or not self._is_answerable(self.waiting[0]):
            return False
        asked, *rest = self.waiting
        self.waiting = tuple(rest)
        self._answer(asked.frame)
        return True

    def _is_answerable(self, asked: _Asked) -> bool:
        if not isinstance(asked.frame, Who):
            return True
        member = self._session.members.get(fold(asked.frame.room))
        if member is None:
            return True
        presence = member.room.presence
        return not presence.pending or presence.flushes != asked.flushes

    def _answer(self, frame: Query) -> None:
        if isinstance(frame, Rooms | Search):
            self.paging = True
            if isinstance(frame, Rooms):
                RoomLister(self._session, frame, self._finish).ask()
            else:
                Searcher(self._session, frame, self._finish).ask()
            return
        member = self._session.members.get(fold(frame.room))
        if member is None:
            self._refuse_left(frame)
        elif isinstance(frame, Who):
            self._answer_who(member, frame)
        else:
            self._answer_history(member, frame)

    def _finish(self) -> None:
        self.paging = False

    def _refuse_left(self, frame: History | Who) -> None:
        self._session.refuse("not_joined", "you have left this room", frame)

    def _answer_who(self, member: Member, frame: Who) -> None:
        room = member.room
        fit = max((self._session.hub.limits.line_bytes - _ENVELOPE) // _NAME, 1)
        nicks, more = room.nicks(frame.after, fit)
        self._session.inflow.charge(1 + len(nicks) // LISTED_PER_LINE)
        self._session.send(Members(room=room.name, nicks=tuple(nicks), count=room.flushed_count, more=more))

    def _answer_history(self, member: Member, frame: History) -> None:
        session, room = self._session, member.room
        limits = session.hub.limits
        before, after = room.head + 1, frame.after  # never what was not shown yet
        if frame.epoch is not None and frame.epoch != room.epoch:
            after = None if after is None else 0  # numbers of another epoch mean nothing here
        elif frame.before is not None:
            before = min(frame.before, before)
        self.paging = True
        session.intake.read_journal(
            lambda store, deliver: store.read(
                room.name,
                encoding(session.wire, deliver),
                after=after,
                before=before,
                after_at=frame.after_at,
                before_at=frame.before_at,
                limit=min(frame.limit or limits.page_messages, limits.page_messages),
                max_bytes=limits.line_bytes - _ENVELOPE,
            ),
            partial(self._receive_page, frame, room.epoch, after, before),
            lambda: session.state is not State.CLOSED,
        )

    def _receive_page(
        self,
        frame: History,
        epoch: str,
        after: int | None,
        before: int,
        answer: EncodedPage | Unavailable,
    ) -> None:
        session, member = self._session, self._session.members.get(fold(frame.room))
        self._finish()
        if member is None:  # it has left, or was put out, while this was on its way
            self._refuse_left(frame)
        elif isinstance(answer, Unavailable):
            self._refuse_page(frame, answer.retry_after)
        elif member.room.epoch != epoch:  # the log was replaced, and its numbers mean something else
            self._answer_history(member, frame)
        elif answer.page.epoch != epoch:  # the log is being replaced
            self._refuse_page(frame, RETRY_SECONDS)
        else:
            page = answer.page
            base, expired = _expired(page, frame, after, before)
            head = Page(
                room=member.room.name,
                epoch=page.epoch,
                base=base,
                more=page.more,
                token=frame.token,
                gaps=(*expired, *page.gaps) or None,
                messages=(),
            )
            session.send_encoded(session.codec.encode_page(head, answer.data))

    def _refuse_page(self, frame: History, retry_after: float) -> None:
        words = "the history is not available now"
        self._session.refuse("unavailable", words, frame, retry_after=retry_after)


def _problem(frame: Query) -> str | None:
    """Return in words what is wrong with the fields of a query together."""
    if isinstance(frame, Search):
        if frame.query is None and frame.nick is None:
            return "a search has a query, a nick or both"
        if frame.room is None and not (frame.after is None and frame.before is None):
            return "numbers belong to a room: name it, or search by time"
    elif isinstance(frame, History):
        lower = frame.after is not None and frame.after_at is not None
        if lower or (frame.before is not None and frame.before_at is not None):
            return "history takes one lower bound and one upper bound"
    return None


def _expired(
    page: journal.Page, frame: History, after: int | None, before: int
) -> tuple[int, tuple[PageGap, ...]]:
    """Return the base of a page, and what of a request has expired: from its lower bound up to there."""
    base = page.base
    if after is not None:
        start = after
    elif frame.after_at is None:
        start = base if page.more else 0
    else:  # it asked for less, if anything before the page is stored; an empty one may begin too late
        base = min(base, max(before - 1, 0))
        start = 0 if page.oldest is not None and base <= page.oldest else base
    return base, (PageGap(after=start, through=base, reason="expired"),) if base > start else ()
