"""Several hubs over one log, each with its people, who are promised what those of a single hub are."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore.journal import Unavailable
from chatcore.journal.replicated.machine import SLOTS
from chatcore.journal.replicated.replica import Replica
from tests.logged import watched_log
from tests.rows import HUB_SEEDS
from tests.simulation.cluster import HubCluster, simulate_cluster
from tests.simulation.replica import SimReplica
from tests.simulation.step import Violation

_PER_TEST = 4

_MORE = 50
"""Seeds that are run besides, at most, until all that is rare was seen: every second one has the rarest."""

RARE = {
    "a void entry",
    "a position of another hub",
    "a room removed",
    "an error: unavailable",
    "a seat moved",
}
"""What such a simulation is for, besides messages."""

_seen: Counter[str] = Counter()


@pytest.mark.parametrize("first", range(0, HUB_SEEDS, _PER_TEST))
def test_hubs_that_share_a_log_lose_repeat_and_reorder_nothing(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + _PER_TEST):
        (each := tmp_path / str(seed)).mkdir()
        _seen.update(simulate_cluster(seed, each))


def test_what_is_rare_happens_too(tmp_path: Path) -> None:
    for seed in range(HUB_SEEDS, HUB_SEEDS + _MORE):
        if not RARE - _seen.keys():
            break
        (each := tmp_path / str(seed)).mkdir()
        _seen.update(simulate_cluster(seed, each))
    assert not RARE - _seen.keys()


def test_nothing_fails_any_more_once_it_is_calm(tmp_path: Path) -> None:
    cluster = HubCluster(1, tmp_path)
    for replica in cluster.replicas:
        replica.fail_soon()
    with watched_log() as logged:
        cluster.run(0)
    assert logged.names == []


def test_a_hub_that_hears_of_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimReplica, "_hear", lambda replica: "it does not listen")
    with pytest.raises(Violation, match="never becomes quiet") as caught:
        simulate_cluster(1, tmp_path, steps=20)
    assert "python -m tests.simulation --cluster 1 --steps 20" in caught.value.__notes__[0]


def test_a_hub_where_a_reader_who_is_ahead_begins_anew_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = Replica.reach

    def reach_at_once(
        replica: Replica, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]
    ) -> None:
        if seq // SLOTS > replica.header.position:
            deliver(False)
        else:
            reach(replica, room, seq, deliver)

    monkeypatch.setattr(Replica, "reach", reach_at_once)
    with pytest.raises(Violation, match=r"begins anew|does not resume"):
        _run_all(range(10, 60), tmp_path)


def _run_all(seeds: range, directory: Path) -> None:
    for seed in seeds:
        (each := directory / str(seed)).mkdir()
        simulate_cluster(seed, each)
