"""A room: an ordered log with a tail in memory, and the members who read it.

All methods run under the hub's lock.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chatcore.journal import Stored
from chatcore.limits import Limits
from chatcore.names import fold
from chatcore.server.member import Member
from chatcore.server.presence import PresenceLog
from chatcore.server.tail import Tail
from chatcore.wire import Wire

if TYPE_CHECKING:
    from chatcore.server.endpoint import Endpoint
    from chatcore.server.session import Session

__all__ = ["CROWD", "Room"]

CROWD = 1_000
"""Members who are told of a change as soon as `Limits.presence_seconds` says; more wait in proportion."""

_ENVELOPE = 512  # bytes of a presence frame that are not for its lists
_NAME = 160  # bytes of one place in each of the three lists: four nicks of 32 and their syntax


class Room:
    """One room of a hub. ``name`` is folded; ``head`` is the last ``seq`` delivered, 0 for none."""

    __slots__ = ("_limits", "_tails", "_told", "count", "epoch", "head", "members", "name", "presence")

    def __init__(self, name: str, epoch: str, head: int, limits: Limits) -> None:
        self.name = name
        self.epoch = epoch
        self.head = head
        self.count = 0
        # By endpoint, so that a commit marks a room once an endpoint and never touches a member.
        self.members: dict[Endpoint, dict[Session, Member]] = {}
        fit = max((limits.line_bytes - _ENVELOPE) // _NAME, 1)
        self.presence: PresenceLog[Session] = PresenceLog(name, min(limits.presence_names, fit))
        self._tails: dict[Wire, Tail] = {}
        self._limits = limits
        self._told: list[tuple[str, str]] | None = None  # folded nicks and nicks of the last flush

    def __repr__(self) -> str:
        return f"<Room {self.name} epoch={self.epoch} head={self.head} members={self.count}>"

    def tail(self, wire: Wire) -> Tail:
        """Return the tail in a wire's encoding; one that nobody has read yet begins at the head."""
        tail = self._tails.get(wire)
        if tail is None:
            tail = self._tails[wire] = Tail(wire, self.head, self._limits.tail_bytes)
        return tail

    def commit(self, messages: Sequence[Stored]) -> None:
        """Take the next messages of the log, one at least."""
        self.head = messages[-1].entry.seq
        for tail in self._tails.values():
            tail.extend(messages)

    def reset(self, epoch: str, head: int) -> Iterable[Member]:
        """Begin a new life of the record; return the members, each to be told."""
        self.epoch = epoch
        self.head = head
        self._tails.clear()
        members = [member for members in self.members.values() for member in members.values()]
        for member in members:
            member.restart()
        return members

    def add(self, endpoint: "Endpoint", member: Member) -> None:
        """Let a member in."""
        self.members.setdefault(endpoint, {})[member.session] = member
        self.count += 1

    def remove(self, endpoint: "Endpoint", member: Member) -> None:
        """Let a member out; what nobody reads any more is dropped."""
        members = self.members[endpoint]
        del members[member.session]
        self.count -= 1
        if not members:
            del self.members[endpoint]
        if not self.count:
            self._tails.clear()

    def nick_of(self, session: "Session") -> str | None:
        """Return the nick of a session that is here, or ``None``."""
        return session.nick if session in self.members.get(session.endpoint, ()) else None

    def presence_due(self, now: float) -> float:
        """Return when a change of now is to be told: in a crowd less often, the larger it is.

        So to tell it costs at most so many writes a second, also while thousands come at once.
        """
        return now + self._limits.presence_seconds * max(self.count / CROWD, 1.0)

    def flush_presence(self) -> None:
        """Settle who came and went since this was done last."""
        self._told = None
        self.presence.flush(self.nick_of, self.count)

    @property
    def told_count(self) -> int:
        """How many were here when presence was last flushed."""
        return len(self._nicks_told())

    def nicks(self, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Return up to ``limit`` nicks in folded order behind ``after``, and whether there are more.

        They are those of the last flush, so that presence goes on from there.
        """
        told = self._nicks_told()
        start = 0 if after is None else bisect_right(told, fold(after), key=lambda pair: pair[0])
        return [nick for _, nick in told[start : start + limit]], start + limit < len(told)

    def _nicks_told(self) -> list[tuple[str, str]]:
        if self._told is None:
            here = {session: session.nick for members in self.members.values() for session in members}
            self._told = sorted((fold(nick), nick) for nick in self.presence.told(here))
        return self._told
