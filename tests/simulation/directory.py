"""A directory that answers in its own manner; what it decides is compared with a model after each step.

It remembers which seats are in which rooms, as a directory must that tells other machines: so a core that
forgets to say that a seat has left is found out.
"""

from collections.abc import Callable, Iterable, Sequence
from unittest import mock

from chatcore.address import Peer
from chatcore.gate import Gate, Person, Refusal
from chatcore.names import fold
from chatcore.server.directory import Claimed, Directory, Host, Identity, LocalDirectory, Occupant, Seat
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from tests.simulation.identities import Holder, Identities, Verdict
from tests.simulation.manners import Answers
from tests.simulation.step import expect
from tests.simulation.world import World

__all__ = ["SimDirectory"]

_NOT_NOW = Refusal("unavailable", "the directory does not know", 0.5)


class SimDirectory:
    """Decides as a `LocalDirectory` does, at some time."""

    def __init__(self, world: World, gate: Gate) -> None:
        self.answers = Answers("directory", world, self._run)
        self.entries: dict[tuple[Seat, str], None] = {}
        self._world = world
        self._gate = gate
        with mock.patch("chatcore.server.directory.ARRIVALS_BURST", world.arrivals):
            self._local = LocalDirectory(world.limits)
        self._model = Identities(world.limits, world.arrivals)
        self._claims: dict[Seat, Claimed] = {}  # what each seat was given for last
        self._holders: dict[Identity, Holder] = {}
        self._unanswered: dict[object, Identity] = {}  # renames that are decided
        self._hub: Hub | None = None

    def serve(self, hub: Hub) -> None:
        """Learn for whom to answer."""
        self._hub = hub

    # --- the seam --------------------------------------------------------------------------------

    def start(self, host: Host) -> None:
        """Have been told by `serve` already."""

    def close(self) -> None:
        """Do nothing."""

    def elsewhere(self, room: str) -> Iterable[Identity]:
        """Return nobody."""
        return ()

    def rooms_elsewhere(self, after: str | None, prefix: str) -> Iterable[str]:
        """Return none."""
        return ()

    def kick(self, account: str | None, room: str) -> None:
        """Do nothing."""

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        """Decide about a claim."""
        self._judge_rights(claim.person, claim.peer, claim.nick)
        self.answers.ask(lambda: self._claim(claim), answer, _NOT_NOW)

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        """Decide about a nick."""
        self._judge_rights(seat.person, seat.peer, nick)
        request = object()

        def decide() -> str | Refusal:
            self._unanswered[request] = seat.identity
            return self._rename(seat, nick, variant)

        def receive(value: str | Refusal) -> None:
            self._unanswered.pop(request, None)
            answer(value)

        self.answers.ask(decide, receive, _NOT_NOW)

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        """Decide about a room."""
        self.answers.ask(lambda: self._enter(seat, room), answer, _NOT_NOW)

    def leave(self, seat: Seat, room: str) -> None:
        """Note that somebody is not in a room, once all that was asked before is decided."""
        self.answers.then(lambda: self._leave(seat, room))

    def vacate(self, seat: Seat, reserved_until: float | None) -> Identity | None:
        """Let a seat be without a session."""
        self._judge_given_back(seat, reserved_until)
        if self._local._by_secret.get(seat.secret) is seat:
            self._model.vacate(seat.secret, reserved_until)
        reserved = self._local.vacate(seat, reserved_until)
        self.entries = {entry: None for entry in self.entries if entry[0] is not seat}
        self._compare()
        return reserved

    def expire(self, identity: Identity, now: float) -> None:
        """Forget who did not come back."""
        self._model.expire(self._holders[identity], now)
        self._local.expire(identity, now)
        self._compare()

    def sessions_of(self, account: str) -> list[Occupant]:
        """Return the sessions of an account."""
        return self._local.sessions_of(account)

    def away(self) -> list[Seat]:
        """Return the seats without a session."""
        return self._local.away()

    def revise(self, gate: Gate, away: Sequence[Seat]) -> None:
        """Forget who may not come back."""
        for seat in self.seats():
            if seat.session is None and not _may_come(gate, seat):
                self._model.forget(seat.secret)
        self._local.revise(gate, away)
        self._compare()

    # --- deciding --------------------------------------------------------------------------------

    def _claim(self, claim: Claimed) -> Seat | Refusal:
        verdict = self._model.claim(claim)
        answers: list[Seat | Refusal] = []
        self._local.claim(claim, answers.append)
        [answer] = answers
        if isinstance(answer, Refusal):
            self._world.saw(f"a claim refused: {answer.code}")
            expect(answer.code == verdict.code, "directory refuses", claim, "as", answer, "and not", verdict)
        else:
            self._note_seat(claim, answer, verdict)
        self._compare()
        return answer

    def _note_seat(self, claim: Claimed, seat: Seat, verdict: Verdict) -> None:
        expect(verdict.holder is not None, "directory lets in", claim, "which was to be refused:", verdict)
        holder = self._holders.setdefault(seat.identity, verdict.holder or Holder("", None, None))
        expect(holder is verdict.holder, "directory lets", claim, "into", seat, "and not", verdict)
        expect(verdict.secret in (None, seat.secret), "directory does not adopt the secret of", claim)
        if claim.secret in holder.seats:
            self._world.saw("a seat moved" if len(holder.seats) == 1 else "a seat moved beside others")
        elif holder.seats:
            self._world.saw("another seat of an identity")
        self._model.seat(verdict, seat.secret, claim.session)
        self._claims[seat] = claim

    def _rename(self, seat: Seat, nick: str, variant: bool) -> str | Refusal:
        if seat not in seat.identity.seats:
            return _NOT_NOW
        if len(seat.identity.seats) > 1:
            self._world.saw("a rename of several sessions")
        there = seat.session is not None
        expected = self._model.rename(seat.secret, nick, variant=variant) if there else None
        answers: list[str | Refusal] = []
        self._local.rename(seat, nick, variant, answers.append)
        [answer] = answers
        expect(
            answer == expected or (isinstance(answer, Refusal) and expected is None),
            "directory makes",
            seat,
            answer,
            "and not",
            expected,
        )
        self._compare()
        return answer

    def _enter(self, seat: Seat, room: str) -> Refusal | None:
        if seat.session is None:
            return _NOT_NOW
        self.entries[seat, room] = None
        return None

    def _leave(self, seat: Seat, room: str) -> None:
        self.entries.pop((seat, room), None)

    # --- judging ---------------------------------------------------------------------------------

    def is_being_renamed(self, identity: Identity) -> bool:
        """Whether it has a nick that nobody here was told of: only then are its rights asked for again."""
        return identity in self._unanswered.values()

    def seats(self) -> list[Seat]:
        """Return all seats, also of those who are away."""
        return list(self._local._by_secret.values())

    def _judge_rights(self, person: Person, peer: Peer, nick: str) -> None:
        """Check that nobody asks who may not stay, or may not have the nick."""
        refusal = self._gate.may_stay(person, peer)
        expect(refusal is None, "directory is asked for", person, "who may not stay:", refusal)
        expect(self._gate.may_call(person, nick), "directory is asked for", nick, "by", person)

    def _judge_given_back(self, seat: Seat, reserved_until: float | None) -> None:
        """Check that a seat that came too late is reserved, if it was known before."""
        claim, session = self._claims.get(seat), seat.session
        if claim is None or claim.secret is None or claim.session is not session:
            return
        came_late = isinstance(session, Session) and session.seat is not seat
        if came_late and _may_come(self._gate, seat):
            expect(reserved_until is not None, seat, "came too late, and is not reserved")

    def _compare(self) -> None:
        local = self._local
        nicks, seats = self._model.nicks_folded(), self._model.seats()
        expect(local._by_nick_folded.keys() == nicks, "nicks are", local._by_nick_folded, "and not", nicks)
        found = {secret: (seat.identity.nick, seat.session) for secret, seat in local._by_secret.items()}
        expect(found == seats, "seats are", found, "and not", seats)
        accounts = self._model.accounts()
        expect(local._by_account.keys() == accounts, "accounts are", local._by_account, "not", accounts)

    def judge_end(self) -> None:
        """Check that nobody is remembered."""
        expect(not self._model.nicks_folded(), "nicks are left:", self._model.nicks_folded())
        expect(not self.seats(), "seats are left:", self.seats())
        expect(not self.entries, "seats are left in rooms:", self.entries)

    def _run(self, act: Callable[[], None]) -> None:
        assert self._hub is not None
        with self._hub.lock:
            act()
        self._hub.follow_up()


def _may_come(gate: Gate, seat: Seat) -> bool:
    may_stay = gate.may_stay(seat.person, seat.peer) is None
    return may_stay and gate.may_call(seat.person, fold(seat.identity.nick))


_: type[Directory] = SimDirectory
