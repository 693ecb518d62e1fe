"""Servers over a log with faults: nothing is lost, repeated or reordered, and all states are the same."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.journal.replicated.cluster import run
from tests.rows import CLUSTER_SEEDS

_PER_TEST = 5

RARE = {
    "put_back",
    "fail",
    "kill",
    "cut",
    "request",
    "a void entry",
    "was given up",
    "was settled",
    "waited for a position",
}
"""What such a cluster is for, besides posts."""


@cache
def _seen(first: int, directory: Path) -> Counter[str]:
    seen = Counter[str]()
    for seed in range(first, first + _PER_TEST):
        (each := directory / str(seed)).mkdir()
        seen += run(seed, each).seen
    return seen


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all seeds have their files."""
    return tmp_path_factory.mktemp("seeds")


@pytest.mark.parametrize("first", range(0, CLUSTER_SEEDS, _PER_TEST))
def test_a_log_with_faults_costs_nobody_a_message_and_all_states_are_the_same(
    first: int, directory: Path
) -> None:
    assert _seen(first, directory)


def test_what_is_rare_happens_too(directory: Path) -> None:
    seen = Counter[str]()
    for first in range(0, CLUSTER_SEEDS, _PER_TEST):
        seen += _seen(first, directory)
    assert not RARE - seen.keys()


def test_a_failed_seed_says_which_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.journal.replicated.cluster.QUIET", 0)
    with pytest.raises(AssertionError, match="never becomes quiet") as caught:
        run(3, tmp_path)
    assert caught.value.__notes__ == ["seed=3"]
