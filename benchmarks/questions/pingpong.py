"""What if posts cannot be batched? As flood, but each poster waits until its post has reached everyone."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import FLOOR, OURS
from benchmarks.tables import Column, amount, comparison, number

__all__ = ["ask", "shown"]

OPTIONS = {"members": 1000, "posters": 8, "size": 64, "window": 1, "seconds": 1}


def ask(bench: Bench) -> None:
    """Let one post of each poster be on its way."""
    bench.race([Case(contender, OPTIONS) for contender in (*OURS, FLOOR)], seconds=25)


def shown(answer: Answer) -> str:
    """Return deliveries a second, and what they cost."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("CPU µs per delivery", "cpu_us_per_delivery", number),
        Column("p50 ms", "p50_ms", number),
        Column("p99 ms", "p99_ms", number),
    ]
    return comparison(answer, columns, ratio="deliveries_per_second")
