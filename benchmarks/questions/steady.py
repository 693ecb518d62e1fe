"""How long does a message take in a big room? 1,000 members, 100 posts of 64 bytes per second."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, everyone
from benchmarks.tables import Column, comparison, number

__all__ = ["ask", "shown"]

OPTIONS = {"members": 1000, "posters": 8, "size": 64, "rate": 100, "seconds": 1.2}


def ask(bench: Bench) -> None:
    """Post at a rate that is no load to speak of."""
    bench.race(everyone(OPTIONS), seconds=40)


def shown(answer: Answer) -> str:
    """Return latency."""
    columns = [
        Column("p50 ms", "p50_ms", number),
        Column("p99 ms", "p99_ms", number, spread=True),
        Column("p99.9 ms", "p999_ms", number),
        Column("cores", "cores", number),
    ]
    return comparison(answer, columns, ratio="p99_ms")
