"""What does a delivery cost in a lively room? 100 members, 1,000 posts of 64 bytes per second."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, everyone
from benchmarks.tables import Column, comparison, number

__all__ = ["ask", "shown"]

OPTIONS = {"members": 100, "posters": 8, "size": 64, "rate": 1000, "seconds": 1.2}


def ask(bench: Bench) -> None:
    """Post at a steady rate that everyone can carry."""
    bench.race(everyone(OPTIONS), seconds=40)


def shown(answer: Answer) -> str:
    """Return CPU a delivery and a post, and latency."""
    columns = [
        Column("CPU µs per delivery", "cpu_us_per_delivery", number, spread=True),
        Column("CPU µs per post", "cpu_us_per_post", number),
        Column("cores", "cores", number),
        Column("p50 ms", "p50_ms", number),
        Column("p99 ms", "p99_ms", number),
    ]
    return comparison(answer, columns, ratio="cpu_us_per_delivery")
