"""Replays one seed with a line for every step, or runs many: ``--seeds 5000``.

With ``--cluster`` it is a seed of several hubs over one log.
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
from tests.simulation.simulation import STEPS, Simulation, simulate

ENOUGH = 10
"""Failed seeds after which the run stops."""


def main() -> int:
    """Run what the command line asks for; return 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the seed, or the first of many")
    parser.add_argument("--seeds", type=int, default=None, help="how many to run, each without its log")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of chaos in each")
    parser.add_argument("--cluster", action="store_true", help="several hubs over one log")
    arguments = parser.parse_args()
    logging.getLogger("chat.door").addHandler(
        logging.NullHandler()
    )  # thousands are refused, as they should be
    if arguments.seeds is None:
        replay = _replay_cluster if arguments.cluster else _replay
        return replay(arguments.seed, arguments.steps)
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    return _run_many(_simulate_cluster if arguments.cluster else simulate, seeds, arguments.steps)


def _simulate_cluster(seed: int, steps: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as directory:
        return simulate_cluster(seed, Path(directory), steps)


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
