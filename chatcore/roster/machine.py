"""What an entry of a live log does to the state. Everything that has to be the same on each server is here.

This reads the entry and the state, and nothing else: no clock, no limits of this server, no chance. The rules
are those of entries of version 1:

- Who asks first has the nick. The proof of a seat moves it to whoever shows it, and proves nothing else.
  With an account, an identity may have several seats, on any servers.
- An act about a seat counts only if its server has the seat, but for `Claim`, and for `Forget`, which is
  about seats that no server has.
- A server that is not heard of for `LEASE` is gone: its seats are left, as if their connections had broken
  then. Nothing counts that it wrote in that term.
- It begins another term with its roster. What another server has taken since, it has lost. It has also lost
  whose nick is another identity's now.
- In the first `LEASE` of a log nobody gets a nick who has no seat: everybody says first whom they have.

A server that begins to read where the log begins by now, and not where it began, knows of others only what
they wrote since. After `SETTLED` that is everything, since each says all of it every `ANNOUNCE`.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from chatcore.names import fold
from chatcore.replication import LogEntry
from chatcore.replication.fence import Frame, admits, read_frame
from chatcore.roster.acts import (
    Act,
    Claim,
    Enter,
    Exit,
    Forget,
    Kick,
    Part,
    Release,
    Rename,
    Row,
    read_content,
)
from chatcore.roster.state import Identity, Node, Seat, State

__all__ = [
    "ANNOUNCE",
    "LEASE",
    "SETTLED",
    "VERSION",
    "Applied",
    "Event",
    "Forgotten",
    "Granted",
    "Kicked",
    "Lost",
    "Machine",
    "Present",
    "Refused",
    "Renamed",
    "Result",
    "Taken",
    "read",
]

VERSION: Final = 1
"""The version of the entries that are written and applied here."""

LEASE: Final = 15.0
"""Seconds of silence after which a server is gone."""

ANNOUNCE: Final = 60.0
"""Seconds after which a server says again whom it has."""

SETTLED: Final = 3 * ANNOUNCE
"""Seconds after which a server that began to read in the middle knows everybody."""

_SECOND: Final = 1_000_000
_LEASE: Final = round(LEASE * _SECOND)
_REMEMBER: Final = 3_600 * _SECOND  # after so long nobody sends an entry of a server that is gone again


class Granted(NamedTuple):
    """A claim has got a seat, of the identity of this name. ``claimed`` is its stamp."""

    proof: str
    name: str
    claimed: int


class Refused(NamedTuple):
    """Why not; the nick may be free after so many microseconds."""

    code: Literal["nick_taken", "limit_exceeded", "unavailable"]
    nick: str
    wait: int | None = None


class Taken(NamedTuple):
    """A server has a seat by a claim: a session that had it before, on any server, has it no longer."""

    proof: str
    node: str


class Lost(NamedTuple):
    """A server has no longer a seat that it has in its roster, or had until now."""

    proof: str
    node: str


class Renamed(NamedTuple):
    """An identity had this nick before."""

    name: str
    before: str


class Present(NamedTuple):
    """Whether an identity is in a room may have changed."""

    name: str
    room: str


class Kicked(NamedTuple):
    """An account, or everybody if that is ``None``, is put out of a room, as a server wants that."""

    account: str | None
    room: str
    node: str


class Forgotten(NamedTuple):
    """There is no such identity any more."""

    name: str


Result = Granted | Refused | str | None
"""What an act has done: `Claim` gives one of the first two, `Rename` a nick or why not."""

Event = Taken | Lost | Renamed | Present | Kicked | Forgotten


@dataclass(frozen=True, slots=True)
class Applied:
    """What an entry has done; a void one has done nothing but let time pass.

    ``results`` are those of its acts. ``events`` are for all servers, in their order.
    """

    position: int
    node: str = ""
    term: int = 0
    number: int = 0
    void: bool = True
    results: list[Result] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Machine:
    """Applies entries to a state, one after the other, from the first that is read of a log."""

    def __init__(self, identity: str, first: int) -> None:
        self.state = State(identity, first - 1)
        self._events: list[Event] = []

    def apply(self, entry: LogEntry, frame: Frame | None) -> Applied:
        """Apply the entry that is next, given what `read` made of it."""
        state = self.state
        if entry.position != state.position + 1:
            raise ValueError(f"{entry.position} does not follow {state.position}")
        self._events = events = list[Event]()
        state.move(entry.position, max(entry.at, 0))
        self._expire()
        content = None if frame is None else read_content(frame.content)
        if frame is None or content is None or not self._counts(frame, content):
            return Applied(entry.position, events=events)
        node = state.nodes.setdefault(frame.node, Node())
        node.hear(frame.term, frame.number, state.now)
        if isinstance(content, Part):
            self._confirm(content, frame, node)
            results: list[Result] = []
        else:
            results = [self._do(act, frame.node) for act in content]
        return Applied(entry.position, frame.node, frame.term, frame.number, False, results, events)

    def _counts(self, frame: Frame, content: list[Act] | Part) -> bool:
        node = self.state.nodes.get(frame.node)
        known = None if node is None else (node.term, node.following)
        begins = frame.number == 0
        has_form = isinstance(content, Part) or not begins
        if not has_form or frame.seen.position >= self.state.position:  # or its server has read another log
            return False
        return admits(known, frame.term, frame.number)

    # --- time ------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Let go servers that are silent, and then who was reserved for long enough."""
        state = self.state
        since = state.now - _LEASE
        for heard, name in sorted((node.heard, name) for name, node in state.nodes.items()):
            if heard > since:
                break
            node = state.nodes[name]
            if not node.is_gone:
                node.close()
                for seat in state.at(name):
                    self._vacate(seat, heard + _LEASE + seat.keep)
            elif heard + _REMEMBER <= state.now:
                del state.nodes[name]
        for identity in state.take_expired():
            self._forget(identity)

    # --- acts ------------------------------------------------------------------------------------

    def _do(self, act: Act, node: str) -> Result:
        match act:
            case Claim():
                return self._claim(act, node)
            case Kick():
                self._events.append(Kicked(act.account, act.room, node))
            case Forget():
                seat = self.state.seats.get(act.proof)
                if seat is not None and seat.node is None:
                    self._forget(seat.identity)
            case _:
                seat = self.state.seats.get(act.proof)
                if seat is not None and seat.node == node:
                    return self._do_for(act, seat)
        return None

    def _do_for(self, act: Release | Rename | Enter | Exit, seat: Seat) -> Result:
        match act:
            case Release():
                if act.claimed == seat.claimed:
                    self._vacate(seat, None if act.keep is None else self.state.now + act.keep)
            case Rename():
                return self._ask_to_rename(seat.identity, act)
            case Enter():
                self._enter(seat, act.room)
            case Exit():
                self._leave(seat, act.room)
        return None

    def _claim(self, claim: Claim, node: str) -> Granted | Refused:
        state = self.state
        seat = None if claim.proof is None else state.seats.get(claim.proof)
        if seat is not None and seat.identity.account == claim.account:
            return self._take_over(seat, claim, node)
        if state.began is not None and state.now < state.began + _LEASE:
            return Refused("unavailable", claim.nick, state.began + _LEASE - state.now)
        return self._join_or_create(claim, node, adopts=seat is None and claim.adopts)

    def _take_over(self, seat: Seat, claim: Claim, node: str) -> Granted | Refused:
        identity = seat.identity
        if seat.node is None and self._are_too_many(claim):
            return Refused("limit_exceeded", claim.nick)
        nick = identity.nick if claim.account is not None else claim.nick
        nick = self.state.free_variant(nick, identity) if claim.variant else nick
        if not self.state.is_free(nick, identity):
            return self._taken(nick)
        for room in list(seat.rooms):
            self._leave(seat, room)
        self._rename(identity, nick, self.state.next_stamp())
        return self._give(seat, claim, node)

    def _join_or_create(self, claim: Claim, node: str, *, adopts: bool) -> Granted | Refused:
        state, account = self.state, claim.account
        nick = self.state.free_variant(claim.nick) if claim.variant and account is None else claim.nick
        identity = state.holder(nick)
        if identity is not None and (account is None or identity.account != account):
            return self._taken(nick)
        if self._are_too_many(claim):
            return Refused("limit_exceeded", nick)
        proof = claim.proof if adopts and claim.proof is not None else claim.fresh
        if proof in state.seats:
            return Refused("unavailable", nick, 0)  # by chance: with another secret it is not so
        if identity is None:
            home, stamp = None if account is None else fold(nick), state.next_stamp()
            identity = state.create(f"{proof}.{stamp}", nick, stamp, home, account)
        for seat in [seat for seat in identity.seats.values() if seat.node is None]:
            state.drop(seat)  # its session finds the identity by its key, as this one did
        return self._give(state.add(identity, proof), claim, node)

    def _give(self, seat: Seat, claim: Claim, node: str) -> Granted:
        seat.take(node, self.state.next_stamp(), claim.keep)
        seat.identity.reserve(None)
        self._events.append(Taken(seat.proof, node))
        return Granted(seat.proof, seat.identity.name, seat.claimed)

    def _are_too_many(self, claim: Claim) -> bool:
        if claim.account is None or claim.most is None:
            return False
        return len(self.state.of_account(claim.account)) >= claim.most

    def _taken(self, nick: str) -> Refused:
        holder = self.state.holder(nick)
        until = None if holder is None else holder.reserved_until
        return Refused("nick_taken", nick, None if until is None else max(until - self.state.now, 0))

    # --- rosters ---------------------------------------------------------------------------------

    def _confirm(self, part: Part, frame: Frame, node: Node) -> None:
        """Let a server have what it says, but for what others have; after the last part nothing else."""
        if frame.number == 0:
            node.expect({seat.proof: None for seat in self.state.at(frame.node)})
        for row in part.rows:
            node.unconfirmed.pop(row.proof, None)
            if (seat := self._seat_of(row, frame.node)) is None:
                self._events.append(Lost(row.proof, frame.node))
            else:
                self._refresh(seat, row, frame.node)
        if part.is_last:
            for proof in list(node.unconfirmed):
                seat = self.state.seats.get(proof)
                if seat is not None and seat.node == frame.node:  # whoever claimed it heard of no answer
                    self._vacate(seat, self.state.now + seat.keep)
            node.expect({})

    def _seat_of(self, row: Row, node: str) -> Seat | None:
        """Return the seat of a row, made if there is none, or ``None`` if its server can't have it."""
        state = self.state
        seat = state.seats.get(row.proof)
        if seat is None:
            identity = self._identity_of(row)
            return None if identity is None else state.add(identity, row.proof)
        if seat.identity.account != row.account:
            return None
        if seat.node == node:
            return seat
        if row.claimed < seat.claimed or (seat.node is not None and row.claimed == seat.claimed):
            return None
        if seat.node is not None:
            self._events.append(Lost(seat.proof, seat.node))
        return seat

    def _identity_of(self, row: Row) -> Identity | None:
        state = self.state
        identity = state.identities.get(row.name)
        if identity is None:
            if state.holder(row.nick) is not None or (
                row.home is not None and state.holder(row.home) is not None
            ):
                return None  # also if it is one of the same account: sessions join that by its key
            return state.create(row.name, row.nick, row.named, row.home, row.account)
        if identity.account != row.account or (row.account is None and identity.seats):
            return None
        return identity

    def _refresh(self, seat: Seat, row: Row, node: str) -> None:
        identity = seat.identity
        seat.take(node, row.claimed, row.keep)
        identity.reserve(None)
        if row.named > identity.named and self.state.is_free(row.nick, identity):
            self._rename(identity, row.nick, row.named)
        rooms = frozenset(row.rooms)
        for room in [room for room in seat.rooms if room not in rooms]:
            self._leave(seat, room)
        for room in row.rooms:
            self._enter(seat, room)

    # --- seats and rooms -------------------------------------------------------------------------

    def _vacate(self, seat: Seat, until: int | None) -> None:
        """Let a seat be on no server; with the last one of an identity, reserve that or forget it."""
        identity = seat.identity
        for room in list(seat.rooms):
            self._leave(seat, room)
        seat.take(None, seat.claimed, seat.keep)
        if identity.in_use:
            self.state.drop(seat)
        elif until is None or until <= self.state.now:
            self._forget(identity)
        else:
            self.state.reserve(identity, until)

    def _forget(self, identity: Identity) -> None:
        for seat in list(identity.seats.values()):
            self.state.drop(seat)
        self.state.forget(identity)
        self._events.append(Forgotten(identity.name))

    def _enter(self, seat: Seat, room: str) -> None:
        if self.state.enter(seat, room):
            self._events.append(Present(seat.identity.name, room))

    def _leave(self, seat: Seat, room: str) -> None:
        if self.state.leave(seat, room):
            self._events.append(Present(seat.identity.name, room))

    # --- nicks -----------------------------------------------------------------------------------

    def _ask_to_rename(self, identity: Identity, act: Rename) -> str | Refused:
        nick = self.state.free_variant(act.nick, identity) if act.variant else act.nick
        if not self.state.is_free(nick, identity):
            return self._taken(nick)
        self._rename(identity, nick, self.state.next_stamp())
        return nick

    def _rename(self, identity: Identity, nick: str, stamp: int) -> None:
        before = identity.nick
        if nick != before:
            self.state.rename(identity, nick, stamp)
            self._events.append(Renamed(identity.name, before))


def read(entry: LogEntry) -> Frame | None:
    """Return what an entry says, or ``None`` if it is none of ours; raises `UnknownVersion`."""
    return read_frame(entry.data, VERSION)
