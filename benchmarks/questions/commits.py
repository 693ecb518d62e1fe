"""How many posts per second can be stored? Synced, 8 posters with 1 to 64 posts in flight, 100 members."""

from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import COMPILED, OURS
from benchmarks.tables import Column, amount, number, table

__all__ = ["ask", "shown"]

OPTIONS: Options = {"members": 100, "posters": 8, "size": 64, "window": 64, "pace": "acks", "seconds": 1.2}
WINDOWS = (1, 4, 16, 64)
"""Posts in flight: the more there are, the more of them share a sync."""


def ask(bench: Bench) -> None:
    """Post as fast as acknowledgements come; syncs are counted where the journal asks the system for them."""
    for round_ in bench.rounds(seconds=40):
        for ours in (*OURS, *COMPILED):
            for window in WINDOWS if ours is OURS[0] else WINDOWS[-1:]:
                with bench.directory() as directory:
                    kept = ours.keeping(Path(directory) / "journal.db", Path(directory) / "syncs")
                    bench.measure(Case(kept, {**OPTIONS, "window": window}), round_)


def shown(answer: Answer) -> str:
    """Return acknowledged posts a second, and how many share a sync."""
    columns = [
        Column("acknowledged posts/s", "acks_per_second", amount, spread=True),
        Column("syncs/s", "syncs_per_second", amount),
        Column("posts per sync", "posts_per_sync", number),
        Column("ms per sync", "sync_ms", number),
    ]
    rows = []
    for name in answer.contenders():
        for window in answer.distinct("window"):
            if cells := answer.values("acks_per_second", contender=name, window=window):
                where = {"contender": name, "window": window}
                middle = [column.format(answer.median(column.key, **where) or 0.0) for column in columns[1:]]
                low, high = amount(min(cells)), amount(max(cells))
                first = f"{amount(answer.median('acks_per_second', **where) or 0.0)} ({low} to {high})"
                rows.append([name, str(window), first, *middle])
    return table(["", "in flight, each", *[column.heading for column in columns]], rows)
