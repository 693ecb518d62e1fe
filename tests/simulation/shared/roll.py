"""What the log of who is here says at each of its positions."""

from collections.abc import Mapping
from typing import NamedTuple

from chatcore.names import fold
from chatcore.roster.machine import Applied, Kicked, Machine
from chatcore.roster.replica import read_entry
from tests.journal.replicated.faulty_log import FaultyLog

__all__ = ["Placed", "Roll", "State"]


class Placed(NamedTuple):
    """A seat: on which node, if any, and for whom."""

    node: str | None
    nick: str
    account: str | None
    claimed: int  # the stamp of the claim: of two, the later one counts


class State(NamedTuple):
    """Who is here at one position."""

    seats: Mapping[str, Placed]  # by proof
    holders: Mapping[str, frozenset[str]]  # proofs, by folded nick
    kicks: tuple[Kicked, ...]  # of the entry at this position


class Roll:
    """Reads each entry once, in order. `chatcore.roster` decides what it does, and has a model of its own."""

    def __init__(self, log: FaultyLog) -> None:
        self._log = log
        self._machine = Machine(log.identity, 1)
        self._states = [State({}, {}, ())]

    def at(self, position: int) -> State:
        """Return who is here at a position of the log that is there."""
        while len(self._states) <= position:
            entry, frame = read_entry(self._log.entries[len(self._states) - 1])
            self._states.append(self._state(self._machine.apply(entry, frame)))  # type: ignore[arg-type]  # all are of this version
        return self._states[position]

    def _state(self, applied: Applied) -> State:
        state = self._machine.state
        seats = {
            proof: Placed(seat.node, seat.identity.nick, seat.identity.account, seat.claimed)
            for proof, seat in state.seats.items()
        }
        holders = {fold(one.nick): frozenset(one.seats) for one in state.identities.values()}
        return State(seats, holders, tuple(each for each in applied.events if isinstance(each, Kicked)))
