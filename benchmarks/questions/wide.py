"""Does it hold up with very many members in one room? 10,000 members, 20 posts of 64 bytes per second."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import FLOOR, OURS
from benchmarks.tables import Column, comparison, number

__all__ = ["ask", "shown"]

OPTIONS = {"members": 9992, "posters": 8, "size": 64, "rate": 20, "settle": 1.0, "seconds": 2}


def ask(bench: Bench) -> None:
    """Post now and then to ten thousand; the posters are among them."""
    bench.race([Case(contender, OPTIONS) for contender in (*OURS, FLOOR)], seconds=50)


def shown(answer: Answer) -> str:
    """Return latency and CPU."""
    columns = [
        Column("p50 ms", "p50_ms", number),
        Column("p99 ms", "p99_ms", number, spread=True),
        Column("CPU µs per delivery", "cpu_us_per_delivery", number),
        Column("cores", "cores", number),
        Column("KiB per member", "kib_per_member", number),
        Column("joined in s", "join_seconds", number),
    ]
    return comparison(answer, columns, ratio="cpu_us_per_delivery")
