"""Servers, people and thieves over a log with faults, by seeds; and whether planted faults are found."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest

from chatcore.roster import machine
from chatcore.roster.acts import Act, Claim
from chatcore.roster.machine import Granted, Machine, Refused
from chatcore.roster.replica import Answer, RosterReplica
from chatcore.roster.state import State
from tests.roster.cluster import Cluster
from tests.roster.history import Violation

SEEDS = 60
PLANTED_SEEDS = 300


def test_no_seed_finds_a_nick_with_two_holders_or_a_theft() -> None:
    seen = Counter[str]()
    for seed in range(SEEDS):
        try:
            seen += Cluster(seed).run()
        except Exception as error:
            error.add_note(f"seed={seed}")
            raise
    expected = {
        "a claim granted",
        "a claim refused: nick_taken",
        "a claim that was given up",
        "a connection broken",
        "a goodbye",
        "a kill",
        "a rename answered",
        "a session lost its seat",
        "a session moved",
        "another seat of an identity",
        "a thief gets what is free",
    }
    assert expected <= seen.keys()


def without_fence() -> AbstractContextManager[Any]:
    """Whatever was written counts, also twice."""
    return mock.patch.object(machine, "admits", return_value=True)


def with_any_proof() -> AbstractContextManager[Any]:
    """A proof that no longer counts moves whoever has the nick."""
    claim = Machine._claim

    def accept(self: Machine, act: Claim, node: str) -> Granted | Refused:
        holder = self.state.holder(act.nick)
        seats = list(holder.seats) if holder is not None and act.proof is not None else []
        return claim(self, act._replace(proof=seats[0]) if seats else act, node)

    return mock.patch.object(Machine, "_claim", accept)


def with_a_local_clock() -> AbstractContextManager[Any]:
    """A server is gone when the clock of whoever looks says so."""
    move = State.move

    def move_by_chance(self: State, position: int, at: int) -> None:
        move(self, position, at + (id(self) // 64 % 2) * 40_000_000)

    return mock.patch.object(State, "move", move_by_chance)


def decided_at_once() -> AbstractContextManager[Any]:
    """A nick that is free as far as is known is given before that was read back."""
    ask = RosterReplica.ask

    def decide(self: RosterReplica, act: Act, answer: Answer | None = None) -> None:
        is_free = isinstance(act, Claim) and self.state is not None and self.state.holder(act.nick) is None
        if isinstance(act, Claim) and is_free and answer is not None and not self.is_cut_off:
            answer(Granted(act.fresh, act.fresh, 0))
            ask(self, act, lambda result: None)
        else:
            ask(self, act, answer)

    return mock.patch.object(RosterReplica, "ask", decide)


def stealing_back() -> AbstractContextManager[Any]:
    """A server that was gone takes back what others have got since."""
    seat_of = Machine._seat_of

    def take(self: Machine, row: Any, node: str) -> Any:
        return self.state.seats.get(row.proof) or seat_of(self, row, node)

    return mock.patch.object(Machine, "_seat_of", take)


def without_reserving() -> AbstractContextManager[Any]:
    """The nicks of a server that is gone are free."""
    vacate = Machine._vacate

    def forget(self: Machine, seat: Any, until: int | None) -> None:
        node = self.state.nodes.get(seat.node)
        vacate(self, seat, None if node is not None and node.is_gone else until)

    return mock.patch.object(Machine, "_vacate", forget)


PLANTS = (
    without_fence,
    with_any_proof,
    with_a_local_clock,
    decided_at_once,
    stealing_back,
    without_reserving,
)


def violations() -> Iterator[int]:
    for seed in range(PLANTED_SEEDS):
        try:
            Cluster(seed).run()
        except (Violation, LookupError, AssertionError):
            yield seed


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Callable[[], AbstractContextManager[Any]]) -> None:
    with plant():
        assert next(violations(), None) is not None
