"""How long does it take from the command to `listening on`?"""

import time
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.contenders import OURS, Ours
from benchmarks.tables import number, table

__all__ = ["ask", "shown"]

STARTS = 3
"""Starts a round: a single one takes half a second, and varies."""


def ask(bench: Bench) -> None:
    """Start and stop, with both journals."""
    for round_ in bench.rounds(seconds=15):
        for _ in range(STARTS):
            with bench.directory() as directory:
                for ours in OURS:
                    _start(bench, ours, round_, "memory")
                    _start(bench, ours.keeping(Path(directory) / ours.transport), round_, "sqlite")


def _start(bench: Bench, ours: Ours, round_: int, journal: str) -> None:
    began = time.monotonic()
    with ours.serving(bench.tools):
        took = time.monotonic() - began
    bench.keep({"contender": ours.name, "round": round_, "journal": journal, "start_seconds": took})


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
