"""A few hundred seeds in every run of the suite; ``make simulate SEEDS=5000`` for more."""

import pytest

from tests.rows import SEEDS
from tests.simulation.simulation import Simulation, simulate
from tests.simulation.step import Violation

_PER_TEST = 50


@pytest.mark.parametrize("first", range(0, SEEDS, _PER_TEST))
def test_no_message_is_lost_repeated_or_reordered(first: int) -> None:
    _run(range(first, first + _PER_TEST))


def test_a_seed_replays_exactly_the_same_steps() -> None:
    logs = []
    for _ in range(2):
        simulation = Simulation(7)
        simulation.run(steps=200)
        logs.append(simulation.log)
    assert logs[0] == logs[1]


def test_a_failed_seed_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "chatcore.server.member.Member.receive_page", lambda member, page: member._move(page.page.base)
    )
    with pytest.raises(Violation) as caught:
        _run(range(50))
    assert any("python -m tests.simulation" in note for note in caught.value.__notes__)


def _run(seeds: range) -> None:
    for seed in seeds:
        simulate(seed)
