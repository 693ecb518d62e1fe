"""A directory that several servers share: one set of nicks, and everybody in one list.

It is decided by the order of a log (`chatcore.roster`), so an answer comes when it was read back from there.
While this server is cut off from the log, nobody can enter or change a nick; who is here stays, and reads.

The log reports in a thread of its own, and what it reports is applied there, under the hub's lock. A thread
of this directory does what is due by time.
"""

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

from chatcore.address import address_of
from chatcore.errors import UsageError
from chatcore.gate import Gate, Refusal
from chatcore.limits import Limits
from chatcore.messages import DurabilityWord
from chatcore.replication import Log, LogEntry, LogListener
from chatcore.roster.acts import ROW_ROOMS, Act, Claim, Enter, Exit, Forget, Kick, Release, Rename
from chatcore.roster.machine import Event, Granted, Refused, Result, Taken
from chatcore.roster.replica import RosterReplica, RosterStatus, RosterUser, read_entry
from chatcore.server.directory import (
    SECRET_CHARS,
    Arrivals,
    Claimed,
    Directory,
    Host,
    Identity,
    Occupant,
    Seat,
)
from chatcore.server.log_events import directory_failed
from chatcore.server.mirror import Mirror
from chatcore.server.reservations import Reservations

__all__ = ["SharedDirectory"]

SLICE: Final = 32
"""Entries that are applied while the hub is held up once."""

AFTER_A_BUG: Final = 1.0
"""Seconds until it tries again to say what is to be said."""

_SECOND: Final = 1_000_000
_UNKNOWN: Final = Refusal("unavailable", "it is not known now who is here", 1.0)
_GONE: Final = Refusal("unavailable", "whoever has asked for this is gone")


