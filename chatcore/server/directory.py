"""Who has which nick, and by which connections.

- An *identity* is what others see: one nick, one entry in presence, `who` and counts.
- A *seat* is one session's place in it, with a secret of its own. Without an account an identity has one
  seat, and its secret proves the right to the nick. With an account, a key of that account joins the identity
  of the nick that it asks for, and a secret moves one seat to a new connection and proves nothing else.
- `hello` never renames an account's identity; only `rename` does. It stays reachable under the nick that it
  was made with, its *home* nick, so a session that has not heard of a rename still finds it.
- An identity outlives its sockets: after a connection that broke, its nick stays reserved for a while, so
  that its owner can come back to it. `Reservations` bounds how many are.

`Directory` is the seam: what is claimed may be decided elsewhere, and is answered then. `LocalDirectory`
answers within the call; `shared_directory` has one that several servers share. All methods run under the
hub's lock, and so do their answers.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatcore.address import Peer, address_of
from chatcore.gate import Gate, Person, Refusal
from chatcore.limits import Limits
from chatcore.messages import ClosingWord
from chatcore.names import fold
from chatcore.nicks import Nicks
from chatcore.server.rate_limit import TokenBucket, TokenBuckets
from chatcore.server.reservations import Reservations

__all__ = [
    "SECRET_CHARS",
    "Arrivals",
    "Claimed",
    "Directory",
    "Host",
    "Identity",
    "LocalDirectory",
    "Occupant",
    "Seat",
]

SECRET_CHARS = 32
"""Characters of a secret: 24 random bytes in base64. Nothing shorter can be one of ours."""

ARRIVALS_BURST = 16
"""Sessions of one account that may say hello together, as all its devices do after a restart."""

ARRIVALS_PER_SECOND = 0.5
"""How many may in the long run."""

_ACCOUNTS = 4_096
"""Accounts whose allowance is remembered: those that used it last."""


class Occupant(Protocol):
    """A session, as a directory sees it."""

    def end(self, reason: ClosingWord | None) -> None:
        """End for a reason of the server's: leave all rooms, then the connection."""

    def is_in(self, room: str) -> bool:
        """Tell whether it is a member of a room (folded)."""

    def wants(self, room: str) -> bool:
        """Tell whether it is a member of a room (folded), or about to be."""

    def note_renamed(self, nick_before: str, *, asked: bool) -> None:
        """Learn that the nick of its identity is another now, and whether it has asked for that."""

    def tell_nick(self) -> None:
        """Have the peer told its nick."""

    def tell_invited(self) -> None:
        """Have the peer told that another session asked for an invite for one more device."""


class Identity:
    """A nick, and the seats of the sessions that use it. Without a session it is reserved until a time."""

    __slots__ = ("_watcher", "account", "home_folded", "nick", "reserved_until", "seats")

    def __init__(self, nick: str, account: str | None) -> None:
        self.nick = nick
        self.account = account
        self.home_folded = fold(nick) if account is not None else None
        self.seats: tuple[Seat, ...] = ()
        self.reserved_until = 0.0  # on the hub's clock
        self._watcher: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Identity {self.nick} account={self.account} seats={len(self.seats)}>"

    def occupants(self) -> Iterator[Occupant]:
        """Yield the sessions of its seats."""
        return (seat.session for seat in self.seats if seat.session is not None)

    @property
    def in_use(self) -> bool:
        """Whether any seat has a session."""
        return next(self.occupants(), None) is not None

    def nicks_folded(self) -> set[str]:
        """Return all nicks under which it is found."""
        return {fold(self.nick)} | ({self.home_folded} if self.home_folded is not None else set())

    def add(self, seat: "Seat") -> None:
        """Take another seat."""
        self.seats += (seat,)

    def remove(self, seat: "Seat") -> None:
        """Lose a seat."""
        self.seats = tuple(other for other in self.seats if other is not seat)

    def rename(self, nick: str) -> None:
        """Take another nick. For the directory, which knows whether it is free."""
        self.nick = nick

    def reserve(self, until: float) -> None:
        """Stay without a session until a time."""
        self.reserved_until = until

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have something called when it is reserved no longer; the last one counts."""
        self._watcher = watcher

    def release(self) -> None:
        """Be reserved no longer: somebody has come back to it, or it is forgotten."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher()


