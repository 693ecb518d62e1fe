"""Hundreds of runs of the whole system, each from a seed; ``python -m tests.system`` runs more."""

import pytest

from tests.rows import SYSTEM_SEEDS, SYSTEM_TLS_SEEDS
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


def test_every_promise_is_kept_over_tls() -> None:
    for seed in range(SYSTEM_TLS_SEEDS):
        try:
            assert System(seed, over_tls=True).run(STEPS) == []
        except AssertionError as error:
            error.add_note(f"seed={seed}")
            raise


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_seed_gives_the_same_run_each_time(over_tls: bool) -> None:
    one, two = System(7, over_tls=over_tls), System(7, over_tls=over_tls)
    one.run(STEPS)
    two.run(STEPS)
    assert [type(event) for event in one.history.events()] == [type(event) for event in two.history.events()]
