"""What does storing messages cost? As flood, in memory and in a file that is synced."""

from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import OURS
from benchmarks.questions.flood import OPTIONS
from benchmarks.tables import amount, number, percent, table

__all__ = ["ask", "shown"]


def ask(bench: Bench) -> None:
    """Flood each of ours with both journals, and count what is synced."""
    for number_ in bench.rounds(seconds=35):
        for ours in OURS:
            bench.measure(Case(ours, OPTIONS, {"journal": "memory"}), number_)
            with bench.directory() as directory:
                kept = ours.keeping(Path(directory) / "journal.db", Path(directory) / "syncs")
                bench.measure(Case(kept, OPTIONS, {"journal": "sqlite"}), number_)


def shown(answer: Answer) -> str:
    """Return deliveries a second with both journals."""
    rows = []
    for name in answer.contenders():
        memory, kept = ({"contender": name, "journal": journal} for journal in ("memory", "sqlite"))
        share = answer.ratio("deliveries_per_second", kept, memory)
        rows.append(
            [
                name,
                amount(answer.median("deliveries_per_second", **memory) or 0.0),
                amount(answer.median("deliveries_per_second", **kept) or 0.0),
                percent(share or 0.0),
                number(answer.median("posts_per_sync", **kept) or 0.0),
            ]
        )
    return table(["", "deliveries/s in memory", "deliveries/s synced", "share", "posts per sync"], rows)
