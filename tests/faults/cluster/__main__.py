"""Lets one thing after another happen to a cluster: ``python -m tests.faults.cluster --rounds 500``.

Rounds are in storms of some, each over new streams and judged at its end. The files of a storm in which
something was wrong are kept.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.faults.cluster.kinds import COMMON, RARE, impossible
from tests.faults.cluster.storm import ClusterStorm
from tests.faults.cluster.table import Table

TOGETHER = 25
"""Rounds in a storm."""

WEIGHTS = {**dict.fromkeys(COMMON, 3), **dict.fromkeys(RARE, 1)}
"""How often each comes among the others."""


def main() -> int:
    """Run what the command line asks for; return 1 if there was a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.cluster", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="how many things happen")
    parser.add_argument("--seed", type=int, default=None, help="which; without it, others each time")
    parser.add_argument("--kinds", default="", help="only these, with commas in between")
    parser.add_argument("--table", type=Path, default=None, help="a file for the table, written as it grows")
    arguments = parser.parse_args()
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    wanted = [kind.strip() for kind in arguments.kinds.split(",") if kind.strip()]
    kinds = {kind: weight for kind, weight in WEIGHTS.items() if kind in (wanted or WEIGHTS)}
    for kind, reason in impossible().items():
        if kinds.pop(kind, None):
            _say(f"no {kind}: {reason}")
    rounds = list(_rounds(kinds, arguments.rounds, random.Random(seed)))
    table = Table()
    for start in range(0, len(rounds), TOGETHER):
        _storm(seed, rounds[start : start + TOGETHER], table, arguments.table)
        seed += 1
    _say(*table.lines())
    return 1 if table.violations else 0


def _rounds(weights: Mapping[str, int], number: int, chosen: random.Random) -> Iterator[str]:
    """Yield kinds in a random order, in which each has come as often as its weight says after a while."""
    while number > 0:
        kinds = [kind for kind, weight in weights.items() for _ in range(weight)]
        chosen.shuffle(kinds)
        yield from kinds[:number]
        number -= len(kinds)


def _storm(seed: int, rounds: Sequence[str], table: Table, path: Path | None) -> None:
    faults = {**COMMON, **RARE}
    directory = Path(tempfile.mkdtemp(prefix=f"chat-cluster-{seed}-"))
    _say(f"seed {seed}, {directory}")
    try:
        with ClusterStorm(directory, seed) as storm:
            for kind in rounds:
                before, begun = storm.talks.acks, time.monotonic()
                silence = storm.round(faults[kind])
                acked, took = storm.talks.acks - before, time.monotonic() - begun
                table.note(kind, acked, silence)
                _say(f"{kind}: {acked} acked, silent for {silence:.1f} s of {took:.1f} s")
            ended = storm.end()
            table.holds += ended.holds
            table.helped += storm.helped
            table.emptied += storm.emptied
            found = [f"{violation.kind}: {violation.words}" for violation in ended.violations]
            if ended.durabilities != {"replicated"}:
                found.append(f"posts were acknowledged as {sorted(ended.durabilities)}")
    except Exception as error:
        traceback.print_exc()
        found = [f"{type(error).__name__}: {error}"]
    table.violations += [f"seed {seed}, {directory}: {words}" for words in found]
    if not found:
        shutil.rmtree(directory, ignore_errors=True)
    _say(f"{len(found)} violations", *found[:10])
    if path is not None:
        path.write_text("\n".join(table.lines()) + "\n")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
