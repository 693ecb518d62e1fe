"""Judges what people are told on the nodes of a cluster, against what the logs say.

A node is where it has read to: whatever holds for its people has to be what the log says at that position.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING

from chatcore.names import fold
from chatcore.roster.machine import LEASE
from chatcore.server.pending import ANSWER_SECONDS
from tests.protocol.frames import Closing, Error, Message
from tests.roster.history import Held, History
from tests.server.shared.machines import Machines
from tests.simulation.shared.ledger import Ledger
from tests.simulation.shared.node import Node
from tests.simulation.shared.roll import Roll
from tests.simulation.step import expect

if TYPE_CHECKING:
    from tests.simulation.shared.guest import Guest

__all__ = ["SLACK", "Judge", "proof_of"]

SLACK = 1.0
"""Seconds that anything may take besides."""

_POST = 12.0 + ANSWER_SECONDS  # what the log does not take is given up, and may wait for a nick or a room

_BOUNDS = {"hello": 10.0, "nick": 2 * ANSWER_SECONDS, "join": 2 * ANSWER_SECONDS, "post": _POST}
"""Seconds in which a question has its answer, whatever happens. What is not here waits for others at most."""

_OTHERS = 2 * ANSWER_SECONDS


def proof_of(secret: str) -> str:
    """Return what the log knows of a secret."""
    return blake2b(secret.encode(), digest_size=16).hexdigest()


class Judge:
    """Knows both logs, and who was ever called what."""

    def __init__(self, machines: Machines) -> None:
        self.ledger = Ledger()
        self.seen = Counter[str]()
        self.kicks: list[
            tuple[str | None, str]
        ] = []  # that were asked for: an account or everybody, and a room
        self._machines = machines
        self._roll = Roll(machines.log)
        self._history = History()
        self._held: dict[Guest, Held] = {}
        self._claimed: dict[Guest, int] = {}  # the stamp of the claim by which each was let in

    # --- what somebody is told -------------------------------------------------------------------

    def let_in(self, guest: "Guest") -> None:
        """Judge a welcome: the log gives the seat to this node, under this nick."""
        self.seen["a welcome"] += 1
        proof, node = proof_of(guest.secret), guest.node
        seat = self._roll.at(node.position).seats.get(proof)
        is_here = seat is not None and seat.node == node.roster.node
        expect(is_here, guest, "is let in, and the log says", seat)
        assert seat is not None
        self._claimed[guest] = seat.claimed
        expect(seat.nick == guest.nick, guest, "is called", guest.nick, "and the log says", seat)
        cut_at = node.cut_at
        is_late = cut_at is not None and node.clock.now >= cut_at + LEASE
        expect(not is_late, guest, "is let in by a node that is cut off since", cut_at)
        if guest.secret == guest.person.secret:
            self.seen["a session resumed"] += 1
        self._hold(guest)

    def refused(self, guest: "Guest", error: Error) -> None:
        """Judge a refusal: nobody is refused the nick whose secret was shown.

        The seat has it before the entry and after it. It may get it by a later act of the entry, where a
        second connection of the same person claims what was not free for the first.
        """
        shown, position = guest.shown, guest.node.position
        if shown is None or error.code != "nick_taken" or shown.session is None:
            return
        proof = proof_of(shown.session)
        seats = [self._roll.at(each).seats.get(proof) for each in (position - 1, position)]
        is_own = all(seat and (seat.nick, seat.account) == (shown.nick, guest.account) for seat in seats)
        expect(not is_own, guest, "shows the secret of", seats, "and gets", error)

    def called(self, guest: "Guest") -> None:
        """Note that somebody has another nick."""
        self.seen["a nick"] += 1
        if (held := self._held.get(guest)) is not None and held.nick != fold(guest.nick):
            held.until = guest.node.position
            self._hold(guest)

    def closed(self, guest: "Guest", closing: Closing) -> None:
        """Judge the end of a session: it is taken over only if the log says so."""
        if closing.reason != "taken_over":
            return
        seat = self._roll.at(guest.node.position).seats.get(proof_of(guest.secret))
        is_same = seat is not None and seat.node == guest.node.roster.node
        moved = guest.number < guest.person.came  # within this node, by a connection that may be gone by now
        expect(not is_same or moved, guest, "is taken over, and the log says", seat)

    def put_out(self, guest: "Guest", room: str, since: int) -> None:
        """Judge that somebody is put out: that was asked for since they joined, or is read now."""
        self.seen["put out"] += 1
        read = self._roll.at(guest.node.position).kicks
        asked = [each for each in self.kicks[since:] if each in ((guest.account, room), (None, room))]
        fair = bool(asked) or any(each.room == room for each in read)
        expect(fair, guest, "is put out of", room, "and nobody wanted that")

    def ended(self, guest: "Guest") -> None:
        """Note the end of a connection."""
        if (held := self._held.pop(guest, None)) is not None:
            held.until = guest.node.position

    def shown(self, guest: "Guest", message: Message) -> None:
        """Judge a message: it is what is stored. `FrameReader` asserts that none is missed or comes twice."""
        stored = self.ledger.log(message.room).by_id.get(message.id)
        expect(stored == message, guest, "is shown", message, "and stored is", stored)

    def _hold(self, guest: "Guest") -> None:
        person = guest.person
        self._held[guest] = self._history.hold(
            fold(guest.nick),
            person.account or person.name,
            guest.node.position,
            has_devices=person.account is not None,
        )

    def kicks_since(self, position: int) -> int:
        """Return how many kicks the log has after a position."""
        return sum(
            len(self._roll.at(each).kicks) for each in range(position + 1, self._machines.log.last + 1)
        )

    # --- what a node has read --------------------------------------------------------------------

    def judge_kicks(self, node: Node, guests: Iterable["Guest"]) -> None:
        """Check that those are out whom the entry that the node has just read puts out."""
        for kick in self._roll.at(node.position).kicks:
            if kick.node == node.roster.node:
                continue  # it has put them out already, and they may have come back
            self.seen["a kick read by another node"] += 1
            for guest in guests:
                is_in = kick.account in (None, guest.account) and kick.room in guest.rooms
                expect(not (is_in and guest.is_served), guest, "is still in, and the log has", kick)

    def judge_node(self, node: Node, guests: Iterable["Guest"]) -> None:
        """Check that nobody is here whose session is elsewhere, or whose nick is somebody else's."""
        state, name = self._roll.at(node.position), node.roster.node
        secrets: dict[str, Guest] = {}
        for guest in guests:
            if not guest.is_served:
                self.ended(guest)
                continue
            proof = proof_of(guest.secret)
            seat, holders = state.seats.get(proof), state.holders.get(fold(guest.nick), frozenset())
            # A node that was gone may say in its roster that it has a session that has moved since.
            is_elsewhere = seat is not None and seat.node not in (None, name)
            is_later = is_elsewhere and seat is not None and seat.claimed > self._claimed[guest]
            expect(not is_later, guest, "is here, and the log says", seat)
            if seat is not None and seat.node == name:
                expect(fold(seat.nick) == fold(guest.nick), guest, "is", guest.nick, "and the log says", seat)
            elif holders and proof not in holders:
                others = {state.seats[each].account for each in holders}
                is_own = guest.account is not None and others == {guest.account}
                expect(is_own, guest, "is", guest.nick, "and the log gives that to", holders)
            other = secrets.setdefault(guest.secret, guest)
            expect(other is guest, guest, "and", other, "have one secret")

    def judge_waiting(self, node: Node, guests: Iterable["Guest"]) -> None:
        """Check that nobody on a node waits for too long."""
        now = node.clock.now
        for guest in guests:
            for (kind, key), asked_at in guest.open.items():
                due = max(asked_at, node.resumed_at) + _BOUNDS.get(kind, _OTHERS) + SLACK
                expect(now <= due, guest, "waits since", asked_at, "for", kind, key, "and it is", now)

    def judge_nicks(self) -> None:
        """Check that no nick has ever had two holders."""
        log = self._machines.log
        self._history.judge(log.last, [entry.at / 1e6 for entry in log.entries])
