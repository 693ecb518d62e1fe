"""A sender's posts: submitted to the journal or refused, and the sender's order.

The rules of that order live in this file:

- A post that is refused for now will be sent again. Until it is, nothing that its sender posts to the same
  room afterwards is taken: all of it gets the same refusal, for free.
- Every post has a *number* among all posts of its session, and the first one refused keeps its number when it
  comes again. Refusals may come out of order, since the journal's take longer than ours; then the hold goes
  back to the earlier post.
- Peers whose wire never sends again are never held.
- A gate that reviews posts does so after the decision and before the submission, one post of a session at a
  time. What it refuses for now is held like any other.
- A post is decided on under the lock and submitted after it. A refusal that is reported in between makes the
  decision void: the journal asks for that where it takes the post into its order.

Everything but `Posts.submit` runs under the hub's lock.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from chatcore.errors import ErrorCode
from chatcore.gate import Refusal
from chatcore.journal import Draft, Outcome
from chatcore.kinds import kind_problem
from chatcore.messages import Ack, Post
from chatcore.names import fold
from chatcore.server.directory import Seat
from chatcore.server.member import Member

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Numbered", "Posts"]

log = logging.getLogger("chat.core")

Numbered = tuple[Draft, int]
"""A draft and its number among all posts of its session."""


_NO_DRAFTS: Final[list[Numbered]] = []
"""What nearly all sessions share, so that an idle one costs little. It is replaced, never filled."""


class _Held(NamedTuple):
    """The first post that was refused for now: until it comes again, no later one is taken."""

    id: str
    code: ErrorCode
    until: float
    number: int


class Posts:
    """The posts of one session. ``in_flight`` counts those whose outcome is not known."""

    __slots__ = ("_drafts", "_held", "_posted", "_refusals", "_session", "in_flight")

    def __init__(self, session: "Session") -> None:
        self.in_flight = 0
        self._session = session
        self._posted = 0  # posts that had no hold before them
        self._drafts = _NO_DRAFTS  # to be submitted once the lock is released
        self._held: dict[str, _Held] = {}  # by folded room
        self._refusals = 0  # that the journal has reported, of posts that will be sent again

    def post(self, post: Post, now: float) -> None:
        """Take a post as a draft, or refuse it.

        This is where it is decided whether a post is refused, but for what only the journal can say: that it
        cannot be stored now, and that its id was used for another text (`_refuse_draft`).
        """
        session = self._session
        member = session.members.get(post.room) or session.members.get(fold(post.room))
        if member is None or session.seat is None:
            self._refuse_outsider(post, now)
            return
        held = self._held.get(member.room.name) if self._held else None
        if held is not None and held.id != post.id:
            words = "not sent: an earlier post was refused and must be sent again first"
            session.refuse(held.code, words, post, retry_after=max(held.until - now, 0.0))
            return
        number = self._next_number() if held is None else held.number
        if wait := session.take_token(now):
            self._hold(member, post.id, number, "rate_limited", wait)
            session.refuse("rate_limited", "not sent: too many frames", post, retry_after=wait)
        else:
            if held is not None:
                del self._held[member.room.name]
            self._take(member, session.seat, post, number)

    def next_drafts(self) -> list[Numbered]:
        """Hand out the drafts that are to be submitted."""
        drafts = self._drafts
        if drafts:
            self._drafts = _NO_DRAFTS
        return drafts

    def submit(self, drafts: list[Numbered], ticket: int) -> None:
        """Submit drafts to the journal, with the `ticket` of their decision. Not under the lock."""
        if self._session.hub.reviews_posts:
            drafts = self._review_all(drafts)
        if not drafts:
            return
        self._session.hub.journal.submit(
            [draft for draft, _ in drafts],
            lambda outcomes: self._receive_outcomes(drafts, outcomes),
            lambda: self._refusals == ticket,
        )

    @property
    def has_drafts(self) -> bool:
        """Whether there is something to be submitted."""
        return bool(self._drafts)

    @property
    def ticket(self) -> int:
        """What a decision of now rests on: it is void once this has changed."""
        return self._refusals

    def leave(self, room: str) -> None:
        """Forget what is held in a room (folded) that the session has left."""
        self._held.pop(room, None)

    # --- taking ----------------------------------------------------------------------------------

    def _take(self, member: Member, seat: Seat, post: Post, number: int) -> None:
        session = self._session
        kind, target = post.kind, post.target
        if (kind is not None or target is not None) and (problem := kind_problem(kind, target)):
            session.refuse(*problem, post)
            return
        if _utf8_longer_than(post.text, session.hub.limits.text_bytes):
            session.refuse("too_long", "not sent: the text is too long", post)
            return
        if not session.wire.capabilities.echo:
            member.withhold(post.id)
        self.in_flight += 1
        author, nick = seat.person.account, seat.identity.nick
        if self._drafts is _NO_DRAFTS:
            self._drafts = []
        self._drafts.append((Draft(member.room.name, post.id, nick, post.text, kind, target, author), number))

    def _next_number(self) -> int:
        self._posted += 1
        return self._posted

    def _refuse_outsider(self, post: Post, now: float) -> None:
        session = self._session
        if wait := session.take_token(now):
            session.refuse("rate_limited", "too many frames", post, retry_after=wait)
        else:
            code: ErrorCode = "not_joined" if session.seat else "bad_state"
            session.refuse(code, "join the room before you post to it", post)

    # --- the gate's review, not under the lock ---------------------------------------------------

    def _review_all(self, drafts: list[Numbered]) -> list[Numbered]:
        """Let the gate look at drafts; return what is to be submitted, and refuse the rest."""
        passed: list[Numbered] = []
        refused: list[tuple[Draft, int, Refusal]] = []
        for draft, number, verdict in self._verdicts(drafts):
            if isinstance(verdict, Refusal):
                refused.append((draft, number, verdict))
            else:
                passed.append((verdict, number))
        if refused:
            self._refuse_reviewed(refused)
        return passed

    def _verdicts(self, drafts: list[Numbered]) -> Iterator[tuple[Draft, int, Draft | Refusal]]:
        resends = self._session.wire.capabilities.resends
        held: dict[str, Refusal] = {}  # by room: what was refused for now, and what comes after it with it
        for draft, number in drafts:
            verdict = held.get(draft.room) or self._review(draft)
            if resends and isinstance(verdict, Refusal) and verdict.retry_after is not None:
                held[draft.room] = verdict
            yield draft, number, verdict

    def _review(self, draft: Draft) -> Draft | Refusal:
        seat = self._session.seat
        assert seat is not None
        post = Post(room=draft.room, id=draft.id, kind=draft.kind, target=draft.target, text=draft.text)
        try:
            answer = self._session.hub.gate.review(seat.person, draft.nick, post)
            if isinstance(answer, Refusal):
                return answer
            if answer is post:
                return draft
            answer = Post.model_validate(answer.model_dump())
            if problem := kind_problem(answer.kind, answer.target):
                raise ValueError(f"the gate has made another kind of it: {problem[1]}")
            if _utf8_longer_than(answer.text, self._session.hub.limits.text_bytes):
                raise ValueError("the gate has made the text too long")
        except Exception:  # it costs this post, and nobody else anything
            log.exception("the gate failed to review a post")
            return Refusal("unavailable", "not sent: it cannot be reviewed now", 1.0)
        posted = draft.kind, draft.target, draft.text
        return draft._replace(text=answer.text, kind=answer.kind, target=answer.target, posted=posted)

    def _refuse_reviewed(self, refused: Sequence[tuple[Draft, int, Refusal]]) -> None:
        session = self._session
        with session.hub.lock:
            self.in_flight -= len(refused)
            for draft, number, refusal in refused:
                member = session.members.get(draft.room)
                if member is not None:
                    member.release(draft.id)
                    if refusal.retry_after is not None:
                        self._hold(member, draft.id, number, refusal.code, refusal.retry_after)
                session.refuse(refusal.code, refusal.message, draft, retry_after=refusal.retry_after)
        session.hub.follow_up()

    # --- outcomes --------------------------------------------------------------------------------

    def _receive_outcomes(self, drafts: list[Numbered], outcomes: Sequence[Outcome]) -> None:
        session = self._session
        hub, encode, put = session.hub, session.codec.encode, session.replies.put
        durability = hub.journal.durability
        with hub.lock:
            self.in_flight -= len(drafts)
            for (draft, number), outcome in zip(drafts, outcomes, strict=True):
                if outcome.kind in ("stored", "repeat"):
                    ack = Ack(room=draft.room, id=draft.id, seq=outcome.seq, durability=durability)
                    put(encode(ack))
                else:
                    self._refuse_draft(draft, number, outcome)
            session.endpoint.mark(session)
        hub.follow_up()

    def _refuse_draft(self, draft: Draft, number: int, outcome: Outcome) -> None:
        session = self._session
        member = session.members.get(draft.room)
        if member is not None:
            member.release(draft.id)
        if outcome.kind == "conflict":
            session.refuse("conflict", "this id was used for another text", draft)
            return
        wait = outcome.retry_after
        if session.wire.capabilities.resends:
            self._refusals += 1
        if member is not None:
            self._hold(member, draft.id, number, "unavailable", wait)
        session.refuse("unavailable", "not sent: it cannot be stored now", draft, retry_after=wait)

    def _hold(self, member: Member, id_: str, number: int, code: ErrorCode, wait: float) -> None:
        session, room = self._session, member.room.name
        held = self._held.get(room)
        if session.wire.capabilities.resends and (held is None or number <= held.number):
            self._held[room] = _Held(id_, code, session.hub.clock() + wait, number)


def _utf8_longer_than(text: str, size: int) -> bool:
    return len(text) > size or (len(text) * 4 > size and len(text.encode()) > size)
