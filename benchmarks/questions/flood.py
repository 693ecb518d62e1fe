"""How many deliveries are possible? 1,000 members, 8 posters with 64 posts of 64 bytes in flight each."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, everyone
from benchmarks.tables import Column, amount, comparison, number

__all__ = ["ask", "shown"]

OPTIONS = {"members": 1000, "posters": 8, "size": 64, "window": 64, "seconds": 1.2}


def ask(bench: Bench) -> None:
    """Saturate everyone, peers in every round too."""
    bench.race(everyone(OPTIONS, peers_once=False), seconds=60)


def shown(answer: Answer) -> str:
    """Return deliveries a second, and what they cost."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("posts/s", "posts_per_second", amount),
        Column("bytes per delivery", "bytes_per_delivery", number),
        Column("cores", "cores", number),
        Column("p99 ms", "p99_ms", number),
    ]
    return comparison(answer, columns, ratio="deliveries_per_second")
