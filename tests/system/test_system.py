"""Hundreds of runs of the whole system, each from a seed; ``python -m tests.system`` runs more."""

import pytest

from tests.rows import SYSTEM_SEEDS
from tests.system.system import System

STEPS = 400


@pytest.mark.parametrize("first", range(0, SYSTEM_SEEDS, 50))
def test_every_promise_is_kept(first: int) -> None:
    for seed in range(first, first + 50):
        try:
            assert System(seed).run(STEPS) == []
        except AssertionError as error:
            error.add_note(f"seed={seed}")
            raise


def test_a_seed_gives_the_same_run_each_time() -> None:
    one, two = System(7), System(7)
    one.run(STEPS)
    two.run(STEPS)
    assert [type(event) for event in one.history.events()] == [type(event) for event in two.history.events()]
