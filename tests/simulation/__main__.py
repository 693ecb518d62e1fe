"""Replays one seed with a line for every step, or runs many: ``--seeds 5000``.

With ``--cluster`` it is a seed of several hubs over one log, and with ``--shared`` one of hubs that share a
directory as well.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.simulation.cluster import HubCluster, simulate_cluster
from tests.simulation.shared import calm
from tests.simulation.shared.calm import simulate_shared
from tests.simulation.shared.cluster import STEPS as SHARED_STEPS
from tests.simulation.shared.cluster import SharedCluster
from tests.simulation.simulation import STEPS, Simulation, simulate

ENOUGH = 10
"""Failed seeds after which the run stops."""


def main() -> int:
    """Run what the command line asks for; return 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the seed, or the first of many")
    parser.add_argument("--seeds", type=int, default=None, help="how many to run, each without its log")
    parser.add_argument("--steps", type=int, default=None, help="steps of chaos in each")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--cluster", action="store_true", help="several hubs over one log")
    kinds.add_argument("--shared", action="store_true", help="several hubs that share a directory, too")
    arguments = parser.parse_args()
    for name in ("chat.door", "chat.core", "chat.journal"):  # what fails here is what is to fail
        logging.getLogger(name).addHandler(logging.NullHandler())
    run, replay = _simulate_in(simulate_shared), _replay_shared
    if not arguments.shared:
        run, replay = (
            (_simulate_in(simulate_cluster), _replay_cluster) if arguments.cluster else (simulate, _replay)
        )
    steps = arguments.steps or (SHARED_STEPS if arguments.shared else STEPS)
    if arguments.seeds is None:
        return replay(arguments.seed, steps)
    return _run_many(run, range(arguments.seed, arguments.seed + arguments.seeds), steps)


def _simulate_in(run: Callable[[int, Path, int], Counter[str]]) -> Callable[[int, int], Counter[str]]:
    """Return what runs a seed in a directory of its own."""

    def simulate_there(seed: int, steps: int) -> Counter[str]:
        with tempfile.TemporaryDirectory() as directory:
            return run(seed, Path(directory), steps)

    return simulate_there


def _replay_cluster(seed: int, steps: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        cluster = HubCluster(seed, Path(directory))
        try:
            cluster.run(steps)
        finally:
            for number, hub in enumerate(cluster.hubs):
                for line in hub.log:
                    _say(f"hub {number} {line}")
    return 0


def _replay_shared(seed: int, steps: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        cluster = SharedCluster(seed, Path(directory))
        try:
            calm.run(cluster, steps)
        finally:
            for number, line in enumerate(cluster.log):
                _say(f"{number:5} {line}")
    return 0


def _replay(seed: int, steps: int) -> int:
    simulation = Simulation(seed)
    _say(f"seed={seed} {simulation.world.limits!r}")
    try:
        simulation.run(steps)
    finally:
        for number, line in enumerate(simulation.log):
            _say(f"{number:5} {line}")
    return 0


def _run_many(run: Callable[[int, int], Counter[str]], seeds: range, steps: int) -> int:
    failed = 0
    seen = Counter[str]()
    began = time.monotonic()
    for seed in seeds:
        try:
            seen += run(seed, steps)
        except Exception as error:
            failed += 1
            _say(f"seed={seed} {type(error).__name__}: {str(error)[:300]}")
            if failed == ENOUGH:
                break
    for what, count in seen.most_common():
        _say(f"{count:8} {what}")
    _say(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