class Seat:
    """One session's place in an identity, the secret that moves it, and what it may still send."""

    __slots__ = ("bucket", "identity", "peer", "person", "secret", "session")

    def __init__(self, identity: Identity, secret: str, claim: "Claimed") -> None:
        self.identity = identity
        self.secret = secret
        self.session: Occupant | None = claim.session
        self.person = claim.person
        self.peer = claim.peer
        self.bucket = claim.bucket

    def __repr__(self) -> str:
        return f"<Seat of {self.identity.nick}>"

    def move(self, claim: "Claimed") -> None:
        """Let another session use it; the allowance stays with the seat."""
        self.session = claim.session
        self.person = claim.person
        self.peer = claim.peer

    def vacate(self) -> None:
        """Let no session use it."""
        self.session = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a session claims: a nick, for a person that the gate has let in.

    ``secret`` is that of an earlier seat, if any. With ``variant``, a nick that is taken gets a number.
    """

    session: Occupant
    peer: Peer
    person: Person
    nick: str
    secret: str | None
    bucket: TokenBucket
    now: float
    variant: bool = False


class Host(Protocol):
    """The hub, as a directory sees it. All but ``lock``, `follow_up` and `wake` is called under its lock."""

    @property
    def lock(self) -> threading.Lock:
        """What all methods of a directory run under."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that never go back."""

    def show(self, identity: Identity, room: str, *, is_there: bool) -> None:
        """An identity is in a room (folded) on another server, or is in it on none any more."""

    def show_renamed(self, identity: Identity, rooms: Iterable[str], nick_before: str) -> None:
        """An identity that is in these rooms on another server has another nick now."""

    def put_out(self, account: str | None, room: str) -> None:
        """Another server puts all sessions of an account out of a room (folded)."""

    def wake(self) -> None:
        """Do what was noted under the lock, in the threads of the transports; for any thread."""


class Directory(Protocol):
    """Who is connected. Each ``answer`` is called exactly once, under the hub's lock, now or later.

    One that cannot answer within the call answers from a thread of its own: it takes ``Hub.lock`` for that,
    and calls `Hub.follow_up` after it. It decides in the order of these calls, and answers in any order. An
    answer that comes too late is taken back by whoever asked.
    """

    def start(self, host: Host) -> None:
        """Begin; the hub calls this once, before anything else, and not under its lock."""

    def close(self) -> None:
        """End: nothing is answered any more. Not under the hub's lock. Idempotent."""

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        """Give a session a seat, or say why not."""

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        """Give the identity of a seat another nick, and tell all its sessions; answer the nick it got."""

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        """Note that a seat enters a room (folded); answer what forbids it, if anything does."""

    def leave(self, seat: Seat, room: str) -> None:
        """Note that a seat has left a room, or does not enter it after all."""

    def elsewhere(self, room: str) -> Iterable[Identity]:
        """Return who is in a room (folded) on other servers; then `Host.show` says what changes."""

    def rooms_elsewhere(self, after: str | None, prefix: str) -> Iterable[str]:
        """Return the rooms that somebody is in on other servers, as `Rooms.occupied` does."""

    def kick(self, account: str | None, room: str) -> None:
        """Have other servers put an account, or everybody, out of a room (folded).

        Nobody waits for that. Where they can't be reached, it is logged, and not done later.
        """

    def vacate(self, seat: Seat, reserved_until: float | None) -> Identity | None:
        """Let no session use a seat, for good if no time is given.

        Returns the identity if it is without a session now and reserved until that time; whoever asked calls
        `expire` then.
        """

    def expire(self, identity: Identity, now: float) -> None:
        """Forget an identity, if it is reserved and its time has come."""

    def sessions_of(self, account: str) -> list[Occupant]:
        """Return the sessions of an account that are in this process."""

    def away(self) -> list[Seat]:
        """Return the seats without a session."""

    def revise(self, gate: Gate, away: Sequence[Seat]) -> None:
        """Of seats that were without a session, forget those that still are and whose person may not stay."""