class SharedDirectory:
    """One server's directory over a log, of which it has a connection that nobody has started.

    It is for a hub, ``Hub(journal, limits, directory=...)``, which starts and closes it. Others may ask for
    its `status`. ``limits`` are those of the hub; how many sessions an account may have is said with each
    claim, so it should be the same on all servers. Without ``threaded``, whoever has it calls `step` when it
    is due.

    Raises `UsageError` where a session may be in more rooms than an entry of the log has space for.
    """

    def __init__(self, log: Log, limits: Limits, *, threaded: bool = True) -> None:
        most = [each for each in (limits.rooms_per_session, limits.rooms) if each is not None]
        if min(most, default=ROW_ROOMS + 1) > ROW_ROOMS:
            raise UsageError(
                f"servers that share a log need a limit of at most {ROW_ROOMS} "
                "for rooms_per_session, or for rooms"
            )
        self._log = log
        self._limits = limits
        self._arrivals = Arrivals()
        self._reservations = Reservations(limits)
        self._seats: dict[str, Seat] = {}  # those of this server, by proof, also of those who are away
        self._parts: tuple[Host, RosterReplica, Mirror] | None = None
        self._news_at: float | None = None  # when it says at the latest who has entered and left rooms
        self._wakes_at = 0.0
        self._wakeup = threading.Event()
        self._closed = False
        self._thread = (
            threading.Thread(target=self._run, name="chat-roster", daemon=True) if threaded else None
        )

    def __repr__(self) -> str:
        return f"<SharedDirectory seats={len(self._seats)}>"

    def start(self, host: Host) -> None:
        """Begin to follow the log."""
        replica = RosterReplica(self._log.append, host.clock, self)
        self._parts = (host, replica, Mirror(replica.node, host))
        self._log.start(self, 0)
        if self._thread is not None:
            self._thread.start()

    def close(self) -> None:
        """End: the other servers take this one for gone after a while."""
        if self._closed or self._parts is None:
            return
        self._closed = True
        self._wakeup.set()
        if self._thread is not None:
            self._thread.join()
        self._log.close()

    def status(self) -> RosterStatus | None:
        """Return who is here at all servers, ``None`` before the start. From any thread."""
        if self._parts is None:
            return None
        host, replica, _ = self._parts
        with host.lock:
            return replica.status()

    @property
    def _running(self) -> tuple[Host, RosterReplica, Mirror]:
        assert self._parts is not None
        return self._parts

    # --- the log, in its thread ------------------------------------------------------------------

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """Follow a log, or the same one again."""
        host, replica, _ = self._running
        with host.lock:
            replica.opened(identity, first, last)
            self.step()
        host.wake()

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """Apply what the log reports, and go on with what that answers."""
        host, replica, _ = self._running
        read = [read_entry(entry) for entry in entries]
        for start in range(0, len(read), SLICE):
            with host.lock, _going_on():
                replica.apply(read[start : start + SLICE])
                self.step()
            host.wake()

    # --- time ------------------------------------------------------------------------------------

    @property
    def patience(self) -> float | None:
        """In how many seconds `step` is due, if nothing comes."""
        host, replica, _ = self._running
        times = [] if self._news_at is None else [max(self._news_at - host.clock(), 0.0)]
        if (patience := replica.patience) is not None:
            times.append(patience)
        return min(times, default=None)

    def step(self) -> None:
        """Say what is to be said, under the hub's lock."""
        host, replica, _ = self._running
        self._news_at = None
        replica.step()
        patience = self.patience
        if patience is not None and host.clock() + patience < self._wakes_at:
            self._wakeup.set()

    def _run(self) -> None:
        host, _, _ = self._running
        while not self._closed:
            with host.lock:
                patience: float | None = AFTER_A_BUG
                with _going_on():
                    self.step()
                    patience = self.patience
                self._wakes_at = float("inf") if patience is None else host.clock() + patience
            host.wake()
            self._wakeup.wait(patience)
            self._wakeup.clear()

    def _say(self, act: Act, answer: Callable[[Result], None] | None = None) -> None:
        """Say something now."""
        _, replica, _ = self._running
        replica.ask(act, None if answer is None else partial(_guarded, answer))
        self.step()

    def _say_soon(self, act: Act) -> None:
        """Say who has entered or left a room, together with others that do."""
        host, replica, _ = self._running
        replica.ask(act)
        if self._news_at is None:
            self._news_at = host.clock() + self._limits.presence_seconds
            if self._news_at < self._wakes_at:
                self._wakeup.set()

    # --- claims and nicks ------------------------------------------------------------------------

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        """Put a claim into the log, and answer once it is read."""
        if refusal := self._arrivals.refusal(claim):
            answer(refusal)
            return
        secret, fresh = claim.secret, secrets.token_urlsafe(24)
        act = Claim(
            proof=None if secret is None else _proof_of(secret),
            fresh=_proof_of(fresh),
            adopts=secret is not None and len(secret) >= SECRET_CHARS,
            nick=claim.nick,
            account=claim.person.account,
            variant=claim.variant,
            keep=round(self._limits.session_seconds * _SECOND),
            most=self._limits.sessions_per_account,
        )
        self._say(act, partial(self._answer_claim, claim, act, fresh, answer))

    def _answer_claim(
        self,
        claim: Claimed,
        act: Claim,
        fresh: str,
        answer: Callable[[Seat | Refusal], None],
        result: Result,
    ) -> None:
        _, replica, mirror = self._running
        state = replica.state
        if isinstance(result, Refused):
            answer(_refusal(result))
        elif not isinstance(result, Granted) or state is None or result.name not in state.identities:
            answer(_UNKNOWN)
        else:
            mirror.rename(state, result.name)
            identity = mirror.identity(state, result.name)
            secret = claim.secret if claim.secret is not None and result.proof == act.proof else fresh
            answer(self._seat(identity, result.proof, secret, claim))

    def _seat(self, identity: Identity, proof: str, secret: str, claim: Claimed) -> Seat:
        self._reservations.discard(identity)
        seat = self._seats.get(proof)
        if seat is not None and seat.identity is identity:
            if seat.session is not None:
                seat.session.end("taken_over")
            seat.move(claim)
            return seat
        if seat is not None:
            self._drop(proof, seat)
        seat = self._seats[proof] = Seat(identity, secret, claim)
        identity.add(seat)
        return seat

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        """Put a rename into the log, and answer once it is read."""
        if seat.session is None:
            answer(_GONE)
            return
        act = Rename(_proof_of(seat.secret), nick, variant)
        self._say(act, partial(self._answer_rename, seat, answer))

    def _answer_rename(self, seat: Seat, answer: Callable[[str | Refusal], None], result: Result) -> None:
        _, replica, mirror = self._running
        state = replica.state
        if isinstance(result, Refused):
            answer(_refusal(result))
        elif isinstance(result, str) and state is not None:
            if (found := state.seats.get(_proof_of(seat.secret))) is not None:
                mirror.rename(state, found.identity.name, asked=seat)
            answer(result)
        else:
            answer(_UNKNOWN)

    # --- rooms -----------------------------------------------------------------------------------

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        """Let everyone in, and have the others know."""
        self._say_soon(Enter(_proof_of(seat.secret), room))
        answer(None)

    def leave(self, seat: Seat, room: str) -> None:
        """Have the others know."""
        self._say_soon(Exit(_proof_of(seat.secret), room))

    def elsewhere(self, room: str) -> Iterable[Identity]:
        """Return who is in a room on other servers."""
        _, _, mirror = self._running
        return mirror.elsewhere(room)

    def rooms_elsewhere(self, after: str | None, prefix: str) -> Iterable[str]:
        """Return the rooms that somebody is in on other servers, in order."""
        _, _, mirror = self._running
        return mirror.rooms(after, prefix)

    def kick(self, account: str | None, room: str) -> None:
        """Have the others know."""
        self._say(Kick(account, room))

    # --- the end of a seat -----------------------------------------------------------------------

    def vacate(self, seat: Seat, reserved_until: float | None) -> Identity | None:
        """Have the others know, and let the log decide how long it is reserved."""
        host, _, _ = self._running
        proof, identity = _proof_of(seat.secret), seat.identity
        seat.vacate()
        if self._seats.get(proof) is not seat:
            return None  # another server has it, or nobody
        keep = None if reserved_until is None else max(round((reserved_until - host.clock()) * _SECOND), 0)
        self._say(Release(proof, keep))
        if keep is None or not self._is_last(seat, proof):
            self._drop(proof, seat)
            return None
        for other in self._reservations.add(identity, address_of(seat.peer)):
            self._forget(other)
        return None

    def _is_last(self, seat: Seat, proof: str) -> bool:
        """Tell whether a seat is known to be the last in use of its identity, on any server."""
        _, replica, _ = self._running
        found = None if replica.state is None else replica.state.seats.get(proof)
        if found is None or seat.identity.in_use:
            return False
        return all(other.node is None for other in found.identity.seats.values() if other is not found)

    def expire(self, identity: Identity, now: float) -> None:
        """Do nothing: reservations expire by the log's time."""

    def sessions_of(self, account: str) -> list[Occupant]:
        """Return the sessions of an account that are in this process."""
        seats = [seat for seat in self._seats.values() if seat.identity.account == account]
        return [seat.session for seat in seats if seat.session is not None]

    def away(self) -> list[Seat]:
        """Return the seats of those who were here last, and are away."""
        return [seat for seat in self._seats.values() if seat.session is None]

    def revise(self, gate: Gate, away: Sequence[Seat]) -> None:
        """Look at some who were away."""
        for seat in away:
            if seat.session is not None or self._seats.get(_proof_of(seat.secret)) is not seat:
                continue
            if gate.may_stay(seat.person, seat.peer) or not gate.may_call(seat.person, seat.identity.nick):
                self._forget(seat.identity)

    def _forget(self, identity: Identity) -> None:
        """Have a reserved identity forgotten by all."""
        self._reservations.discard(identity)
        for seat in identity.seats:
            if seat.session is None:
                proof = _proof_of(seat.secret)
                self._drop(proof, seat)
                self._say(Forget(proof))

    def _drop(self, proof: str, seat: Seat) -> None:
        if self._seats.get(proof) is seat:
            del self._seats[proof]
        seat.identity.remove(seat)

    # --- the roster's user -----------------------------------------------------------------------

    def roster_lost(self, proof: str) -> None:
        """End the session of a seat that was moved, or whose nick somebody else has got."""
        _, replica, _ = self._running
        seat, state = self._seats.get(proof), replica.state
        if seat is None:
            return
        found = None if state is None else state.seats.get(proof)
        session = seat.session
        if found is None or found.node != replica.node:  # else it has moved within this server
            self._drop(proof, seat)
        if session is not None:
            # A session of an account whose identity was made again meanwhile joins that by its key.
            is_known = found is None and seat.identity.account is not None
            session.end("drain" if is_known else "taken_over")
            seat.vacate()

    def roster_changed(self, events: Sequence[Event]) -> None:
        """Show what an entry has done."""
        _, replica, mirror = self._running
        if replica.state is None:
            return
        for event in events:
            if isinstance(event, Taken) and event.node != replica.node and event.proof in self._seats:
                seat = self._seats[event.proof]  # of somebody who was away
                self._reservations.discard(seat.identity)
                self._drop(event.proof, seat)
        for identity in mirror.take(replica.state, events):
            self._reservations.discard(identity)
            for seat in identity.seats:
                if seat.session is None:
                    self._drop(_proof_of(seat.secret), seat)

    def roster_began(self) -> None:
        """Show nobody of other servers until they have said who they have."""
        _, _, mirror = self._running
        for seat in self.away():
            self._reservations.discard(seat.identity)
            self._drop(_proof_of(seat.secret), seat)
        mirror.forget_others()


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """Log a bug in what is done within, and go on."""
    try:
        yield
    except Exception as error:
        directory_failed.log_bug(error)


def _guarded(answer: Callable[[Result], None], result: Result) -> None:
    with _going_on():
        answer(result)


def _proof_of(secret: str) -> str:
    return blake2b(secret.encode(), digest_size=16).hexdigest()


def _refusal(refused: Refused) -> Refusal:
    wait = None if refused.wait is None else refused.wait / _SECOND
    match refused.code:
        case "limit_exceeded":
            return Refusal("limit_exceeded", "there are too many sessions of your account")
        case "nick_taken" if wait is None:
            return Refusal("nick_taken", f"the nick {refused.nick} is in use")
        case "nick_taken":
            return Refusal("nick_taken", f"the nick {refused.nick} is reserved for its owner", wait)
        case _:
            return Refusal("unavailable", "it is not known yet who is here", wait)


_: type[Directory] = SharedDirectory
__: type[LogListener] = SharedDirectory
___: type[RosterUser] = SharedDirectory
