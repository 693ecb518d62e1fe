"""How long is it from the command to `listening on`?"""

import time
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.contenders import OURS
from benchmarks.tables import number, table

__all__ = ["ask", "shown"]

STARTS = 3
"""Starts a round: a single one takes half a second, and varies."""


def ask(bench: Bench) -> None:
    """Start and stop, with both journals."""
    for round_ in range(1, bench.rounds * STARTS + 1):
        with bench.directory() as directory:
            for ours in OURS:
                for name, contender in (
                    ("memory", ours),
                    ("sqlite", ours.keeping(Path(directory) / ours.transport)),
                ):
                    began = time.monotonic()
                    with contender.serving(bench.tools):
                        took = time.monotonic() - began
                    bench.keep(
                        {"contender": ours.name, "round": round_, "journal": name, "start_seconds": took}
                    )


def shown(answer: Answer) -> str:
    """Return seconds."""
    rows = []
    for name in answer.contenders():
        row = [name]
        for journal in ("memory", "sqlite"):
            values = answer.values("start_seconds", contender=name, journal=journal)
            median = answer.median("start_seconds", contender=name, journal=journal) or 0.0
            row.append(f"{number(median)} ({number(min(values))} to {number(max(values))})")
        rows.append(row)
    return table(["", "in memory, s", "with a new file, s"], rows)