class Arrivals:
    """How many sessions of each account may say hello at this server."""

    def __init__(self) -> None:
        self._buckets = TokenBuckets[str](ARRIVALS_PER_SECOND, ARRIVALS_BURST, _ACCOUNTS)

    def refusal(self, claim: Claimed) -> Refusal | None:
        """Count a claim; return why it is too many."""
        account = claim.person.account
        if account is None or not (wait := self._buckets.take(account, claim.now)):
            return None
        return Refusal("rate_limited", "too many sessions of your account said hello", wait)


class LocalDirectory:
    """All identities of one process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_nick_folded = Nicks[Identity]()  # present and home nicks
        self._by_secret: dict[str, Seat] = {}
        self._by_account: dict[str, list[Identity]] = {}
        self._arrivals = Arrivals()
        self._reservations = Reservations(limits)

    def start(self, host: Host) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def is_free(self, nick: str, identity: Identity | None = None) -> bool:
        """Tell whether a nick can be taken, also by the identity that has it already."""
        return self._by_nick_folded.is_free(nick, identity)

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        """Decide and answer immediately."""
        answer(self._decide(claim))

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        """Rename and answer immediately."""
        if seat.session is None:
            answer(Refusal("unavailable", "whoever has asked for this is gone"))
            return
        identity = seat.identity
        nick = self._by_nick_folded.free_variant(nick, identity) if variant else nick
        if not self.is_free(nick, identity):
            answer(_taken(nick))
            return
        before = identity.nick
        self._rename(identity, nick)
        for other in identity.seats:
            if other.session is not None:
                other.session.note_renamed(before, asked=other is seat)
        answer(nick)

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        """Let everyone in: rooms know who is in them."""
        answer(None)

    def leave(self, seat: Seat, room: str) -> None:
        """Do nothing: rooms know who is in them."""

    def elsewhere(self, room: str) -> Iterable[Identity]:
        """Return nobody: there are no other servers."""
        return ()

    def rooms_elsewhere(self, after: str | None, prefix: str) -> Iterable[str]:
        """Return none: there are no other servers."""
        return ()

    def kick(self, account: str | None, room: str) -> None:
        """Do nothing: there are no other servers."""

    def vacate(self, seat: Seat, reserved_until: float | None) -> Identity | None:
        """Drop the seat; with the last one of an identity, reserve or forget that."""
        identity = seat.identity
        seat.vacate()
        if identity.in_use:
            self._drop_seat(seat)
        elif reserved_until is None:
            self._forget(identity)
        else:
            return self._reserve(identity, seat, reserved_until)
        return None

    def expire(self, identity: Identity, now: float) -> None:
        """Forget an identity that nobody came back to."""
        if not identity.in_use and now >= identity.reserved_until:
            self._forget(identity)

    def sessions_of(self, account: str) -> list[Occupant]:
        """Return the sessions of an account."""
        return [one for identity in self._by_account.get(account, ()) for one in identity.occupants()]

    def away(self) -> list[Seat]:
        """Return the seats of those who are away."""
        return [seat for seat in self._by_secret.values() if seat.session is None]

    def revise(self, gate: Gate, away: Sequence[Seat]) -> None:
        """Look at some who were away."""
        for seat in away:
            person = seat.person
            if seat.session is not None or seat not in seat.identity.seats:
                continue
            if gate.may_stay(person, seat.peer) or not gate.may_call(person, seat.identity.nick):
                self._forget(seat.identity)

    # --- claims ----------------------------------------------------------------------------------

    def _decide(self, claim: Claimed) -> Seat | Refusal:
        account = claim.person.account
        if refusal := self._arrivals.refusal(claim):
            return refusal
        seat = None if claim.secret is None else self._by_secret.get(claim.secret)
        if seat is not None and seat.identity.account == account:
            return self._take_over(seat, claim)
        return self._join_or_create(claim, adopts=seat is None)

    def _take_over(self, seat: Seat, claim: Claimed) -> Seat | Refusal:
        """Move a seat to a new connection. The old session ends first, so that two never share it."""
        identity = seat.identity
        if seat.session is None and (refusal := self._too_many(identity.account)):
            return refusal
        nick = identity.nick if identity.account is not None else claim.nick
        nick = self._by_nick_folded.free_variant(nick, identity) if claim.variant else nick
        if not self.is_free(nick, identity):
            return _taken(nick)
        if seat.session is not None:
            seat.session.end("taken_over")
        self._release(identity)
        seat.move(claim)
        self._rename(identity, nick)
        return seat

    def _join_or_create(self, claim: Claimed, *, adopts: bool) -> Seat | Refusal:
        account = claim.person.account
        nick = (
            self._by_nick_folded.free_variant(claim.nick) if claim.variant and account is None else claim.nick
        )
        identity = self._by_nick_folded.get(fold(nick))
        if identity is not None and (account is None or identity.account != account):
            return _taken(nick) if identity.in_use else _reserved(identity, claim.now)
        if refusal := self._too_many(account):
            return refusal
        if identity is None:
            identity = self._create(nick, account)
        return self._add_seat(identity, claim, adopts=adopts)

    def _create(self, nick: str, account: str | None) -> Identity:
        identity = self._by_nick_folded[fold(nick)] = Identity(nick, account)
        if account is not None:
            self._by_account.setdefault(account, []).append(identity)
        return identity

    def _add_seat(self, identity: Identity, claim: Claimed, *, adopts: bool) -> Seat:
        """Add a seat. A secret that an earlier server gave out is adopted.

        So a client whose welcome is lost on the way can still prove who it is, with the only secret that it
        knows.
        """
        for seat in [seat for seat in identity.seats if seat.session is None]:
            self._drop_seat(seat)  # its session finds the identity by its key, as this one did
        known = claim.secret if adopts and claim.secret and len(claim.secret) >= SECRET_CHARS else None
        seat = Seat(identity, known or secrets.token_urlsafe(24), claim)
        self._release(identity)
        identity.add(seat)
        self._by_secret[seat.secret] = seat
        return seat

    def _too_many(self, account: str | None) -> Refusal | None:
        limit = self._limits.sessions_per_account
        if account is None or limit is None:
            return None
        if len(self.sessions_of(account)) < limit:
            return None
        return Refusal("limit_exceeded", "there are too many sessions of your account")

    # --- reservations ----------------------------------------------------------------------------

    def _reserve(self, identity: Identity, seat: Seat, until: float) -> Identity | None:
        """Reserve an identity, and forget what is one too many; return it unless it is that itself."""
        identity.reserve(until)
        for other in self._reservations.add(identity, address_of(seat.peer)):
            self._forget(other)
        return identity if identity.seats else None

    def _release(self, identity: Identity) -> None:
        self._reservations.discard(identity)
        identity.release()

    # --- nicks -----------------------------------------------------------------------------------

    def _rename(self, identity: Identity, nick: str) -> None:
        if fold(identity.nick) != identity.home_folded:
            del self._by_nick_folded[fold(identity.nick)]
        identity.rename(nick)
        self._by_nick_folded[fold(nick)] = identity

    def _drop_seat(self, seat: Seat) -> None:
        if seat in seat.identity.seats:
            seat.identity.remove(seat)
            del self._by_secret[seat.secret]

    def _forget(self, identity: Identity) -> None:
        """Forget an identity: its nicks are free, its secrets prove nothing. Idempotent."""
        self._release(identity)
        for seat in identity.seats:
            self._drop_seat(seat)
        for nick_folded in identity.nicks_folded():
            if self._by_nick_folded.get(nick_folded) is identity:
                del self._by_nick_folded[nick_folded]
        identities = self._by_account.get(identity.account or "", [])
        if identity in identities:
            identities.remove(identity)
            if not identities:
                del self._by_account[identity.account or ""]


def _taken(nick: str) -> Refusal:
    return Refusal("nick_taken", f"the nick {nick} is in use")


def _reserved(identity: Identity, now: float) -> Refusal:
    """Refuse a nick whose owner is away, and say when it is free at the latest."""
    wait = max(identity.reserved_until - now, 0.0)
    return Refusal("nick_taken", f"the nick {identity.nick} is reserved for its owner", wait)


_: type[Directory] = LocalDirectory
