"""A room: an ordered log with a tail in memory, and the members who read it.

- The log grows only through `Room.commit`, and begins again only through `Room.reset`.
- Members are held by endpoint, so a commit marks a room once for each endpoint and never touches a member.
- There is a tail for each wire that a member reads, made when it is first used. All of them go with the last
  member.

All methods run under the hub's lock.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chatcore.limits import Limits
from chatcore.messages import Stored
from chatcore.names import fold
from chatcore.server.directory import Identity
from chatcore.server.member import Member
from chatcore.server.presence import PresenceLog
from chatcore.server.tail import Tail
from chatcore.wire import Wire

if TYPE_CHECKING:
    from chatcore.server.endpoint import Endpoint
    from chatcore.server.session import Session

__all__ = ["CROWD", "Room"]

CROWD = 1_000
"""Members who learn of a change as soon as `Limits.presence_seconds` says; more wait in proportion."""

_ENVELOPE = 512
"""Bytes of a presence frame that are not for its lists."""

_NAME = 160
"""Bytes of one name in each of the three lists: four nicks of 32 and their syntax."""


class Room:
    """One room of a hub. ``name`` is folded; ``head`` is the last ``seq`` delivered, 0 for none.

    ``count`` is of identities: one that several sessions are here with is one, and a reader without an
    identity is none. ``elsewhere`` are those who are in it on other servers, and may be here too.
    ``has_backlog`` says that members who take everything have not been handed more than
    `Limits.tail_bytes`: posts come faster than they are delivered.
    """

    __slots__ = (
        "_expected",
        "_limits",
        "_nicks",
        "_tails",
        "count",
        "elsewhere",
        "epoch",
        "has_backlog",
        "head",
        "members",
        "name",
        "presence",
    )

    def __init__(
        self, name: str, epoch: str, head: int, limits: Limits, elsewhere: Iterable[Identity] = ()
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.head = head
        self.elsewhere = dict.fromkeys(elsewhere)
        self.count = len(self.elsewhere)
        self.has_backlog = False
        self.members: dict[Endpoint, dict[Session, Member]] = {}
        fit = max((limits.line_bytes - _ENVELOPE) // _NAME, 1)
        self.presence: PresenceLog[Identity] = PresenceLog(name, min(limits.presence_names, fit))
        self._expected = 0  # sessions that are about to enter
        self._tails: dict[Wire, Tail] = {}
        self._limits = limits
        self._nicks: list[tuple[str, str]] | None = None  # folded nicks and nicks, as of the last flush

    def __repr__(self) -> str:
        return f"<Room {self.name} epoch={self.epoch} head={self.head} members={self.count}>"

    # --- the log ---------------------------------------------------------------------------------

    def tail(self, wire: Wire) -> Tail:
        """Return the tail in a wire's encoding; one that nobody has read yet begins at the head."""
        tail = self._tails.get(wire)
        if tail is None:
            tail = self._tails[wire] = Tail(wire, self.head, self._limits.tail_bytes)
        return tail

    def commit(self, messages: Sequence[Stored]) -> None:
        """Take the next messages of the log, one at least."""
        self.head = messages[-1].seq
        for tail in self._tails.values():
            tail.extend(messages)
            if tail.is_full:
                self._trim(tail)

    def settle_backlog(self) -> None:
        """Drop what was kept for members who have it by now."""
        for tail in self._tails.values():
            if tail.overflows:
                self._trim(tail)

    def reset(self, epoch: str, head: int) -> None:
        """Begin a new epoch, and have every member begin it."""
        self.epoch = epoch
        self.head = head
        self._drop_tails()
        for member in self.all_members():
            member.restart()

    # --- who is here -----------------------------------------------------------------------------

    def all_members(self) -> list[Member]:
        """Return everybody who reads it."""
        return [member for members in self.members.values() for member in members.values()]

    def expect(self) -> None:
        """Stay in use: somebody is about to enter."""
        self._expected += 1

    def unexpect(self) -> None:
        """Take that back: they have entered, or will not."""
        self._expected -= 1

    @property
    def in_use(self) -> bool:
        """Whether anybody reads it, or is about to."""
        return bool(self.members or self._expected)

    def has(self, identity: Identity) -> bool:
        """Tell whether any session of an identity is here, or in it on another server."""
        return identity in self.elsewhere or any(session.is_in(self.name) for session in identity.occupants())

    def accounts(self) -> frozenset[str]:
        """Return the accounts (folded) of all who are in the room."""
        identities = (member.session.identity for member in self.all_members())
        return frozenset(fold(one.account) for one in identities if one is not None and one.account)

    def add(self, member: Member) -> None:
        """Let a member in. The first session of an identity is news, further ones are not."""
        session, identity = member.session, member.session.identity
        is_news = identity is not None and not self.has(identity)
        self.members.setdefault(session.endpoint, {})[session] = member
        if identity is not None and is_news:
            self.count += 1
            self.note_change(session, identity, None)

    def remove(self, member: Member) -> None:
        """Let a member out; what nobody reads any more is dropped."""
        session, identity = member.session, member.session.identity
        members = self.members[session.endpoint]
        del members[session]
        if not members:
            del self.members[session.endpoint]
        if not self.members:
            self._drop_tails()
        if identity is not None and not self.has(identity):
            self.count -= 1
            self.note_change(session, identity, identity.nick)

    def note_change(self, session: "Session", identity: Identity, nick_before: str | None) -> None:
        """Note that an identity came (``None``), went, or changed its nick, to be reported a little later."""
        if not self.presence.pending:  # else an endpoint, of this transport or another, has the time already
            session.endpoint.advance_timer(self, self._presence_due(session.hub.clock()))
        self.presence.change(identity, nick_before)

    def show(self, identity: Identity, now: float, *, is_there: bool) -> None:
        """Note that an identity is in it on another server, or is not any more."""
        was_here = self.has(identity)
        if is_there:
            self.elsewhere[identity] = None
        else:
            self.elsewhere.pop(identity, None)
        if self.has(identity) != was_here:
            self.count += -1 if was_here else 1
            self.note_change_elsewhere(identity, identity.nick if was_here else None, now)

    def note_change_elsewhere(self, identity: Identity, nick_before: str | None, now: float) -> None:
        """Note what `note_change` does, of an identity that may have no session here."""
        if not self.members:  # nobody has seen who was here before
            self._nicks = None
            return
        if not self.presence.pending:
            next(iter(self.members)).advance_timer(self, self._presence_due(now))
        self.presence.change(identity, nick_before)

    def flush_presence(self) -> None:
        """Settle who came and went since this was done last."""
        self._nicks = None
        self.presence.flush(self._nick_of, self.count)

    @property
    def flushed_count(self) -> int:
        """How many were here when presence was last flushed."""
        return len(self._flushed_nicks())

    def nicks(self, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Return up to ``limit`` nicks in folded order after ``after``, and whether there are more.

        They are those of the last flush, so that presence continues from there.
        """
        nicks = self._flushed_nicks()
        start = 0 if after is None else bisect_right(nicks, fold(after), key=lambda pair: pair[0])
        return [nick for _, nick in nicks[start : start + limit]], start + limit < len(nicks)

    def _trim(self, tail: Tail) -> None:
        members = (member for member in self.all_members() if member.tail is tail and member.needs_tail)
        tail.trim(min((member.index for member in members), default=tail.end))
        self.has_backlog = any(tail.overflows for tail in self._tails.values())

    def _drop_tails(self) -> None:
        self._tails.clear()
        self.has_backlog = False

    def _presence_due(self, now: float) -> float:
        # In a crowd less often, the larger it is: so reporting costs a bounded number of writes a second,
        # also while thousands come together.
        return now + self._limits.presence_seconds * max(self.count / CROWD, 1.0)

    def _nick_of(self, identity: Identity) -> str | None:
        return identity.nick if self.has(identity) else None

    def _flushed_nicks(self) -> list[tuple[str, str]]:
        if self._nicks is None:
            sessions = (session for members in self.members.values() for session in members)
            here = {identity: identity.nick for session in sessions if (identity := session.identity)}
            here |= {identity: identity.nick for identity in self.elsewhere}
            self._nicks = sorted((fold(nick), nick) for nick in self.presence.flushed(here))
        return self._nicks
