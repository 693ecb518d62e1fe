"""Do members that never read slow down the others? 100 members, 500 posts/s of 4 KiB, 5 stalled."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import OURS
from benchmarks.tables import number, table

__all__ = ["ask", "shown"]

OPTIONS = {"members": 100, "posters": 5, "size": 4096, "rate": 500, "seconds": 1.2}
STALLED = (0, 5)


def ask(bench: Bench) -> None:
    """Measure with and without members that stop reading at once."""
    cases = [Case(contender, {**OPTIONS, "stalled": count}) for contender in OURS for count in STALLED]
    bench.race(cases, seconds=35)


def shown(answer: Answer) -> str:
    """Return what the others feel of it, and how the server's memory grows."""
    rows = []
    for name in answer.contenders():
        for count in STALLED:
            keys = ("p50_ms", "p99_ms", "cpu_us_per_delivery", "joined_kib", "end_kib")
            p50, p99, cpu, joined, end = (
                answer.median(key, contender=name, stalled=count) or 0.0 for key in keys
            )
            grown = f"{(end - joined) / 1024:.1f}"
            rows.append([name, str(count), number(p50), number(p99), number(cpu), grown])
    return table(["", "stalled", "p50 ms", "p99 ms", "CPU µs per delivery", "memory grew by MiB"], rows)
