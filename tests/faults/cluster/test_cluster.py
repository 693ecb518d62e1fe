"""A cluster keeps every promise when its servers are killed, and worse; and mistakes are found."""

from pathlib import Path
from typing import Any

import pytest

from tests import rows
from tests.faults.cluster.kinds import COMMON, RARE, impossible
from tests.faults.cluster.launched import MISTAKES
from tests.faults.cluster.nicks import Held, two_at_a_time
from tests.faults.cluster.storm import ClusterStorm, Ended

SHORT = "3"
"""Seconds of a lease, so that a test need not wait for the long one at the start of its log."""


def after(directory: Path, *kinds: str, nodes: int = 3, **env: Any) -> Ended:
    """Return what a storm comes to in which all this happens."""
    faults = {**COMMON, **RARE}
    with ClusterStorm(directory, seed=len(kinds), nodes=nodes, pause=0.2, **env) as storm:
        for kind in kinds:
            storm.round(faults[kind])
        return storm.end()


def test_promises_hold_when_a_chat_server_and_the_leader_are_killed(tmp_path: Path) -> None:
    ended = after(tmp_path, *rows.CLUSTER_FAULTS, nodes=2, LEASE=SHORT)
    assert ended.violations == []
    assert ended.durabilities == {"replicated"}
    assert ended.holds


@pytest.mark.parametrize("kinds", [COMMON, RARE], ids=["common", "rare"])
def test_promises_hold_whatever_happens(tmp_path: Path, kinds: dict[str, object]) -> None:
    ended = after(tmp_path, *(kind for kind in kinds if kind not in impossible()))
    assert ended.violations == []
    assert ended.durabilities == {"replicated"}


MISTAKES_FOUND = {
    "acknowledges what was sent": "false ack",
    "lets everything count": "own order",
    "stores another nick": "disagreement",
    "gives a nick twice": "disagreement",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(tmp_path: Path, mistake: str) -> None:
    env: dict[str, Any] = {"LOSES": "6"} if mistake == "lets everything count" else {}
    with ClusterStorm(
        tmp_path, seed=3, nodes=2, pause=0.02, patience=5.0, LEASE=SHORT, PLANTED=mistake, **env
    ) as storm:
        storm.wait_for_acks(200, 300)
        ended = storm.end()
    assert MISTAKES_FOUND[mistake] in {violation.kind for violation in ended.violations}


def test_two_who_have_a_nick_at_one_time_are_found() -> None:
    one, other = Held("crown", "ada", 1.0, 3.0), Held("crown", "bob", 2.0, 4.0)
    assert [violation.kind for violation in two_at_a_time([other, one])] == ["disagreement"]
    assert two_at_a_time([one, other._replace(since=3.0)]) == []
    assert two_at_a_time([one, other._replace(who="ada")]) == []
    assert two_at_a_time([one, other._replace(nick="robe")]) == []
    inside = [one._replace(since=1.1, until=1.2), other]
    assert len(two_at_a_time([one, *inside])) == 1
