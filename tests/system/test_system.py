"""Hundreds of runs of the whole system, each from a seed; ``python -m tests.system`` runs more."""

import pytest

from tests.rows import SYSTEM_SEEDS, SYSTEM_TLS_SEEDS, SYSTEM_WEB_SEEDS
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


@pytest.mark.parametrize("first", range(0, SYSTEM_WEB_SEEDS, 25))
def test_every_promise_is_kept_to_browsers(first: int) -> None:
    for seed in range(first, first + 25):
        try:
            assert System(seed, with_browsers=True).run(STEPS) == []
        except AssertionError as error:
            error.add_note(f"seed={seed}")
            raise


@pytest.mark.parametrize("kind", [{}, {"over_tls": True}, {"with_browsers": True}], ids=str)
def test_a_seed_gives_the_same_run_each_time(kind: dict[str, bool]) -> None:
    one, two = System(7, **kind), System(7, **kind)
    one.run(STEPS)
    two.run(STEPS)
    assert [type(event) for event in one.history.events()] == [type(event) for event in two.history.events()]
