"""A few hundred seeds in every run of the suite; ``make simulate SEEDS=5000`` for more."""

from collections import Counter
from functools import cache

import pytest

from tests.rows import SEEDS
from tests.simulation.simulation import Simulation, simulate
from tests.simulation.step import Violation
from tests.simulation.transport import Pipe

_PER_TEST = 50

RARE = {
    "gate is late",
    "gate answers twice",
    "gate never answers",
    "gate raises",
    "directory is late",
    "directory answers twice",
    "directory never answers",
    "directory raises",
    "an answer that was too late",
    "steps in which much waits for a room",
    "another seat of an identity",
    "a seat moved",
    "a seat moved beside others",
    "a rename of several sessions",
    "an unasked nick",
    "a claim refused: limit_exceeded",
    "a key revoked",
    "an account removed",
    "expelled",
    "moderated: mute",
    "moderated: kick",
    "moderated: close",
    "moderated: open",
    "moderated: admit",
    "moderated: lift",
    "a post of somebody who is muted",
    "an invite of another device",
    "closing: banned",
    "closing: revoked",
    "closing: taken_over",
    "a room removed",
    "a list of rooms",
    "a search",
    "a search that goes on",
}
"""What a simulation is for, besides messages."""


@pytest.mark.parametrize("first", range(0, SEEDS, _PER_TEST))
def test_no_message_is_lost_repeated_or_reordered(first: int) -> None:
    _seen(first)


def test_a_seed_replays_exactly_the_same_steps() -> None:
    logs = []
    for _ in range(2):
        simulation = Simulation(7)
        simulation.run(steps=200)
        logs.append(simulation.log)
    assert logs[0] == logs[1]


def test_what_is_rare_happens_too() -> None:
    seen = Counter[str]()
    for first in range(0, SEEDS, _PER_TEST):
        seen += _seen(first)
    assert not RARE - seen.keys()


def test_a_failed_seed_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pipe, "accept", lambda pipe, data: b"")  # nothing that the server writes arrives
    with pytest.raises(Violation) as caught:
        _run(range(_PER_TEST))
    assert any("python -m tests.simulation" in note for note in caught.value.__notes__)


@cache
def _seen(first: int) -> Counter[str]:
    """Run the seeds of one test, once for all tests; return how often what happened."""
    return _run(range(first, first + _PER_TEST))


def _run(seeds: range) -> Counter[str]:
    seen = Counter[str]()
    for seed in seeds:
        seen += simulate(seed)
    return seen
