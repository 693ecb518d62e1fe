"""How fast can a crowd come back? 5,000 members connect and join one room, all together."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import FLOOR, OURS
from benchmarks.tables import Column, amount, comparison, number

__all__ = ["ask", "shown"]

OPTIONS: Options = {"members": 5000, "posters": 0, "pace": "idle", "at-once": 5000, "warm": 0, "seconds": 0}


def ask(bench: Bench) -> None:
    """Let everyone say hello and join in one breath."""
    bench.race([Case(contender, OPTIONS) for contender in (*OURS, FLOOR)], seconds=30)


def shown(answer: Answer) -> str:
    """Return joins a second; a member's own wait is from `connect` to `joined`."""
    columns = [
        Column("all joined in s", "join_seconds", number, spread=True),
        Column("joins/s", "joins_per_second", amount),
        Column("CPU µs per join", "join_cpu_us", number),
        Column("a member waits, p50 ms", "join_p50_ms", number),
        Column("p99 ms", "join_p99_ms", number),
    ]
    return comparison(answer, columns)
