"""Faults that such a journal could have, planted: the cluster of `cluster` has to find each of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatcore.journal import Unavailable
from chatcore.journal.replicated.machine import SLOTS, Applied
from chatcore.journal.replicated.replica import Replica
from chatcore.journal.replicated.state import StateFile
from chatcore.replication import machine
from chatcore.replication.outbox import Outbox
from tests.journal.replicated.cluster import run

SEEDS = 40
"""Seeds within which a fault has to be found."""

Plant = Callable[[pytest.MonkeyPatch], None]


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """Entries count in whatever order they come, and however often."""
    patch.setattr(machine, "admits", lambda known, term, number: True)
    patch.setattr(Outbox, "read", read_any)


def read_any(outbox: Outbox[Applied], node: str, term: int, number: int, applied: Applied) -> None:
    """Take note of an entry, whether or not it is the one that was sent first."""
    parcels: Any = outbox._parcels
    for parcel in [each for each in parcels if each.number == number]:
        if node == outbox.node and term == outbox._term:
            parcels.remove(parcel)
            outbox._settled = True
            parcel.answer(applied)


def no_new_term(patch: pytest.MonkeyPatch) -> None:
    """A server that gave entries up gives their numbers to the next ones."""

    def abandon(outbox: Outbox[Applied]) -> None:
        parcels: Any = outbox._parcels
        given_up = list(parcels)
        parcels.clear()
        outbox._following -= len(given_up)
        outbox._settled = False
        for parcel in given_up:
            parcel.answer(None)

    patch.setattr(Outbox, "abandon", abandon)
    patch.setattr(Outbox, "read", read_any)


def ids_by_the_clock_of_a_server(patch: pytest.MonkeyPatch) -> None:
    """How long ids are remembered depends on a clock that is ahead at one of the servers."""
    forget = StateFile.forget_ids_until

    def forget_soon(file: StateFile, now: float) -> None:
        forget(file, now + (3_600.0 if file._path.name == "node-1" else 0.0))

    patch.setattr(StateFile, "forget_ids_until", forget_soon)


def retention_by_the_limits_of_a_server(patch: pytest.MonkeyPatch) -> None:
    """One of the servers stores less than the others."""
    expire = StateFile.expire

    def expire_more(file: StateFile, room: int, *, keep: int | None, **options: Any) -> int:
        return expire(file, room, keep=5 if file._path.name == "node-1" else keep, **options)

    patch.setattr(StateFile, "expire", expire_more)


def reset_instead_of_reach(patch: pytest.MonkeyPatch) -> None:
    """A reader who is ahead of its server begins again."""
    reach = Replica.reach

    def reach_at_once(
        replica: Replica, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]
    ) -> None:
        if seq // SLOTS > replica.header.position:
            deliver(False)
        else:
            reach(replica, room, seq, deliver)

    patch.setattr(Replica, "reach", reach_at_once)


PLANTS: dict[Plant, str] = {
    no_fence: "own order",
    no_new_term: "never becomes quiet|own order|false ack|duplicated",
    ids_by_the_clock_of_a_server: "the states differ",
    retention_by_the_limits_of_a_server: "the states differ",
    reset_instead_of_reach: "the log ends before that",
}
"""What is planted, and what is wrong then."""


@pytest.mark.parametrize(("plant", "words"), PLANTS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_planted_fault_is_found(
    plant: Plant, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=words):
        _run_all(tmp_path)


def _run_all(directory: Path) -> None:
    for seed in range(SEEDS):
        (each := directory / str(seed)).mkdir()
        run(seed, each)
