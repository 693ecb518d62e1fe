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

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from chatcore.errors import ErrorCode
from chatcore.gate import Refusal
from chatcore.journal import Draft, Outcome, Unavailable
from chatcore.kinds import kind_problem
from chatcore.messages import Post
from chatcore.names import fold
from chatcore.server.directory import Seat
from chatcore.server.log_events import review_failed
from chatcore.server.member import Member

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Numbered", "Posts"]

Numbered = tuple[Draft, int]
"""A draft and its number among all posts of its session."""


_CHARACTER = 4
"""Bytes of the longest character (RFC 3629)."""

_NO_DRAFTS: Final[list[Numbered]] = []
"""What nearly all sessions share, so that an idle one costs little. It is replaced, never filled."""


class _Held(NamedTuple):
    """The first post that was refused for now: until it comes again, no later one is taken."""

    id: str
    code: ErrorCode
    until: float
    number: int


_NONE_HELD: Final[dict[str, _Held]] = {}
"""The same for what is held."""


class Posts:
    """The posts of one session. ``in_flight`` counts those whose outcome is not known."""

    __slots__ = ("_drafts", "_held", "_posted", "_refusals", "_session", "in_flight")

    def __init__(self, session: "Session") -> None:
        self.in_flight = 0
        self._session = session
        self._posted = 0  # posts that had no hold before them
        self._drafts = _NO_DRAFTS  # to be submitted once the lock is released
        self._held = _NONE_HELD  # by folded room
        self._refusals = 0  # that the journal has reported, of posts that will be sent again

    def take(self, posts: Sequence[Post], now: float) -> None:
        """Take posts to one room, in order, as drafts, or refuse them.

        This is where it is decided whether a post is refused, but for what only the journal can say: that it
        cannot be stored now, and that its id was used for another text (`_refuse_draft`). Where nothing holds
        them up and there are tokens for all, they are taken together.
        """
        session, room = self._session, posts[0].room
        member = session.members.get(room) or session.members.get(fold(room))
        if member is None or session.seat is None:
            for post in posts:
                self._refuse_outsider(post, now)
        elif member.muted:
            self._refuse_muted(member, posts, now)
        elif member.room.name in self._held or session.bucket.take(now, len(posts)):
            for post in posts:
                self._take_one(member, session.seat, post, now)
        else:
            self._draft(member, session.seat, posts, self._posted + 1)
            self._posted += len(posts)

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
        if room in self._held:
            self._release(room)

    # --- taking ----------------------------------------------------------------------------------

    def _take_one(self, member: Member, seat: Seat, post: Post, now: float) -> None:
        session, room = self._session, member.room.name
        held = self._held.get(room)
        if held is not None and held.id != post.id:
            words = "not sent: an earlier post was refused and must be sent again first"
            session.refuse(held.code, words, post, retry_after=max(held.until - now, 0.0))
            return
        number = self._next_number() if held is None else held.number
        if wait := session.take_token(now):
            self._hold(member, post.id, number, "rate_limited", wait)
            session.refuse("rate_limited", "not sent: too many frames", post, retry_after=wait)
            return
        if held is not None:
            self._release(room)
        self._draft(member, seat, (post,), number)

    def _release(self, room: str) -> None:
        self._held = {name: held for name, held in self._held.items() if name != room} or _NONE_HELD

    def _next_number(self) -> int:
        self._posted += 1
        return self._posted

    def _draft(self, member: Member, seat: Seat, posts: Sequence[Post], number: int) -> None:
        """Make drafts of posts that are paid for, the first of which has this number."""
        room, nick, author = member.room.name, seat.identity.nick, seat.person.account
        short = self._session.hub.limits.text_bytes // _CHARACTER
        drafts: list[Numbered] = []
        for each, post in enumerate(posts, number):
            kind, target, text = post.kind, post.target, post.text
            if (kind is None and target is None and len(text) <= short) or self._is_fit(post):
                drafts.append((Draft(room, post.id, nick, text, kind, target, author), each))
        if not self._session.wire.capabilities.echo:
            for draft, _ in drafts:
                member.withhold(draft.id)
        self._session.inflow.charge_posts(posts, member.room.count)
        self.in_flight += len(drafts)
        self._drafts = [*self._drafts, *drafts]

    def _is_fit(self, post: Post) -> bool:
        session = self._session
        if problem := kind_problem(post.kind, post.target):
            session.refuse(*problem, post)
            return False
        if _utf8_longer_than(post.text, session.hub.limits.text_bytes):
            session.refuse("too_long", "not sent: the text is too long", post)
            return False
        return True

    def _refuse_outsider(self, post: Post, now: float) -> None:
        session = self._session
        if wait := session.take_token(now):
            session.refuse("rate_limited", "too many frames", post, retry_after=wait)
        else:
            code: ErrorCode = "not_joined" if session.seat else "bad_state"
            session.refuse(code, "join the room before you post to it", post)

    def _refuse_muted(self, member: Member, posts: Sequence[Post], now: float) -> None:
        """Refuse posts for good: nothing waits for them to come again, and nothing is held."""
        session = self._session
        self.leave(member.room.name)
        for post in posts:
            if wait := session.take_token(now):
                session.refuse("rate_limited", "too many frames", post, retry_after=wait)
            else:
                session.refuse("forbidden", "you are muted in this room", post)

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
        except Exception as error:  # it costs this post, and nobody else anything
            review_failed.log_bug(error)
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
        hub, encode_acks, put = session.hub, session.codec.encode_acks, session.replies.put
        durability = hub.journal.durability
        with hub.lock:
            self.in_flight -= len(drafts)
            for room, run in groupby(zip(drafts, outcomes, strict=True), _room_of_stored):
                if room is None:
                    for (draft, number), outcome in run:
                        self._refuse_draft(draft, number, outcome)
                else:
                    stored = [(draft.id, seq) for (draft, _), seq in run if isinstance(seq, int)]
                    put(encode_acks(room, durability, stored), len(stored))
                    if not session.accepts and (member := session.members.get(room)):
                        member.read_through(max(seq for _, seq in stored))
            session.endpoint.mark(session)
        hub.wake()  # this may be the journal's thread: others go on in those of their transports

    def _refuse_draft(self, draft: Draft, number: int, outcome: Outcome) -> None:
        session = self._session
        member = session.members.get(draft.room)
        if member is not None:
            member.release(draft.id)
        if not isinstance(outcome, Unavailable):
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
            self._held = {**self._held, room: _Held(id_, code, session.hub.clock() + wait, number)}


def _room_of_stored(pair: tuple[Numbered, Outcome]) -> str | None:
    """Return the room of a draft that is stored, or nothing. Those of one room are acknowledged together."""
    (draft, _), outcome = pair
    return draft.room if isinstance(outcome, int) else None


def _utf8_longer_than(text: str, size: int) -> bool:
    return len(text) > size or (len(text) * _CHARACTER > size and len(text.encode()) > size)
