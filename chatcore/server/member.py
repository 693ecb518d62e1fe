"""A member of a room: a cursor into its log.

The rules that keep a reader from missing or repeating anything all live in this file:

- ``position`` is the ``seq`` up to which everything was handed out. It moves only with what is handed out,
  or will be before anything else: a piece of the tail, a page, or a gap.
- The cursor reads the tail from ``index`` where the tail holds the successor of ``position``, and pages of
  the journal where it does not.
- While its socket takes every piece whole, what it has not been handed stays in the tail: `needs_tail`.
- A page is asked for after ``position`` and up to the room's head of that moment, never beyond: what is not
  delivered yet comes through the tail.
- An answer of the journal counts only for the ticket that it was asked with. Leaving, and a new epoch, take
  the ticket away; what the journal has not been asked yet, it is not asked then.

All methods run under the hub's lock.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

from chatcore.journal import Place, Unavailable
from chatcore.messages import Act, Gap, GapReason, Join, Joined, Moderated
from chatcore.server.pages import RETRY_SECONDS, EncodedPage, encoding
from chatcore.server.reads import LINES

if TYPE_CHECKING:
    from chatcore.server.room import Room
    from chatcore.server.session import Session

__all__ = ["Member"]

_CATCHING_UP = -1
"""An index that no tail has: this cursor reads pages."""

PAGE_BYTES = 128 * 1024
"""Bytes of one page for a reader that catches up."""

REACH_SECONDS = 5.0
"""How long a join waits for a position that the log has, but that has not come here yet."""

_seq = itemgetter(0)
_through = attrgetter("through")


class Member:
    """One session's membership of one room.

    It owns its cursor, its catching up, and what is withheld from it. ``joined`` is false until the
    answer to the join is on its way: nothing else is handed out before. Whoever is ``muted`` may only read.
    ``handed`` is how many messages the piece has that was handed out last.
    """

    __slots__ = (
        "_joining",
        "_last",
        "_own",
        "_pending",
        "_pending_count",
        "_presence_seen",
        "_ticket",
        "handed",
        "index",
        "joined",
        "muted",
        "position",
        "retry_at",
        "room",
        "session",
        "tail",
    )

    def __init__(self, room: "Room", session: "Session") -> None:
        self.room = room
        self.session = session
        self.tail = room.tail(session.wire)
        self.joined = False
        self.muted = False
        self.index = _CATCHING_UP
        self.position = 0
        self.retry_at: float | None = None  # when a page is asked for again that could not be read
        self._joining: Join | None = None  # this waits until it is known where reading begins
        self._ticket: object | None = None  # of a page that is on its way
        self._last: int | None = None  # the last position that this reader wants
        self._presence_seen = room.presence.number
        self._own: set[str] | None = None  # ids of its own posts that it is not handed
        self._pending = b""
        self._pending_count = 0  # messages in that
        self.handed = 0

    def mute(self, muted: bool) -> None:
        """Let it only read, or speak again; it is told if it is inside, and otherwise once it is."""
        self.muted = muted
        if self.joined:
            self._tell_mute()

    def _tell_mute(self) -> None:
        identity = self.session.identity
        if identity is not None:
            act: Act = "mute" if self.muted else "lift"
            self.session.send(Moderated(act=act, room=self.room.name, nick=identity.nick))

    # --- where reading begins and ends -----------------------------------------------------------

    def begin(self, join: Join) -> None:
        """Begin to read where a join asks to, and answer it; with ``history``, once that is found."""
        room, after = self.room, join.after
        if after is None and not join.history:
            self._begin_after(room.head)
        elif after is None:
            self._seek(join, None)
        elif after.epoch != room.epoch:
            self._begin_anew(join)
        elif after.seq <= room.head:
            self._begin_at(join, after.seq)
        else:
            self._reach(join, after.seq)

    def restart(self) -> None:
        """Begin again in a new epoch: at its start, or where a join asks to that still waits."""
        self.tail = self.room.tail(self.session.wire)
        joining = self._joining
        self._joining = self._ticket = self.retry_at = None
        if self._last is not None:
            self._last = self.room.head
        if joining is None:
            self._begin_at_start()
        else:
            self.begin(joining)

    def stop_at_head(self) -> None:
        """Want nothing that comes after the room's head of now, but for `read_through`."""
        self._last = self.room.head

    def read_through(self, seq: int) -> None:
        """Want what comes up to a message as well: one of its own that was on its way, and is stored now."""
        if self._last is not None:
            self._last = max(self._last, min(seq, self.room.head))

    def end(self) -> None:
        """Hand out nothing more; what is on its way is for nobody now."""
        self.joined = False
        self._joining = self._ticket = self.retry_at = None
        self.index = _CATCHING_UP
        self._hold(b"")

    def _begin_at(self, join: Join, position: int) -> None:
        """Continue after a position of this epoch, with as many messages at most as the join asks for."""
        if join.history is None:
            self._begin_after(position)
        else:
            self._seek(join, position)

    def _begin_anew(self, join: Join) -> None:
        """Begin at the start, since the position of the join means nothing here."""
        if join.history is None:
            self._begin_at_start()
        else:
            self._seek(join, 0, is_new=True)

    def _begin_at_start(self) -> None:
        self._hold(self._gap(0, 0, "reset"))
        self._begin_after(0)

    def _begin_later(self, position: int, place: Place, *, is_new: bool) -> None:
        """Begin after a position, and leave out what is stored up to a place."""
        if is_new:
            self._hold(self._gap(0, 0, "reset"))
        expired = max(position, min(place.oldest, place.position))
        if expired > position:
            self._pending += self._gap(position, expired, "expired")
        if place.position > expired:
            self._pending += self._gap(expired, place.position, "skipped", place.skipped)
        self._begin_after(position)
        self._move(max(position, place.position))

    def _begin_after(self, position: int) -> None:
        is_new, self.joined = not self.joined, True
        self._move(position)
        room = self.room
        self.session.send(
            Joined(room=room.name, epoch=room.epoch, head=room.head, after=position, count=room.count)
        )
        if is_new and self.muted:
            self._tell_mute()

    def _reach(self, join: Join, seq: int) -> None:
        """Begin after a position that is not here yet; the log itself may end before it."""
        session, room = self.session, self.room
        ticket = self._ticket = object()
        self._joining = join
        self._retry_after(REACH_SECONDS)

        def receive(reached: bool | Unavailable) -> None:
            if self._ticket is not ticket:
                return
            self._joining = self._ticket = self.retry_at = None
            if reached is False:
                self._begin_anew(join)
            elif isinstance(reached, Unavailable) or seq > room.head:
                self._refuse_join(join, getattr(reached, "retry_after", RETRY_SECONDS))
            else:
                self._begin_at(join, seq)

        session.inflow.charge(LINES)
        session.intake.ask_journal(lambda journal, deliver: journal.reach(room.name, seq, deliver), receive)

    def _refuse_join(self, join: Join, retry_after: float) -> None:
        self.session.leave(self)
        words = "the history is not available now"
        self.session.refuse("unavailable", words, join, retry_after=retry_after)

    def _seek(self, join: Join, position: int | None, *, is_new: bool = False) -> None:
        """Find where the last messages begin that a join asks for, and begin there.

        With a position, begin after that, and leave out what lies between the two. It is new if it is not
        the one that was asked for.
        """
        session, room = self.session, self.room
        back = min(join.history or 0, session.hub.limits.page_messages)
        before, ticket = room.head + 1, object()
        self._joining, self._ticket = join, ticket

        def receive(place: Place | Unavailable) -> None:
            if self._ticket is not ticket:
                return
            self._joining = self._ticket = None
            if isinstance(place, Unavailable):
                self._refuse_join(join, place.retry_after)
            elif place.epoch != room.epoch:  # the log is being replaced
                self._refuse_join(join, RETRY_SECONDS)
            elif position is None:
                self._begin_after(place.position)
            else:
                self._begin_later(position, place, is_new=is_new)

        session.intake.read_journal(
            lambda journal, deliver: journal.seek(room.name, back, before, deliver, after=position or 0),
            receive,
            lambda: self._ticket is ticket,
        )

    # --- what is withheld ------------------------------------------------------------------------

    def withhold(self, id_: str) -> None:
        """Do not hand out a post of one's own, on a wire that does not give them back."""
        if self._own is None:
            self._own = set()
        self._own.add(id_)

    def release(self, id_: str) -> None:
        """Take that back: the post is not stored."""
        if self._own is not None:
            self._own.discard(id_)

    @property
    def withholds(self) -> bool:
        """Whether there is something that it is not handed out."""
        return bool(self._own)

    # --- output ----------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether everything that this reader wants was handed out, if there is an end to that."""
        return self.joined and self._last is not None and self.position >= self._last and not self._pending

    @property
    def needs_tail(self) -> bool:
        """Whether the tail has to hold what comes next here, since nothing keeps this member from it."""
        session = self.session
        if self.index < self.tail.start or not session.takes_everything:
            return False
        return not self.finished or session.posts.in_flight > 0  # then it may want more: `read_through`

    @property
    def has_more(self) -> bool:
        """Whether something may be left to be handed out, or to be asked for."""
        return (
            self.index != self.tail.end
            or bool(self._pending)
            or self._presence_seen != self.room.presence.number
        )

    def next_piece(self) -> bytes:
        """Hand out the next piece; nothing if there is none, or if it has to be read first."""
        if self._pending:
            data, self.handed = self._pending, self._pending_count
            self._hold(b"")
            return data
        self.handed = 0
        presence = self.room.presence
        if self._presence_seen != presence.number and self.joined:
            data = presence.since(self._presence_seen, self.tail.wire)
            self._presence_seen = presence.number
            if data:
                return data
        tail = self.tail
        while tail.start <= self.index < tail.end and (self._last is None or not self.finished):
            first = self.index
            piece = tail.piece(first)
            self.index = piece.end
            self.position = piece.through
            if not self._own:
                self.handed = piece.end - first
                return piece.data
            if others := self._without_own(tail.ids(first, piece.end), tail.encoded(first, piece.end)):
                self.handed = len(others)
                return tail.wire.join(others)
        if self.index < tail.start:
            self.index = _CATCHING_UP
        return b""

    # --- catching up -----------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Ask the journal for what comes next, if that is not in the tail and not on its way."""
        if not self.joined or self.index != _CATCHING_UP or self._ticket is not None or self._pending:
            return
        if self.finished:  # it waits for other rooms, and for answers
            return
        room, session = self.room, self.session
        after, before, ticket = self.position, room.head + 1, object()
        self._ticket = ticket

        def receive(page: EncodedPage | Unavailable) -> None:
            if self._ticket is ticket:
                self._receive_answer(page)

        session.intake.read_journal(
            lambda journal, deliver: journal.read(
                room.name,
                encoding(session.wire, deliver),
                after=after,
                before=before,
                limit=session.hub.limits.page_messages,
                max_bytes=PAGE_BYTES,
            ),
            receive,
            lambda: self._ticket is ticket,
        )

    def retry(self, now: float) -> bool:
        """Let the next page be asked for again if it is time; return whether it is.

        A join that still waits for its position is refused then.
        """
        if self.retry_at is None or now < self.retry_at:
            return False
        self.retry_at = self._ticket = None
        if self._joining is not None:
            self._refuse_join(self._joining, RETRY_SECONDS)
        return True

    def receive_page(self, page: EncodedPage) -> None:
        """Take the page that was asked for; what it lacks becomes a gap."""
        base, through = page.page.base, page.page.through
        gap = self._gap(self.position, base, "expired") if base > self.position else b""
        if page.page.gaps:
            data, count = self._interleaved(page)
        else:
            others = self._without_own((stored.id for stored in page.page.messages), page.data)
            data, count = self.tail.wire.join(others), len(others)
        self._hold(gap + data, count)
        self._move(through)

    def _hold(self, data: bytes, count: int = 0) -> None:
        """Have this handed out next, with so many messages in it."""
        self._pending, self._pending_count = data, count

    def _receive_answer(self, page: EncodedPage | Unavailable) -> None:
        session = self.session
        if isinstance(page, Unavailable):
            self._retry_after(page.retry_after)
        elif page.page.epoch != self.room.epoch or page.page.through <= self.position:
            # The log is being replaced, or the journal broke its contract: then asking on would never end.
            self._retry_after(RETRY_SECONDS)
        else:
            self._ticket = None
            self.receive_page(page)
            if session.has_peer:
                session.hub.counters.note_catch_up()
            session.endpoint.mark(session)

    def _retry_after(self, seconds: float) -> None:
        # The ticket stays until then, so that nothing is asked meanwhile.
        session = self.session
        self.retry_at = session.hub.clock() + seconds
        session.endpoint.advance_timer(session, self.retry_at)

    def _move(self, position: int) -> None:
        self.position = position
        index = self.tail.index_after(position)
        self.index = _CATCHING_UP if index is None else index

    def _gap(self, after: int, through: int, reason: GapReason, count: int | None = None) -> bytes:
        gap = Gap(room=self.room.name, after=after, through=through, reason=reason, count=count)
        return self.tail.wire.encode(gap)

    def _interleaved(self, page: EncodedPage) -> tuple[bytes, int]:
        """Put the messages and gaps of a page in order: each begins where the one before ended.

        Return that, and how many messages are in it.
        """
        pairs = zip(page.page.messages, page.data, strict=True)
        messages = [
            (stored.seq, other) for stored, data in pairs for other in self._without_own((stored.id,), [data])
        ]
        parts, start, join = list[bytes](), 0, self.tail.wire.join
        for gap in sorted(page.page.gaps, key=_through):
            end = bisect_right(messages, gap.after, key=_seq)
            parts += (
                join([data for _, data in messages[start:end]]),
                self._gap(gap.after, gap.through, gap.reason),
            )
            start = end
        return b"".join((*parts, join([data for _, data in messages[start:]]))), len(messages)

    def _without_own(self, ids: Iterable[str], encoded: list[bytes]) -> list[bytes]:
        own = self._own
        if not own:
            return encoded
        pairs = list(zip(ids, encoded, strict=True))
        others = [data for id_, data in pairs if id_ not in own]
        own.difference_update([id_ for id_, _ in pairs])
        return others
