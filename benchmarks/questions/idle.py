"""What does an idle member cost? 2,000 members, and nobody posts."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Options, everyone
from benchmarks.tables import Column, comparison, number

__all__ = ["ask", "shown"]

OPTIONS: Options = {"members": 2000, "posters": 0, "pace": "idle", "settle": 1.0, "seconds": 2}


def ask(bench: Bench) -> None:
    """Let everyone join, and look. Memory does not vary, so one round is enough for the peers."""
    bench.race(everyone(OPTIONS), seconds=35)


def shown(answer: Answer) -> str:
    """Return memory a member."""
    columns = [
        Column("KiB per member", "kib_per_member", number, spread=True),
        Column("MiB without members", "empty_kib", lambda kib: number(kib / 1024)),
        Column("cores", "cores", number),
    ]
    return comparison(answer, columns)
