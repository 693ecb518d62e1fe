"""The answer to one `Search`: what the journal finds in the rooms that a session is in.

- A search costs as much as `TOKENS` frames, or all that may come together, if that is less.
- A session is in a room, or hears nothing of it: that is checked when it asks and when it is answered.
- No result is one that the room has not shown yet.
- Journals search beside their reads, so whoever catches up waits for no search.
- A journal has `ON_THE_WAY` searches at a time, each of another address; the rest wait here, and addresses
  have turns. `WAITING` may wait, `OF_ONE_ADDRESS` of one address; more are refused for now.
- If all are taken, an address that has few gets one of the address that has most: the newest one that waits
  there is refused instead. So a few addresses never keep the others from searching.

Everything here runs under the hub's lock.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatcore.errors import ErrorCode
from chatcore.fields import SEQ_MAX
from chatcore.journal import Stored, Unavailable
from chatcore.journal.search import (
    END_OF_TIME,
    Answer,
    Hits,
    SearchCursor,
    SearchRequest,
    Unsearchable,
    search,
)
from chatcore.journal.times import milliseconds
from chatcore.messages import Found, Search
from chatcore.names import fold
from chatcore.server.pages import RETRY_SECONDS
from chatcore.server.states import OPEN, OVER
from chatcore.server.turns import Turns, turn_of
from chatcore.terms import Item, parse_query

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["TOKENS", "Searcher", "Searches"]

TOKENS = 10
"""Frames of the allowance that a search costs: it may take as long as so many pages."""

LINES = 80
"""Lines that it costs its address, for the same reason."""

ON_THE_WAY = 2
"""Searches that a journal has at a time: the second one is ready when the first is answered."""

WAITING = 64
"""Searches that may wait or be on their way together."""

OF_ONE_ADDRESS = 16
"""Those of one address."""

LIMIT = 50
"""Results in one answer, if it was not asked for another number."""

_ENVELOPE = 1_024
"""Bytes of a line that are not for messages."""


class Searches:
    """The searches of all sessions of a hub: those that wait, and how many are on their way."""

    __slots__ = ("_of_address", "_on_the_way", "_waiting")

    def __init__(self) -> None:
        self._of_address: Counter[Hashable] = Counter()  # of all
        self._on_the_way: set[Hashable] = set()  # addresses
        self._waiting: Turns[Searcher] = Turns()

    def __len__(self) -> int:
        return self._of_address.total()

    def put(self, search: "Searcher") -> bool:
        """Have a search begin, now or in its turn; return false if too many wait."""
        if self._of_address[search.address] >= OF_ONE_ADDRESS:
            return False
        if len(self) >= WAITING and not self._make_space(search.address):
            return False
        self._of_address[search.address] += 1
        self._waiting.add(search.address, search)
        self._begin_next()
        return True

    def finish(self, search: "Searcher") -> None:
        """Note that a search is answered."""
        self._on_the_way.discard(search.address)
        self._forget(search)
        self._begin_next()

    def _make_space(self, address: Hashable) -> bool:
        """Refuse a search of the address that has most, if it still has no fewer than this one then."""
        most = max(self._of_address, key=self._of_address.__getitem__)
        if self._of_address[address] + 1 >= self._of_address[most]:
            return False
        search = self._waiting.take_last(most)
        if search is None:
            return False
        self._forget(search)
        search.give_way()
        return True

    def _begin_next(self) -> None:
        while len(self._on_the_way) < ON_THE_WAY and (search := self._waiting.take(self._may_begin)):
            if search.is_wanted:
                self._on_the_way.add(search.address)
                search.begin()
            else:
                self._forget(search)

    def _may_begin(self, search: "Searcher") -> bool:
        return search.address not in self._on_the_way

    def _forget(self, search: "Searcher") -> None:
        self._of_address[search.address] -= 1
        self._of_address += Counter()  # without those that have none


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Results, each with what its wire makes of it, and the epoch that they are of."""

    epoch: str
    hits: list[tuple[Stored, bytes]]
    cursor: SearchCursor | None


