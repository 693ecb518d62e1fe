"""What does a post cost in a room of a hundred? 8 posters with 64 posts of 64 bytes in flight each."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Options, everyone
from benchmarks.tables import Column, amount, comparison, number

__all__ = ["ask", "shown"]

OPTIONS: Options = {"members": 100, "posters": 8, "size": 64, "window": 64, "seconds": 1.2}

AGAINST = "Redis pub/sub"
"""What hands on bytes, and does it fastest."""


def ask(bench: Bench) -> None:
    """Saturate everyone, peers in every round too."""
    bench.race(everyone(OPTIONS, peers_once=False), seconds=45)


def shown(answer: Answer) -> str:
    """Return deliveries a second, and what a post costs."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("CPU µs per post", "cpu_us_per_post", number, spread=True),
        Column("cores", "cores", number),
        Column("p99 ms", "p99_ms", number),
    ]
    return comparison(answer, columns, ratio="deliveries_per_second", against=AGAINST)
