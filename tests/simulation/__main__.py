"""Replays one seed with a line for every step, or runs many: ``--seeds 5000``."""

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.simulation import STEPS, Simulation, simulate

ENOUGH = 10
"""Failed seeds after which the run stops."""


def main() -> int:
    """Run what the command line asks for; return 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the seed, or the first of many")
    parser.add_argument("--seeds", type=int, default=None, help="how many to run, each without its log")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of chaos in each")
    arguments = parser.parse_args()
    logging.getLogger("chat.door").addHandler(
        logging.NullHandler()
    )  # thousands are refused, as they should be
    if arguments.seeds is None:
        return _replay(arguments.seed, arguments.steps)
    return _run_many(range(arguments.seed, arguments.seed + arguments.seeds), arguments.steps)


def _replay(seed: int, steps: int) -> int:
    simulation = Simulation(seed)
    _say(f"seed={seed} {simulation.world.limits!r}")
    try:
        simulation.run(steps)
    finally:
        for number, line in enumerate(simulation.log):
            _say(f"{number:5} {line}")
    return 0


def _run_many(seeds: range, steps: int) -> int:
    failed = 0
    seen = Counter[str]()
    began = time.monotonic()
    for seed in seeds:
        try:
            seen += simulate(seed, steps)
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