class Searcher:
    """One search, while it is being answered. ``finish`` is called when that is over."""

    def __init__(self, session: "Session", frame: Search, finish: Callable[[], None]) -> None:
        self._session = session
        self._frame = frame
        self._finish = finish
        self._asked: tuple[tuple[Item, ...], SearchCursor | None] = ((), None)  # once it is understood
        self.address = turn_of(session.peer, session.hub.limits)

    @property
    def is_wanted(self) -> bool:
        """Whether there is still somebody to be answered."""
        return self._session.state not in OVER

    @property
    def _has_left(self) -> bool:
        """Whether it is no longer where it wants to search: a session that ends has left all rooms."""
        room = self._frame.room
        return self._session.state not in OPEN if room is None else fold(room) not in self._session.members

    def ask(self) -> None:
        """Ask the journal, or refuse."""
        frame = self._frame
        try:
            items = parse_query(frame.query) if frame.query is not None else ()
        except ValueError as error:
            self._refuse("bad_text", str(error))
            return
        try:
            cursor = None if frame.cursor is None else SearchCursor.parse(frame.cursor)
        except ValueError:
            self._refuse("bad_frame", "this is no cursor of a search")
            return
        if self._has_left:
            self._refuse("not_joined", "you have left")
        else:
            self._put(items, cursor)

    def begin(self) -> None:
        """Ask the journal: its turn has come."""
        request = self._request(*self._asked)
        self._session.intake.ask_journal(
            lambda journal, deliver: search(journal, request, self._encoding(deliver)), self._receive
        )

    def give_way(self) -> None:
        """Refuse what has waited for its turn."""
        if self.is_wanted:
            self._refuse_for_now()
        else:
            self._finish()

    def _put(self, items: tuple[Item, ...], cursor: SearchCursor | None) -> None:
        self._asked = items, cursor
        if self._session.hub.searches.put(self):
            self._session.inflow.charge(LINES)
        else:
            self._refuse_for_now()

    def _refuse_for_now(self) -> None:
        self._refuse("unavailable", "too many are searching now", RETRY_SECONDS)

    def _request(self, items: tuple[Item, ...], cursor: SearchCursor | None) -> SearchRequest:
        frame, limits = self._frame, self._session.hub.limits
        return SearchRequest(
            rooms=self._rooms(),
            items=items,
            nick=None if frame.nick is None else fold(frame.nick),
            since=-END_OF_TIME if frame.after_at is None else milliseconds(frame.after_at) * 1_000,
            until=END_OF_TIME if frame.before_at is None else milliseconds(frame.before_at) * 1_000,
            cursor=cursor,
            limit=frame.limit or LIMIT,
            max_bytes=limits.line_bytes - _ENVELOPE,
        )

    def _rooms(self) -> dict[str, tuple[int, int]]:
        frame, members = self._frame, self._session.members
        names = [name for name in members if frame.room is None or name == fold(frame.room)]
        after = frame.after or 0
        before = SEQ_MAX + 1 if frame.before is None else frame.before
        return {name: (after, min(before, members[name].room.head + 1)) for name in names}

    def _encoding(self, deliver: "Callable[[_Answer], None]") -> Callable[[Answer], None]:
        """Return what encodes an answer before the lock is taken. What is damaged is left out."""
        wire = self._session.wire

        def encode(answer: Answer) -> None:
            if not isinstance(answer, Hits):
                deliver(answer)
                return
            hits = list[tuple[Stored, bytes]]()
            for stored in answer.messages:
                try:
                    hits.append((stored, wire.encode_stored(stored)))
                except ValueError:  # the journal has not noticed
                    continue
            deliver(_Encoded(answer.epoch, hits, answer.cursor))

        return encode

    def _receive(self, answer: "_Answer") -> None:
        session = self._session
        session.hub.searches.finish(self)
        if session.state in OVER:
            self._finish()
        elif isinstance(answer, Unsearchable):
            self._refuse("unavailable", answer.words)
        elif isinstance(answer, Unavailable):
            self._refuse("unavailable", "the search is not available now", answer.retry_after)
        elif self._has_left:
            self._refuse("not_joined", "you have left")
        else:
            self._send(answer)

    def _send(self, answer: _Encoded) -> None:
        session, frame = self._session, self._frame
        members = session.members
        hits = [
            data
            for stored, data in answer.hits
            if (member := members.get(stored.room)) is not None and member.room.epoch == answer.epoch
        ]
        cursor = None if answer.cursor is None else str(answer.cursor)
        room = None if frame.room is None else fold(frame.room)
        head = Found(room=room, cursor=cursor, token=frame.token, messages=())
        session.send_encoded(session.codec.encode_page(head, hits))
        self._finish()

    def _refuse(self, code: ErrorCode, words: str, retry_after: float | None = None) -> None:
        self._session.refuse(code, words, self._frame, retry_after=retry_after)
        self._finish()


_Answer = _Encoded | Unavailable | Unsearchable
